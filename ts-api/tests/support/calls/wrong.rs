//! The one call of a sequence that is wrong, in a process that is split off for it.

use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;
use std::{process, ptr};

use super::declared::*;
use super::{Kind, World, world};

type Wrong = (&'static str, Box<dyn FnOnce()>);

fn wrong(name: &'static str, call: impl FnOnce() + 'static) -> Option<Wrong> {
    Some((name, Box::new(call)))
}

/// Calls that want a handle of a kind.
fn of_kind(kind: Kind, how: usize, handle: Handle) -> Option<Wrong> {
    let other = ptr::null_mut();
    match (kind, how % 5) {
        (Kind::Mutex, 0) => wrong("TSMutexDestroy", move || TSMutexDestroy(handle)),
        (Kind::Mutex, 1) => wrong("TSMutexLock", move || TSMutexLock(handle)),
        (Kind::Mutex, 2) => wrong("TSMutexLockTry", move || _ = TSMutexLockTry(handle)),
        (Kind::Mutex, 3) => wrong("TSMutexUnlock", move || TSMutexUnlock(handle)),
        (Kind::Mutex, _) if handle.is_null() => None,
        (Kind::Mutex, _) => wrong("TSContCreate", move || {
            unsafe extern "C" fn handler(_: Handle, _: i32, _: Handle) -> i32 {
                0
            }
            TSContCreate(Some(handler), handle);
        }),
        (Kind::Cont, 0) => wrong("TSContDestroy", move || TSContDestroy(handle)),
        (Kind::Cont, 1) => wrong("TSContDataGet", move || _ = TSContDataGet(handle)),
        (Kind::Cont, 2) => wrong("TSContCall", move || _ = TSContCall(handle, 0, other)),
        (Kind::Cont, 3) => wrong("TSContScheduleOnPool", move || _ = TSContScheduleOnPool(handle, 0, 0)),
        (Kind::Cont, _) => wrong("TSContThreadAffinityGet", move || _ = TSContThreadAffinityGet(handle)),
        (Kind::IoBuffer, 0) => wrong("TSIOBufferDestroy", move || TSIOBufferDestroy(handle)),
        (Kind::IoBuffer, 1) => wrong("TSIOBufferReaderAlloc", move || _ = TSIOBufferReaderAlloc(handle)),
        (Kind::IoBuffer, _) => wrong("TSIOBufferProduce", move || TSIOBufferProduce(handle, 0)),
        (Kind::IoReader, 0) => wrong("TSIOBufferReaderFree", move || TSIOBufferReaderFree(handle)),
        (Kind::IoReader, 1) => wrong("TSIOBufferReaderStart", move || _ = TSIOBufferReaderStart(handle)),
        (Kind::IoReader, _) => wrong("TSIOBufferReaderConsume", move || TSIOBufferReaderConsume(handle, 1)),
        (Kind::IoBlock, 0) => wrong("TSIOBufferBlockNext", move || _ = TSIOBufferBlockNext(handle)),
        (Kind::IoBlock, _) => {
            wrong("TSIOBufferBlockWriteAvail", move || _ = TSIOBufferBlockWriteAvail(handle))
        }
        (Kind::Uuid, 0) => wrong("TSUuidDestroy", move || TSUuidDestroy(handle)),
        (Kind::Uuid, _) => wrong("TSUuidInitialize", move || _ = TSUuidInitialize(handle, 4)),
        (Kind::Buffer, 0) => wrong("TSMBufferDestroy", move || _ = TSMBufferDestroy(handle)),
        (Kind::Buffer, _) => wrong("TSHttpHdrCreate", move || _ = TSHttpHdrCreate(handle)),
    }
}

fn some_gone(world: &mut World) -> Option<(Kind, Handle)> {
    let at = world.pick(world.gone.len())?;
    Some(world.gone[at])
}

/// Something that is wrong just now.
fn choose(world: &mut World) -> Option<Wrong> {
    const KINDS: [Kind; 7] =
        [Kind::Mutex, Kind::Cont, Kind::IoBuffer, Kind::IoReader, Kind::IoBlock, Kind::Buffer, Kind::Uuid];
    let caller = TSEventThreadSelf();
    let (which, how) = (world.byte(), world.byte());
    match which % 18 {
        0 => of_kind(KINDS[how % 7], how / 7, ptr::null_mut()),
        1..=5 => {
            let (kind, handle) = some_gone(world)?;
            of_kind(kind, how, handle)
        }
        6 | 7 => {
            let (kind, handle) = some_gone(world)?;
            let other = KINDS.into_iter().cycle().skip(how % 7).find(|other| *other != kind)?;
            of_kind(other, how / 7, handle)
        }
        8 => {
            let mutex = world.some_mutex(|mutex| mutex.levels == 0 || mutex.holder != Some(caller))?;
            wrong("TSMutexUnlock", move || TSMutexUnlock(mutex))
        }
        9 => {
            let mutex = world.some_mutex(|mutex| mutex.levels > 0 || mutex.conts.is_some())?;
            wrong("TSMutexDestroy", move || TSMutexDestroy(mutex))
        }
        10 => {
            let cont = world.some_cont(|_| true)?;
            let cont = *world.events.conts.iter().find(|it| it.handle == cont)?;
            let is_held = world.mutex_of(&cont).is_some_and(|mutex| !mutex.is_free_for(caller));
            is_held.then(|| wrong("TSContCall", move || _ = TSContCall(cont.handle, 0, ptr::null_mut())))?
        }
        11 => {
            let cont = world.some_cont(|cont| cont.mutex.is_null())?;
            wrong("TSContSchedule", move || _ = TSContSchedule(cont, 1))
        }
        12 => {
            let cont = world.some_cont(|cont| !cont.mutex.is_null())?;
            let pool = [-1, 2, 3, 4][how % 4];
            wrong("TSContScheduleOnPool", move || _ = TSContScheduleOnPool(cont, 1, pool))
        }
        13 => {
            let cont = world.some_cont(|_| true)?;
            wrong("TSContScheduleEvery", move || _ = TSContScheduleEvery(cont, 0))
        }
        14 => {
            let buffer = world.some_buffer()?;
            let buffer = world.io.buffers[buffer].0;
            wrong("TSIOBufferProduce", move || TSIOBufferProduce(buffer, 1 << 20))
        }
        15 => {
            let one = world.some_head()?;
            let (one, other) = (&world.marshal.heads[one], world.marshal.heads.get(how)?);
            let (buffer, head) = (one.buffer, other.head);
            (buffer != other.buffer)
                .then(|| wrong("TSMimeHdrFieldsCount", move || _ = TSMimeHdrFieldsCount(buffer, head)))?
        }
        16 => {
            let at = world.some_head()?;
            let (buffer, head, field) = world.marshal.heads[at].some_field()?;
            // Released once by the wrong call itself.
            wrong("TSMimeHdrFieldDestroy", move || {
                TSHandleMLocRelease(buffer, head, field);
                TSMimeHdrFieldDestroy(buffer, head, field);
            })
        }
        _ => {
            let (at, reader) = world.some_reader()?;
            let reader = world.io.buffers[at].1[reader].handle;
            let (other, _) = *world.io.buffers.get((at + 1) % world.io.buffers.len())?;
            if other == world.io.buffers[at].0 {
                return None;
            }
            let block = TSIOBufferStart(other);
            wrong("TSIOBufferBlockReadAvail", move || _ = TSIOBufferBlockReadAvail(block, reader))
        }
    }
}

/// Makes a wrong call, if there is one to make.
pub(super) fn call() {
    let Some((name, call)) = world(|world| {
        let first = !std::mem::replace(&mut world.went_wrong, true);
        first.then(|| choose(world)).flatten()
    }) else {
        return;
    };
    let (line, status) = split_off(call);
    assert!(
        libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT,
        "{name}: {status:#x}, {line:?}"
    );
    assert!(line.starts_with(&format!("ts: {name}, called by fuzzed: ")), "{name}: {line:?}");
    assert_eq!(line.find('\n'), Some(line.len() - 1), "{name}: one line, but {line:?}");
}

/// What a process that does this writes to its standard error stream, and how it ends.
fn split_off(f: Box<dyn FnOnce()>) -> (String, i32) {
    // SAFETY: no other thread has anything to do with what this one does here, so the child, which has no other threads, finds
    // all as it was. It goes on to a signal or to its end.
    unsafe {
        let mut ends = [0; 2];
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let child = libc::fork();
        if child == 0 {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &none);
            // Whoever watches this process has nothing to say to the end of that.
            libc::signal(libc::SIGABRT, libc::SIG_DFL);
            libc::alarm(20);
            libc::dup2(ends[1], 2);
            f();
            libc::_exit(0)
        }
        assert!(child > 0, "a process can be split off");
        libc::close(ends[1]);
        let mut text = String::new();
        let read = File::from_raw_fd(ends[0]).read_to_string(&mut text);
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child, "in {}", process::id());
        read.expect("a pipe can be read from");
        (text, status)
    }
}
