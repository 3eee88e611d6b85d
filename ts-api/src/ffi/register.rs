//! What a plugin says of itself while it is set up.
//!
//! # Rules
//! * Only in its initialisation, and on whatever thread it likes that knows whose it is; later it is refused.

use std::ffi::{CStr, c_char, c_int};

use super::call;
use super::plugin::{self, Plugin, Registration};
use super::types::{TS_ERROR, TS_SUCCESS, TSReturnCode};

/// `TSPluginRegistrationInfo` of the headers: each may be null.
#[repr(C)]
pub struct TSPluginRegistrationInfo {
    plugin_name: *const c_char,
    vendor_name: *const c_char,
    support_email: *const c_char,
}

impl TSPluginRegistrationInfo {
    /// # Safety
    ///
    /// What is not null are strings.
    unsafe fn read(&self) -> Registration {
        // SAFETY: the caller says so.
        let text = |text: *const c_char| unsafe { text.as_ref().map(|text| CStr::from_ptr(text)) };
        let owned = |of| text(of).map(|text| text.to_string_lossy().into_owned());
        Registration {
            plugin_name: owned(self.plugin_name),
            vendor_name: owned(self.vendor_name),
            support_email: owned(self.support_email),
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSPluginRegister(plugin_info: *const TSPluginRegistrationInfo) -> TSReturnCode {
    call::enter("TSPluginRegister", |call| {
        let info = call.place("plugin_info", plugin_info.cast_mut());
        // SAFETY: whoever calls says that it is such a structure, with strings in it.
        let registration = unsafe { info.as_ref().read() };
        let taken = plugin::running().is_some_and(|plugin| plugin.register(registration));
        if taken { TS_SUCCESS } else { TS_ERROR }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSPluginDSOReloadEnable(_enabled: c_int) -> TSReturnCode {
    call::enter("TSPluginDSOReloadEnable", |_| {
        // No library is ever loaded anew, whether or not its plugin would like it.
        if plugin::running().is_some_and(Plugin::is_initialising) { TS_SUCCESS } else { TS_ERROR }
    })
}
