//! IO buffers as plugins in C have them, and against a model: a list of bytes.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_void};
use std::{fs, ptr, slice};

use c::Plugin;
use proptest::prelude::*;
use proptest::sample::Index;

fn printed(entry: &str) -> Vec<String> {
    Plugin::compile("io.c").run(entry, &[]).printed()
}

#[test]
fn each_reader_goes_along_at_its_own_place() {
    assert_eq!(printed("readers_go_along"), [".", " three.", "two three.", "9"]);
}

#[test]
fn bytes_are_written_in_place() {
    let expected = [&*"a".repeat(128), &"b".repeat(28), &"c".repeat(100), "."].concat();
    assert_eq!(printed("bytes_are_written_in_place"), [expected]);
}

#[test]
fn what_is_taken_over_from_a_buffer_outlives_it_and_is_not_copied() {
    assert_eq!(printed("bytes_are_shared"), ["two three!."]);
}

#[test]
fn threads_may_share_a_buffer() {
    assert_eq!(printed("threads_share_one"), ["."]);
}

#[test]
fn a_bad_handle_ends_the_process_with_a_line_that_says_what_is_wrong_with_it() {
    let plugin = Plugin::compile("io.c");
    let buffer = ("bufp", "an IO buffer", "an IO buffer's reader");
    let reader = ("readerp", "an IO buffer's reader", "an IO buffer");
    let block = ("blockp", "an IO buffer's block", "an IO buffer's reader");
    for (calls, (argument, kind, other)) in [
        ("Destroy Start WaterMarkGet WaterMarkSet Copy Write Produce ReaderAlloc", buffer),
        ("ReaderFree ReaderClone ReaderStart ReaderConsume ReaderAvail ReaderCopy", reader),
        ("BlockNext BlockDataSizeGet BlockReadStart BlockReadAvail BlockWriteStart BlockWriteAvail", block),
        ("the_reader_of_Copy the_reader_of_BlockReadStart the_reader_of_BlockReadAvail", reader),
    ] {
        for call in calls.split(' ') {
            let (which, call) = call.rsplit_once('_').unwrap_or(("", call));
            let call = format!("TSIOBuffer{call}");
            let case = format!("{} {call}", which.replace('_', " "));
            for (how, fault) in [
                ("null", format!("is null where {kind} is needed")),
                ("stale", format!("is {kind} that is gone")),
                ("other", format!("is {other}, where {kind} is needed")),
            ] {
                let line = plugin.run("bad_handle", &[case.trim(), how]).fault();
                let expected = format!("ts: {call}, called by io: {argument} {fault}");
                assert!(line.starts_with(&expected), "{case}, {how}: {line}");
            }
        }
    }
}

#[test]
fn whatever_else_is_wrong_is_said_in_one_line() {
    let plugin = Plugin::compile("io.c");
    for (case, call, fault) in [
        ("a size below all", "SizedCreate", "index is -1, and blocks have sizes from 0 to 14"),
        ("a size above all", "SizedCreate", "index is 15, and blocks have sizes from 0 to 14"),
        ("a length below zero", "Write", "length is -1"),
        ("no bytes", "Write", "buf is null, with a length of 1"),
        ("a copy of less than nothing", "Copy", "length is -1"),
        ("a copy from before", "Copy", "offset is -1"),
        ("a mark below zero", "WaterMarkSet", "water_mark is -1"),
        ("less than nothing produced", "Produce", "nbytes is -1"),
        (
            "more than there is room for",
            "Produce",
            "nbytes is 129, and the block that is written to has room for 128",
        ),
        ("less than nothing consumed", "ReaderConsume", "nbytes is -1"),
        ("less than nothing read", "ReaderCopy", "length is -1"),
        ("no room to read to", "ReaderCopy", "buf is null, with a length of 1"),
        ("a count out of line", "BlockReadStart", "avail is not aligned"),
        ("a room out of line", "BlockWriteStart", "avail is not aligned"),
        ("another buffer's reader at a block", "BlockReadStart", "blockp and readerp are of two buffers"),
        ("another buffer's reader asked", "BlockReadAvail", "blockp and readerp are of two buffers"),
        ("a block that all are past", "BlockNext", "blockp is an IO buffer's block that is gone"),
        ("a reader after its buffer", "ReaderFree", "readerp is an IO buffer's reader that is gone"),
    ] {
        let line = plugin.run("wrong", &[case]).fault();
        let expected = format!("ts: TSIOBuffer{call}, called by io: {fault}");
        assert!(line.starts_with(&expected), "{case}: {line}");
    }
}

type Handle = *mut c_void;

