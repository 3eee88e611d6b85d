//! The calls, as Rust declares them. Whatever handle they are given, those that follow no pointer harm nobody: so they are safe.

use std::ffi::{c_char, c_int, c_void};

pub type Handle = *mut c_void;
pub type Handler = unsafe extern "C" fn(Handle, c_int, *mut c_void) -> c_int;

unsafe extern "C" {
    pub safe fn TSMutexCreate() -> Handle;
    pub safe fn TSMutexDestroy(mutex: Handle);
    pub safe fn TSMutexLock(mutex: Handle);
    pub safe fn TSMutexLockTry(mutex: Handle) -> c_int;
    pub safe fn TSMutexUnlock(mutex: Handle);

    pub safe fn TSContCreate(handler: Option<Handler>, mutex: Handle) -> Handle;
    pub safe fn TSContDestroy(cont: Handle);
    pub safe fn TSContDataSet(cont: Handle, data: *mut c_void) -> c_int;
    pub safe fn TSContDataGet(cont: Handle) -> *mut c_void;
    pub safe fn TSContMutexGet(cont: Handle) -> Handle;
    pub safe fn TSContCall(cont: Handle, event: c_int, data: *mut c_void) -> c_int;

    pub safe fn TSContSchedule(cont: Handle, timeout: i64) -> Handle;
    pub safe fn TSContScheduleEvery(cont: Handle, every: i64) -> Handle;
    pub safe fn TSContScheduleOnPool(cont: Handle, timeout: i64, pool: c_int) -> Handle;
    pub safe fn TSContScheduleEveryOnPool(cont: Handle, every: i64, pool: c_int) -> Handle;
    pub safe fn TSContScheduleOnThread(cont: Handle, timeout: i64, thread: Handle) -> Handle;
    pub safe fn TSContScheduleEveryOnThread(cont: Handle, every: i64, thread: Handle) -> Handle;
    pub fn TSContScheduleOnEntirePoolInto(
        cont: Handle,
        timeout: i64,
        pool: c_int,
        actions: *mut Handle,
        capacity: c_int,
    ) -> c_int;
    pub safe fn TSContThreadAffinitySet(cont: Handle, thread: Handle) -> c_int;
    pub safe fn TSContThreadAffinityGet(cont: Handle) -> Handle;
    pub safe fn TSContThreadAffinityClear(cont: Handle);
    pub safe fn TSActionCancel(action: Handle);
    pub safe fn TSActionDone(action: Handle) -> c_int;
    pub safe fn TSEventThreadSelf() -> Handle;

    pub safe fn TSIOBufferSizedCreate(index: c_int) -> Handle;
    pub safe fn TSIOBufferDestroy(buffer: Handle);
    pub safe fn TSIOBufferStart(buffer: Handle) -> Handle;
    pub fn TSIOBufferWrite(buffer: Handle, bytes: *const c_void, length: i64) -> i64;
    pub safe fn TSIOBufferCopy(buffer: Handle, reader: Handle, length: i64, offset: i64) -> i64;
    pub safe fn TSIOBufferProduce(buffer: Handle, count: i64);
    pub safe fn TSIOBufferReaderAlloc(buffer: Handle) -> Handle;
    pub safe fn TSIOBufferReaderClone(reader: Handle) -> Handle;
    pub safe fn TSIOBufferReaderFree(reader: Handle);
    pub safe fn TSIOBufferReaderStart(reader: Handle) -> Handle;
    pub safe fn TSIOBufferReaderConsume(reader: Handle, count: i64);
    pub safe fn TSIOBufferReaderAvail(reader: Handle) -> i64;
    pub fn TSIOBufferReaderCopy(reader: Handle, to: *mut c_void, length: i64) -> i64;
    pub safe fn TSIOBufferBlockNext(block: Handle) -> Handle;
    pub safe fn TSIOBufferBlockReadAvail(block: Handle, reader: Handle) -> i64;
    pub safe fn TSIOBufferBlockWriteAvail(block: Handle) -> i64;

    pub safe fn TSUuidCreate() -> Handle;
    pub safe fn TSUuidDestroy(uuid: Handle);
    pub safe fn TSUuidInitialize(uuid: Handle, version: c_int) -> c_int;
    pub safe fn TSUuidCopy(to: Handle, from: Handle) -> c_int;
    pub safe fn TSUuidStringGet(uuid: Handle) -> *const c_char;
    pub fn TSUuidStringParse(uuid: Handle, text: *const c_char) -> c_int;

    pub safe fn TSMBufferCreate() -> Handle;
    pub safe fn TSMBufferDestroy(buffer: Handle) -> c_int;
    pub safe fn TSHandleMLocRelease(buffer: Handle, parent: Handle, place: Handle) -> c_int;
    pub safe fn TSHttpHdrCreate(buffer: Handle) -> Handle;
    pub safe fn TSHttpHdrTypeSet(buffer: Handle, head: Handle, kind: c_int) -> c_int;
    pub safe fn TSHttpHdrLengthGet(buffer: Handle, head: Handle) -> c_int;
    pub safe fn TSHttpHdrPrint(buffer: Handle, head: Handle, to: Handle);
    pub safe fn TSMimeHdrFieldsCount(buffer: Handle, head: Handle) -> c_int;
    pub fn TSMimeHdrFieldCreateNamed(
        buffer: Handle,
        head: Handle,
        name: *const c_char,
        length: c_int,
        place: *mut Handle,
    ) -> c_int;
    pub safe fn TSMimeHdrFieldAppend(buffer: Handle, head: Handle, field: Handle) -> c_int;
    pub safe fn TSMimeHdrFieldDestroy(buffer: Handle, head: Handle, field: Handle) -> c_int;
    pub fn TSMimeHdrFieldFind(buffer: Handle, head: Handle, name: *const c_char, length: c_int) -> Handle;
    pub fn TSMimeHdrFieldValueStringSet(
        buffer: Handle,
        head: Handle,
        field: Handle,
        index: c_int,
        value: *const c_char,
        length: c_int,
    ) -> c_int;
    pub fn TSMimeHdrFieldValueStringGet(
        buffer: Handle,
        head: Handle,
        field: Handle,
        index: c_int,
        length: *mut c_int,
    ) -> *const c_char;
}
