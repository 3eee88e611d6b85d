//! A process for each workload: this program again, told to do one and print what it found.
//!
//! So each begins with the memory, the threads and the timers of a fresh process, and one that hangs or dies takes no other
//! with it. A child prints a line a figure, name and number; whatever it says on its error output is shown.

use std::env;
use std::io::{Read, Write, stdout};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use figures::Workload;
use figures::row::Numbers;

use crate::WORK;
use crate::measure::{Findings, Scale};

/// The first word of a child's command line; the name and the scale follow.
const CHILD: &str = "--child";

/// The longest that a workload may take: ten times what the longest does.
const LIMIT: Duration = Duration::from_secs(180);

/// What this process is to do, if it is a child.
pub(crate) fn asked() -> Option<(String, Scale)> {
    let mut words = env::args().skip(1);
    if words.next()? != CHILD {
        return None;
    }
    let name = words.next()?;
    let scale = words.next()?.parse().ok()?;
    Some((name, Scale(scale)))
}

/// The child's side.
pub(crate) fn work(name: &str, scale: Scale) -> Result<()> {
    let (_, work) = WORK.iter().find(|(known, _)| *known == name).context("nobody does this work")?;
    let mut found = Findings::default();
    work(scale, &mut found);
    let text: String = found.0.iter().map(|(name, number)| format!("{name} {number}\n")).collect();
    stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// Runs one workload in a process of its own and returns its numbers, which are those that it declares.
pub(crate) fn measure(workload: &Workload, scale: Scale) -> Result<Numbers> {
    let mut child = Command::new(env::current_exe()?)
        .args([CHILD, workload.name, &scale.0.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run myself")?;
    let text = read(&mut child).with_context(|| format!("{} did not end", workload.name));
    if text.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let text = text?;
    ensure!(status.success(), "{} failed ({status})", workload.name);
    let number = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    let numbers: Option<Numbers> = text.lines().map(number).collect();
    let numbers = numbers.with_context(|| format!("{} printed something else: {text}", workload.name))?;
    for (name, _) in workload.names() {
        ensure!(numbers.get(&name).is_some_and(|number| number.is_finite()), "{name} was not measured");
    }
    ensure!(numbers.len() == workload.names().count(), "{} found more than it declares", workload.name);
    Ok(numbers)
}

/// All that the child prints until its end.
fn read(child: &mut Child) -> Result<String> {
    let mut output = child.stdout.take().context("the child's output")?;
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.read_to_string(&mut text).map(|_| text);
        // Nobody listens any more if it took too long.
        let _ = tell.send(read);
    });
    Ok(told.recv_timeout(LIMIT)??)
}
