//! The fuzz targets: folders called `fuzz` in the crates, each a workspace of its own.
//!
//! They are built by the stable compiler: what `cargo fuzz` would ask a nightly one for, the address sanitizer, has a check
//! of its own, which runs the same sequences of calls of the C interface, and in parsers without `unsafe` it finds nothing.

use std::fs;

use anyhow::{Context, Result};

use super::commands::own_target;
use super::deep::host;
use crate::step::Step;
use crate::workspace::Workspace;

/// Each input that finds a new way through the code is kept and changed further.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// Builds each target and lets it run, from the inputs that lie beside it.
pub(super) fn targets(workspace: &Workspace) -> Result<Vec<Step>> {
    let target = own_target(workspace, "fuzz")?;
    // Named, so that what is built to run during the build is built without all that.
    let host = host(workspace)?;
    let mut steps = Vec::new();
    for package in &workspace.metadata()?.packages {
        let folder = package.manifest_path.with_file_name("fuzz");
        let seeds = folder.join("seeds");
        if !seeds.exists() {
            continue;
        }
        let manifest = folder.join("Cargo.toml");
        let manifest = manifest.strip_prefix(&workspace.root).unwrap_or(&manifest);
        for seed in fs::read_dir(&seeds).with_context(|| format!("cannot read {seeds}"))? {
            let name = seed?.file_name().to_string_lossy().into_owned();
            let found = workspace.root.join(&target).join("found").join(&name);
            fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
            let seeds = seeds.strip_prefix(&workspace.root).unwrap_or(&seeds);
            // The first folder is where it puts what it finds, so that the seeds stay as they are.
            steps.push(
                Step::cargo(&format!(
                    "run --quiet --release --target {host} --manifest-path {manifest} --bin {name} --"
                ))
                .arg(format!("{target}/found/{name}"))
                .arg(format!("{seeds}/{name}"))
                .arg(format!("-artifact_prefix={target}/"))
                .words("-max_total_time=60 -max_len=4096 -print_final_stats=1 -verbosity=0")
                .with("RUSTFLAGS", COVERAGE.split_whitespace().collect::<Vec<_>>().join(" "))
                .with("CARGO_TARGET_DIR", target.as_str()),
            );
        }
    }
    Ok(steps)
}
