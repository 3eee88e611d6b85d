//! Files with a buffer, to read or to write.
//!
//! # Rules
//! * They block, as files do: for threads that may, as in the initialisation of a plugin.
//! * A file is one caller's at a time; another one waits.

use std::ffi::{OsStr, c_char, c_void};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::{ptr, slice};

use parking_lot::Mutex;

use super::call::{self, Call};
use super::handle::{Raw as _, Table};
use super::types::TSFile;

enum Open {
    Reading(BufReader<File>),
    Writing(BufWriter<File>),
}

static FILES: Table<TSFile, Arc<Mutex<Open>>> = Table::new();

fn get(call: Call, filep: TSFile) -> Arc<Mutex<Open>> {
    FILES.with(call, "filep", filep, |file| Arc::clone(file))
}

/// A number of bytes, as C has it; -1 for none.
fn count(bytes: Option<usize>) -> isize {
    bytes.and_then(|bytes| isize::try_from(bytes).ok()).unwrap_or(-1)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSfopen(filename: *const c_char, mode: *const c_char) -> TSFile {
    call::enter("TSfopen", |call| {
        // SAFETY: the plugin says that they are texts.
        let [filename, mode] = unsafe { [call.text("filename", filename), call.text("mode", mode)] };
        let path = OsStr::from_bytes(filename.to_bytes());
        let open = match mode.to_bytes() {
            b"r" => File::open(path).map(|file| Open::Reading(BufReader::new(file))),
            b"w" => File::create(path).map(|file| Open::Writing(BufWriter::new(file))),
            b"a" => {
                let file = OpenOptions::new().append(true).create(true).open(path);
                file.map(|file| Open::Writing(BufWriter::new(file)))
            }
            _ => return TSFile::from_bits(0),
        };
        open.map_or(TSFile::from_bits(0), |open| FILES.insert(Arc::new(Mutex::new(open))))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSfclose(filep: TSFile) {
    call::enter("TSfclose", |call| {
        let file = FILES.remove(call, "filep", filep);
        // Somebody who is at it just now keeps it open until that is over.
        if let Open::Writing(file) = &mut *file.lock()
            && let Err(error) = file.flush()
        {
            tracing::error!(%error, "a plugin's file was closed, and not all of it was written");
        }
    });
}

/// More than there can be is a fault: it was a negative number.
fn possible(call: Call, length: usize) {
    if isize::try_from(length).is_err() {
        call.fault(format_args!("length is {length}, more than there can be"));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSfread(filep: TSFile, buf: *mut c_void, length: usize) -> isize {
    call::enter("TSfread", |call| {
        let file = get(call, filep);
        if length == 0 {
            return 0;
        }
        let place = call.place("buf", buf.cast::<u8>());
        possible(call, length);
        // SAFETY: the plugin says that so many bytes can be written there. They are written before they are looked at.
        let buffer = unsafe { slice::from_raw_parts_mut(place.as_ptr(), length) };
        let Open::Reading(file) = &mut *file.lock() else { return -1 };
        let mut read = 0;
        while read < length {
            match file.read(&mut buffer[read..]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // What was read before is not lost; the next call meets the error again.
                Err(_) if read > 0 => break,
                Err(_) => return -1,
            }
        }
        count(Some(read))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSfwrite(filep: TSFile, buf: *const c_void, length: usize) -> isize {
    call::enter("TSfwrite", |call| {
        let file = get(call, filep);
        if length == 0 {
            return 0;
        }
        let place = call.place("buf", buf.cast::<u8>().cast_mut());
        possible(call, length);
        // SAFETY: the plugin says that so many bytes can be read there; it is not more than there can be.
        let bytes = unsafe { slice::from_raw_parts(place.as_ptr(), length) };
        let Open::Writing(file) = &mut *file.lock() else { return -1 };
        let mut written = 0;
        while written < bytes.len() {
            match file.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        count(Some(written))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSfflush(filep: TSFile) {
    call::enter("TSfflush", |call| {
        let file = get(call, filep);
        if let Open::Writing(file) = &mut *file.lock()
            && let Err(error) = file.flush()
        {
            tracing::error!(%error, "a plugin's file cannot be written");
        }
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSfgets(filep: TSFile, buf: *mut c_char, length: usize) -> *mut c_char {
    call::enter("TSfgets", |call| {
        let file = get(call, filep);
        let place = call.place("buf", buf);
        let Some(most) = length.checked_sub(1) else { return ptr::null_mut() };
        let Open::Reading(file) = &mut *file.lock() else { return ptr::null_mut() };
        let mut line = Vec::new();
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        if file.take(most).read_until(b'\n', &mut line).is_err() || line.is_empty() {
            return ptr::null_mut();
        }
        // SAFETY: the plugin says that there is room for `length` bytes; the line has one less at most.
        unsafe {
            ptr::copy_nonoverlapping(line.as_ptr(), place.as_ptr().cast::<u8>(), line.len());
            place.add(line.len()).write(0);
        }
        buf
    })
}
