//! UUIDs, and what text each has.

use std::ffi::{CStr, CString};

use super::declared::*;
use super::{Kind, World, world};

/// Version 4 is drawn.
const V4: i32 = 4;

#[derive(Default)]
pub(super) struct Model {
    /// Each with its text, if it has one.
    uuids: Vec<(Handle, Option<CString>)>,
}

impl World {
    fn some_uuid(&mut self) -> Option<usize> {
        self.pick(self.uuid.uuids.len())
    }
}

fn text_of(uuid: Handle) -> Option<CString> {
    let text = TSUuidStringGet(uuid);
    // SAFETY: if there is a text it ends with a NUL, and stays as long as nothing is done to its UUID.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_owned())
}

pub(super) fn create() {
    world(|world| world.uuid.uuids.push((TSUuidCreate(), None)));
}

pub(super) fn draw() {
    world(|world| {
        let Some(at) = world.some_uuid() else { return };
        let (uuid, known) = &mut world.uuid.uuids[at];
        assert_eq!(TSUuidInitialize(*uuid, V4), 0);
        let drawn = text_of(*uuid);
        assert!(drawn.is_some() && drawn != *known, "it is another each time");
        *known = drawn;
    });
}

/// By a copy, or by its text.
pub(super) fn copy() {
    world(|world| {
        let (Some(to), Some(from), how) = (world.some_uuid(), world.some_uuid(), world.byte()) else {
            return;
        };
        let (to_uuid, (from_uuid, text)) = (world.uuid.uuids[to].0, world.uuid.uuids[from].clone());
        let done = match &text {
            // SAFETY: the text is there.
            Some(text) if how % 2 == 0 => unsafe { TSUuidStringParse(to_uuid, text.as_ptr()) },
            _ => TSUuidCopy(to_uuid, from_uuid),
        };
        assert_eq!(done == 0, text.is_some());
        if text.is_some() {
            world.uuid.uuids[to].1 = text;
        }
        for (uuid, text) in &world.uuid.uuids {
            assert_eq!(text_of(*uuid), *text);
        }
    });
}

pub(super) fn destroy() {
    world(|world| {
        let Some(at) = world.some_uuid() else { return };
        let (uuid, _) = world.uuid.uuids.swap_remove(at);
        TSUuidDestroy(uuid);
        world.gone.push((Kind::Uuid, uuid));
    });
}

pub(super) fn end() {
    while world(|world| !world.uuid.uuids.is_empty()) {
        destroy();
    }
}
