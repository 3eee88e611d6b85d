//! Marshal buffers: heads and their fields.

use std::ffi::c_int;
use std::{ptr, slice};

use super::declared::*;
use super::{Kind, World, world};

const NAMES: [&str; 5] = ["X-One", "X-Two", "Accept", "Via", "x-three"];
const VALUES: [&str; 5] = ["", "1", "a, b", "\"q, r\", s", "text/html;q=0.5"];

#[derive(Default)]
pub(super) struct Model {
    pub(super) heads: Vec<Head>,
}

pub(super) struct Head {
    pub(super) buffer: Handle,
    pub(super) head: Handle,
    fields: Vec<(&'static str, &'static str)>,
}

impl World {
    pub(super) fn some_head(&mut self) -> Option<usize> {
        self.pick(self.marshal.heads.len())
    }
}

impl Head {
    fn find(&self, name: &str) -> Handle {
        // SAFETY: the name is there.
        unsafe { TSMimeHdrFieldFind(self.buffer, self.head, name.as_ptr().cast(), name.len() as c_int) }
    }

    /// A buffer, its head, and a field that it has.
    pub(super) fn some_field(&self) -> Option<(Handle, Handle, Handle)> {
        let (name, _) = self.fields.first()?;
        Some((self.buffer, self.head, self.find(name)))
    }

    fn check(&self) {
        assert_eq!(TSMimeHdrFieldsCount(self.buffer, self.head), self.fields.len() as c_int);
        for name in NAMES {
            let field = self.find(name);
            let first = self.fields.iter().find(|(known, _)| *known == name);
            assert_eq!(field.is_null(), first.is_none());
            if let Some((_, value)) = first {
                let mut length = -1;
                // SAFETY: there is a place for the length, and the value stays while its buffer does.
                let found: &[u8] = unsafe {
                    let text = TSMimeHdrFieldValueStringGet(self.buffer, self.head, field, -1, &mut length);
                    if length == 0 { &[] } else { slice::from_raw_parts(text.cast(), length as usize) }
                };
                assert_eq!(found, value.as_bytes());
            }
            assert_eq!(TSHandleMLocRelease(self.buffer, self.head, field), 0);
        }
    }
}

pub(super) fn create() {
    world(|world| {
        let buffer = TSMBufferCreate();
        let head = TSHttpHdrCreate(buffer);
        assert_eq!(TSHttpHdrTypeSet(buffer, head, 1), 0);
        world.marshal.heads.push(Head { buffer, head, fields: Vec::new() });
    });
}

pub(super) fn destroy() {
    world(|world| {
        let Some(at) = world.some_head() else { return };
        let Head { buffer, .. } = world.marshal.heads.swap_remove(at);
        assert_eq!(TSMBufferDestroy(buffer), 0);
        world.gone.push((Kind::Buffer, buffer));
    });
}

pub(super) fn add() {
    world(|world| {
        let Some(at) = world.some_head() else { return };
        let (name, value) = (NAMES[world.byte() % 5], VALUES[world.byte() % 5]);
        let Head { buffer, head, fields } = &mut world.marshal.heads[at];
        let (buffer, head) = (*buffer, *head);
        let mut field = ptr::null_mut();
        // SAFETY: the texts are there, and there is a place for the field.
        unsafe {
            let (text, length) = (name.as_ptr().cast(), name.len() as c_int);
            assert_eq!(TSMimeHdrFieldCreateNamed(buffer, head, text, length, &mut field), 0);
            let (text, length) = (value.as_ptr().cast(), value.len() as c_int);
            assert_eq!(TSMimeHdrFieldValueStringSet(buffer, head, field, -1, text, length), 0);
        }
        assert_eq!(TSMimeHdrFieldAppend(buffer, head, field), 0);
        assert_eq!(TSHandleMLocRelease(buffer, head, field), 0);
        fields.push((name, value));
        world.marshal.heads[at].check();
    });
}

pub(super) fn take_out() {
    world(|world| {
        let Some(at) = world.some_head() else { return };
        let name = NAMES[world.byte() % 5];
        let head = &mut world.marshal.heads[at];
        let field = head.find(name);
        if !field.is_null() {
            assert_eq!(TSMimeHdrFieldDestroy(head.buffer, head.head, field), 0);
            assert_eq!(TSHandleMLocRelease(head.buffer, head.head, field), 0);
            let first = head.fields.iter().position(|(known, _)| *known == name);
            head.fields.remove(first.expect("it was found"));
        }
        head.check();
    });
}

pub(super) fn print() {
    world(|world| {
        let Some(at) = world.some_head() else { return };
        let Head { buffer, head, .. } = world.marshal.heads[at];
        let to = TSIOBufferSizedCreate(0);
        let reader = TSIOBufferReaderAlloc(to);
        TSHttpHdrPrint(buffer, head, to);
        assert_eq!(TSIOBufferReaderAvail(reader), TSHttpHdrLengthGet(buffer, head).into());
        TSIOBufferDestroy(to);
    });
}

pub(super) fn end() {
    while world(|world| !world.marshal.heads.is_empty()) {
        destroy();
    }
}