unsafe extern "C" {
    fn TSIOBufferSizedCreate(index: c_int) -> Handle;
    fn TSIOBufferDestroy(buffer: Handle);
    fn TSIOBufferStart(buffer: Handle) -> Handle;
    fn TSIOBufferWrite(buffer: Handle, bytes: *const c_void, length: i64) -> i64;
    fn TSIOBufferCopy(buffer: Handle, reader: Handle, length: i64, offset: i64) -> i64;
    fn TSIOBufferProduce(buffer: Handle, count: i64);
    fn TSIOBufferReaderAlloc(buffer: Handle) -> Handle;
    fn TSIOBufferReaderClone(reader: Handle) -> Handle;
    fn TSIOBufferReaderFree(reader: Handle);
    fn TSIOBufferReaderStart(reader: Handle) -> Handle;
    fn TSIOBufferReaderConsume(reader: Handle, count: i64);
    fn TSIOBufferReaderAvail(reader: Handle) -> i64;
    fn TSIOBufferReaderCopy(reader: Handle, to: *mut c_void, length: i64) -> i64;
    fn TSIOBufferBlockNext(block: Handle) -> Handle;
    fn TSIOBufferBlockReadStart(block: Handle, reader: Handle, avail: *mut i64) -> *const c_char;
    fn TSIOBufferBlockWriteStart(block: Handle, avail: *mut i64) -> *mut c_char;
}

