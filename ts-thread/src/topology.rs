//! Which processors there are, how they hang together, and which of them this process may use.
//!
//! The system tells in `/sys/devices/system`, for each processor, in which core, socket and NUMA node it is. What it does
//! not tell counts as: a core of its own, one socket, no NUMA nodes. Processors that the caller may not use are left out,
//! so an object (a core, a node) that has none left is no object.
//!
//! A library such as hwloc knows far more, and caches, and other systems. Four levels from a few small files need none.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use rustix::thread::{CpuSet, sched_getaffinity};

/// Where the system tells about its processors.
const SYSTEM: &str = "/sys/devices/system";

/// How finely processors are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// All of them are one.
    Machine,
    /// Those of one NUMA node; of one socket, where the system tells of no nodes.
    NumaNode,
    /// Those of one socket.
    Socket,
    /// Those of one core: its hardware threads.
    Core,
    /// Each by itself.
    ProcessingUnit,
}

impl Level {
    /// All of them, coarse to fine.
    pub const ALL: [Self; 5] =
        [Self::Machine, Self::NumaNode, Self::Socket, Self::Core, Self::ProcessingUnit];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "machine",
            Self::NumaNode => "NUMA node",
            Self::Socket => "socket",
            Self::Core => "core",
            Self::ProcessingUnit => "processing unit",
        })
    }
}

/// The processors that may be used, and how they hang together, at one moment.
///
/// # Examples
///
/// One thread for each core, bound to it:
///
/// ```
/// use ts_thread::{Builder, Level, Topology};
///
/// let cores = Topology::of_this_thread()?.objects(Level::Core);
/// let threads: Vec<_> = cores
///     .iter()
///     .map(|cpus| Builder::new().cpu_set(cpus).spawn(|| ()))
///     .collect::<Result<_, _>>()
///     .expect("these are CPUs that may be used");
/// for thread in threads {
///     thread.join().unwrap();
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    cpus: Vec<Place>,
}

/// Where a processor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    cpu: usize,
    node: Option<usize>,
    socket: usize,
    /// Within its socket; a processor of which nothing is known is a core of its own.
    core: Core,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Core {
    /// The number that the die and the core in it have.
    Known(usize, usize),
    /// The processor's own number.
    Unknown(usize),
}

impl Topology {
    /// Looks up the processors that the calling thread may use: its affinity mask, which a cpuset restricts as well. Until
    /// something binds its threads, that is what the whole process may use.
    ///
    /// # Errors
    ///
    /// The system does not tell the mask. What `/sys` does not tell is no error: such a processor counts as a
    /// core of its own, in the one socket and in no NUMA node.
    pub fn of_this_thread() -> io::Result<Self> {
        Ok(Self::read(Path::new(SYSTEM), &allowed_cpus()?))
    }

    /// As [`Topology::of_this_thread`], with the files below `system`, laid out as those below `/sys/devices/system`, and with
    /// the processors `allowed`.
    #[must_use]
    pub fn read(system: &Path, allowed: &[usize]) -> Self {
        let nodes = nodes(&system.join("node"));
        let place = |&cpu: &usize| {
            let folder = system.join(format!("cpu/cpu{cpu}/topology"));
            // Where there are no such things as sockets, the system says -1.
            let number = |name: &str| {
                fs::read_to_string(folder.join(name)).ok().and_then(|text| text.trim().parse::<usize>().ok())
            };
            let core = number("core_id").map(|core| Core::Known(number("die_id").unwrap_or(0), core));
            Place {
                cpu,
                node: nodes.get(&cpu).copied(),
                socket: number("physical_package_id").unwrap_or(0),
                core: core.unwrap_or(Core::Unknown(cpu)),
            }
        };
        let mut cpus: Vec<_> = allowed.iter().map(place).collect();
        cpus.sort_by_key(|place| place.cpu);
        cpus.dedup_by_key(|place| place.cpu);
        Self { cpus }
    }

    /// The processors that may be used, by the system's numbers, in order.
    #[must_use]
    pub fn cpus(&self) -> Vec<usize> {
        self.cpus.iter().map(|place| place.cpu).collect()
    }

    /// The processors of each object of a level, both in order: what a thread is bound to that belongs there.
    ///
    /// Every processor is in exactly one of them, and none of them is empty.
    #[must_use]
    pub fn objects(&self, level: Level) -> Vec<Vec<usize>> {
        let has_nodes = self.cpus.iter().any(|place| place.node.is_some());
        let level = if level == Level::NumaNode && !has_nodes { Level::Socket } else { level };
        let mut objects: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for place in &self.cpus {
            let object = match level {
                Level::Machine => (0, None),
                // A processor of no node is in one with the others of which that is true.
                Level::NumaNode => (place.node.unwrap_or(usize::MAX), None),
                Level::Socket => (place.socket, None),
                Level::Core => (place.socket, Some(place.core)),
                Level::ProcessingUnit => (place.cpu, None),
            };
            objects.entry(object).or_default().push(place.cpu);
        }
        let mut objects: Vec<_> = objects.into_values().collect();
        objects.sort();
        objects
    }
}

/// The processors that the calling thread may run on, by the system's numbers, in order.
///
/// # Errors
///
/// What the system says.
pub fn allowed_cpus() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect())
}

/// The NUMA node of each processor that has one.
fn nodes(folder: &Path) -> BTreeMap<usize, usize> {
    let mut nodes = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return nodes };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_prefix("node")).and_then(|node| node.parse().ok());
        let Some(node) = number else { continue };
        let list = fs::read_to_string(entry.path().join("cpulist")).unwrap_or_default();
        nodes.extend(numbers(&list).into_iter().map(|cpu| (cpu, node)));
    }
    nodes
}

/// The numbers of a list such as `0-3,8`.
fn numbers(list: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<usize>(), last.trim().parse::<usize>()) {
            // No list of the system's is longer than what fits a mask.
            numbers.extend((first..=last).take(CpuSet::MAX_CPU));
        }
    }
    numbers
}
