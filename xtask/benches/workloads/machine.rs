//! What the figures were measured on.

use std::env;
use std::fmt;
use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use serde_json::{Value, json};

pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    rustc: String,
    membarrier: bool,
    optimised: bool,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let names = rustix::system::uname();
        let part = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        Self {
            cpu: cpu().unwrap_or_else(|| part(names.machine())),
            cores: available_parallelism().map_or(0, usize::from),
            kernel: format!("{} {} {}", part(names.sysname()), part(names.release()), part(names.machine())),
            rustc: rustc().unwrap_or_else(|| "unknown".to_owned()),
            membarrier: ts_thread::fence::is_asymmetric(),
            optimised: !cfg!(debug_assertions),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "cpu": self.cpu,
            "cores": self.cores,
            "kernel": self.kernel,
            "rustc": self.rustc,
            "membarrier": self.membarrier,
            "optimised": self.optimised,
        })
    }
}

/// Lines that begin with `#`, so that they are not taken for figures.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# cpu: {}, cores: {}", self.cpu, self.cores)?;
        writeln!(f, "# kernel: {}, membarrier: {}", self.kernel, if self.membarrier { "yes" } else { "no" })?;
        let without = if self.optimised { "" } else { ", without optimisation" };
        writeln!(f, "# {}{without}", self.rustc)
    }
}

/// The model as the kernel tells it, which it does not on all machines.
fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = text.lines().find(|line| line.starts_with("model name"))?;
    Some(model.split_once(':')?.1.trim().to_owned())
}

/// The compiler that cargo uses here.
fn rustc() -> Option<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