/// Something done to a buffer, or to a reader; which one, the index says.
#[derive(Debug, Clone)]
enum Step {
    Create(c_int),
    Destroy(Index),
    Write(Index, Vec<u8>),
    /// As many of these as the block has room for.
    InPlace(Index, Vec<u8>),
    Copy {
        to: Index,
        from: Index,
        length: usize,
        offset: usize,
    },
    Alloc(Index),
    Clone(Index),
    Free(Index),
    Consume(Index, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let bytes = || prop::collection::vec(any::<u8>(), 0..400);
    prop_oneof![
        1 => (0..3).prop_map(Step::Create),
        1 => index().prop_map(Step::Destroy),
        6 => (index(), bytes()).prop_map(|(buffer, bytes)| Step::Write(buffer, bytes)),
        4 => (index(), bytes()).prop_map(|(buffer, bytes)| Step::InPlace(buffer, bytes)),
        4 => (index(), index(), 0..500_usize, 0..200_usize)
            .prop_map(|(to, from, length, offset)| Step::Copy { to, from, length, offset }),
        2 => index().prop_map(Step::Alloc),
        2 => index().prop_map(Step::Clone),
        2 => index().prop_map(Step::Free),
        6 => (index(), 0..400_usize).prop_map(|(reader, count)| Step::Consume(reader, count)),
    ]
}

/// A buffer, with what each reader has before it.
struct Model {
    buffer: Handle,
    readers: Vec<(Handle, VecDeque<u8>)>,
}

impl Model {
    fn append(&mut self, bytes: &[u8]) {
        self.readers.iter_mut().for_each(|(_, before)| before.extend(bytes));
    }
}

/// What a reader has before it, as `TSIOBufferReaderCopy` gives it.
fn copied(reader: Handle) -> Vec<u8> {
    // SAFETY: the reader is there, and there is room for what it has.
    unsafe {
        let mut bytes = vec![0; TSIOBufferReaderAvail(reader) as usize + 1];
        let count = TSIOBufferReaderCopy(reader, bytes.as_mut_ptr().cast(), bytes.len() as i64);
        bytes.truncate(count as usize);
        bytes
    }
}

/// What a reader has before it, block by block.
fn read(reader: Handle) -> Vec<u8> {
    let mut bytes = Vec::new();
    // SAFETY: the reader is there, and nothing is done to it or its buffer meanwhile.
    unsafe {
        let mut block = TSIOBufferReaderStart(reader);
        assert!(!block.is_null(), "there is always one");
        assert_eq!(TSIOBufferReaderStart(reader), block, "it has one handle");
        while !block.is_null() {
            let mut avail = -1;
            let start = TSIOBufferBlockReadStart(block, reader, &mut avail);
            bytes.extend_from_slice(slice::from_raw_parts(start.cast(), avail as usize));
            block = TSIOBufferBlockNext(block);
        }
    }
    bytes
}

/// Does a step if there is somebody to do it to.
fn take(models: &mut Vec<Model>, step: &Step) {
    let readers: Vec<_> = models
        .iter()
        .enumerate()
        .flat_map(|(at, model)| (0..model.readers.len()).map(move |reader| (at, reader)))
        .collect();
    let reader = |index: &Index| (!readers.is_empty()).then(|| *index.get(&readers));
    // SAFETY: the handles are of buffers and readers that are there, and the bytes too.
    unsafe {
        match step {
            Step::Create(size) => {
                models.push(Model { buffer: TSIOBufferSizedCreate(*size), readers: vec![] })
            }
            Step::Destroy(at) if !models.is_empty() => {
                TSIOBufferDestroy(models.swap_remove(at.index(models.len())).buffer);
            }
            Step::Write(at, bytes) if !models.is_empty() => {
                let model = at.get_mut(models);
                let length = bytes.len() as i64;
                assert_eq!(TSIOBufferWrite(model.buffer, bytes.as_ptr().cast(), length), length);
                model.append(bytes);
            }
            Step::InPlace(at, bytes) if !models.is_empty() => {
                let model = at.get_mut(models);
                let mut avail = 0;
                let start = TSIOBufferBlockWriteStart(TSIOBufferStart(model.buffer), &mut avail);
                assert!(avail > 0, "there is room");
                let count = bytes.len().min(avail as usize);
                ptr::copy_nonoverlapping(bytes.as_ptr(), start.cast(), count);
                TSIOBufferProduce(model.buffer, count as i64);
                model.append(&bytes[..count]);
            }
            Step::Copy { to, from, length, offset } => {
                let Some((from, reader)) = reader(from) else { return };
                let (reader, before) = &models[from].readers[reader];
                let bytes: Vec<_> = before.iter().copied().skip(*offset).take(*length).collect();
                let reader = *reader;
                let to = to.get_mut(models);
                let count = TSIOBufferCopy(to.buffer, reader, *length as i64, *offset as i64);
                assert_eq!(count, bytes.len() as i64);
                to.append(&bytes);
            }
            Step::Alloc(at) if !models.is_empty() => {
                let model = at.get_mut(models);
                let reader = TSIOBufferReaderAlloc(model.buffer);
                let before: VecDeque<_> = copied(reader).into();
                for (_, others) in &model.readers {
                    let behind =
                        before.len().checked_sub(others.len()).expect("it begins with the first byte");
                    assert!(before.range(behind..).eq(others));
                }
                model.readers.push((reader, before));
            }
            Step::Clone(at) => {
                let Some((at, reader)) = reader(at) else { return };
                let (reader, before) = models[at].readers[reader].clone();
                models[at].readers.push((TSIOBufferReaderClone(reader), before));
            }
            Step::Free(at) => {
                let Some((at, reader)) = reader(at) else { return };
                TSIOBufferReaderFree(models[at].readers.swap_remove(reader).0);
            }
            Step::Consume(at, count) => {
                let Some((at, reader)) = reader(at) else { return };
                let (reader, before) = &mut models[at].readers[reader];
                TSIOBufferReaderConsume(*reader, *count as i64);
                before.drain(..before.len().min(*count));
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn readers_have_before_them_what_was_appended_and_not_consumed(steps in prop::collection::vec(step(), 1..60)) {
        let mut models = Vec::new();
        take(&mut models, &Step::Create(0));
        take(&mut models, &Step::Create(1));
        for step in steps {
            take(&mut models, &step);
            for (reader, before) in models.iter().flat_map(|model| &model.readers) {
                // SAFETY: it is there.
                prop_assert_eq!(unsafe { TSIOBufferReaderAvail(*reader) }, before.len() as i64);
                prop_assert!(before.iter().eq(&copied(*reader)), "copied, after {:?}", step);
                prop_assert!(before.iter().eq(&read(*reader)), "block by block, after {:?}", step);
            }
        }
        for model in models {
            // SAFETY: it is there.
            unsafe { TSIOBufferDestroy(model.buffer) };
        }
    }
}

/// Pages of memory that this process has.
fn pages() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux tells");
    pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number")
}

#[test]
fn what_every_reader_is_past_is_given_back() {
    const TURN: usize = 1 << 20;
    let bytes = vec![7; TURN];
    // SAFETY: the handles are of this buffer, which is there until the end, and so are the bytes.
    unsafe {
        let (buffer, to) = (TSIOBufferSizedCreate(5), TSIOBufferSizedCreate(5));
        let (one, two) = (TSIOBufferReaderAlloc(buffer), TSIOBufferReaderAlloc(buffer));
        let of_to = TSIOBufferReaderAlloc(to);
        let before = pages();
        for _ in 0..256 {
            TSIOBufferWrite(buffer, bytes.as_ptr().cast(), TURN as i64);
            TSIOBufferReaderConsume(one, TURN as i64);
            assert_eq!(TSIOBufferCopy(to, two, TURN as i64, 0), TURN as i64);
            TSIOBufferReaderConsume(two, TURN as i64);
            TSIOBufferReaderConsume(of_to, TURN as i64);
            TSIOBufferBlockNext(TSIOBufferReaderStart(of_to));
        }
        assert!(pages().saturating_sub(before) < (64 << 20) / 4096, "a quarter of all that went through");
        TSIOBufferDestroy(buffer);
        TSIOBufferDestroy(to);
    }
}
