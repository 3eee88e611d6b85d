//! IO buffers: what each reader has before it.

use std::collections::VecDeque;

use super::declared::*;
use super::{Kind, World, world};

#[derive(Default)]
pub(super) struct Model {
    /// Each with its readers.
    pub(super) buffers: Vec<(Handle, Vec<Reader>)>,
}

#[derive(Clone)]
pub(super) struct Reader {
    pub(super) handle: Handle,
    before: VecDeque<u8>,
}

impl World {
    pub(super) fn some_buffer(&mut self) -> Option<usize> {
        self.pick(self.io.buffers.len())
    }

    /// The place of a buffer, and of one of its readers.
    pub(super) fn some_reader(&mut self) -> Option<(usize, usize)> {
        let buffer = self.some_buffer()?;
        Some((buffer, self.pick(self.io.buffers[buffer].1.len())?))
    }

    fn append(&mut self, buffer: usize, bytes: &[u8]) {
        self.io.buffers[buffer].1.iter_mut().for_each(|reader| reader.before.extend(bytes));
        for reader in &self.io.buffers[buffer].1 {
            reader.check();
        }
    }

    fn some_bytes(&mut self) -> Vec<u8> {
        let (count, first) = (self.byte() * 2, self.byte());
        (first..first + count).map(|byte| byte as u8).collect()
    }
}

impl Reader {
    fn new(handle: Handle, before: VecDeque<u8>) -> Self {
        let reader = Self { handle, before };
        reader.check();
        reader
    }

    /// Copied out it is what the model has, and so many bytes are in the blocks.
    fn check(&self) {
        assert!(all_of(self.handle).iter().eq(&self.before));
        let mut block = TSIOBufferReaderStart(self.handle);
        let mut count = 0;
        while !block.is_null() {
            count += TSIOBufferBlockReadAvail(block, self.handle);
            block = TSIOBufferBlockNext(block);
        }
        assert_eq!(count, self.before.len() as i64);
    }
}

fn all_of(reader: Handle) -> Vec<u8> {
    let mut bytes = vec![0; TSIOBufferReaderAvail(reader) as usize];
    // SAFETY: there is room for so many.
    let count = unsafe { TSIOBufferReaderCopy(reader, bytes.as_mut_ptr().cast(), bytes.len() as i64) };
    assert_eq!(count, bytes.len() as i64);
    bytes
}

pub(super) fn create() {
    world(|world| {
        let size = world.byte() % 3;
        world.io.buffers.push((TSIOBufferSizedCreate(size as i32), Vec::new()));
    });
}

pub(super) fn destroy() {
    world(|world| {
        let Some(at) = world.some_buffer() else { return };
        let (buffer, readers) = world.io.buffers.swap_remove(at);
        world.gone.push((Kind::IoBlock, TSIOBufferStart(buffer)));
        TSIOBufferDestroy(buffer);
        world.gone.push((Kind::IoBuffer, buffer));
        world.gone.extend(readers.into_iter().map(|reader| (Kind::IoReader, reader.handle)));
    });
}

pub(super) fn write() {
    world(|world| {
        let Some(at) = world.some_buffer() else { return };
        let bytes = world.some_bytes();
        let (buffer, count) = (world.io.buffers[at].0, bytes.len() as i64);
        // SAFETY: the bytes are there.
        assert_eq!(unsafe { TSIOBufferWrite(buffer, bytes.as_ptr().cast(), count) }, count);
        world.append(at, &bytes);
    });
}

/// Bytes that nobody wrote are zero, and so are those of memory that others have used.
pub(super) fn produce() {
    world(|world| {
        let Some(at) = world.some_buffer() else { return };
        let buffer = world.io.buffers[at].0;
        let room = TSIOBufferBlockWriteAvail(TSIOBufferStart(buffer));
        let count = room.min(world.byte() as i64);
        TSIOBufferProduce(buffer, count);
        world.append(at, &vec![0; count as usize]);
    });
}

pub(super) fn copy() {
    world(|world| {
        let (Some(to), Some((from, reader))) = (world.some_buffer(), world.some_reader()) else { return };
        let (length, offset) = (world.byte() * 2, world.byte());
        let reader = &world.io.buffers[from].1[reader];
        let bytes: Vec<_> = reader.before.iter().copied().skip(offset).take(length).collect();
        let count = TSIOBufferCopy(world.io.buffers[to].0, reader.handle, length as i64, offset as i64);
        assert_eq!(count, bytes.len() as i64);
        world.append(to, &bytes);
    });
}

pub(super) fn alloc() {
    world(|world| {
        let Some(at) = world.some_buffer() else { return };
        let (buffer, readers) = &mut world.io.buffers[at];
        let reader = TSIOBufferReaderAlloc(*buffer);
        readers.push(Reader::new(reader, all_of(reader).into()));
    });
}

pub(super) fn clone() {
    world(|world| {
        let Some((at, reader)) = world.some_reader() else { return };
        let readers = &mut world.io.buffers[at].1;
        let Reader { handle, before } = readers[reader].clone();
        readers.push(Reader::new(TSIOBufferReaderClone(handle), before));
    });
}

pub(super) fn free() {
    world(|world| {
        let Some((at, reader)) = world.some_reader() else { return };
        let reader = world.io.buffers[at].1.swap_remove(reader).handle;
        TSIOBufferReaderFree(reader);
        world.gone.push((Kind::IoReader, reader));
    });
}

pub(super) fn consume() {
    world(|world| {
        let Some((at, reader)) = world.some_reader() else { return };
        let count = world.byte() * 2;
        let reader = &mut world.io.buffers[at].1[reader];
        TSIOBufferReaderConsume(reader.handle, count as i64);
        reader.before.drain(..count.min(reader.before.len()));
        reader.check();
    });
}

pub(super) fn end() {
    while world(|world| !world.io.buffers.is_empty()) {
        destroy();
    }
}
