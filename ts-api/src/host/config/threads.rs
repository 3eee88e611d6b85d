//! `[threads]`: event threads, and where they run.

use std::io;

use toml::Spanned;
use toml::de::DeValue;
use ts_thread::{DEFAULT_STACK_SIZE, Level, Topology};

use super::keys::{Key, Keys, Kind, Section, Wrong};
use super::kinds::{Choice, Count, Factor, OrWord, Size};

/// More event threads than this in one group cannot be meant.
pub(crate) const MOST_THREADS: usize = 1024;

/// How many event threads there are, and what they are like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Threads {
    /// None: as many as the process may use CPUs, times `scale`.
    pub(crate) net: Option<usize>,
    pub(crate) scale: f64,
    pub(crate) task: usize,
    pub(crate) dns: usize,
    pub(crate) udp: usize,
    pub(crate) stack_size: usize,
    pub(crate) guard_pages: usize,
    pub(crate) affinity: Affinity,
}

/// What each network thread is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Affinity(pub(crate) Level);

impl Default for Threads {
    fn default() -> Self {
        Self {
            net: None,
            scale: 1.0,
            task: 1,
            dns: 0,
            udp: 0,
            stack_size: DEFAULT_STACK_SIZE,
            guard_pages: 1,
            affinity: Affinity(Level::NumaNode),
        }
    }
}

impl Section for Threads {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        keys.value(
            Key::new("net", "Network threads. \"auto\" is one for each CPU that the process may use (its affinity mask, cpuset and CPU quota are looked at), times `scale`."),
            OrWord("auto", Count(1, MOST_THREADS)),
            &mut self.net,
        );
        keys.value(
            Key::new("scale", "Network threads for each CPU, where `net` is \"auto\"."),
            Factor(16.0),
            &mut self.scale,
        );
        keys.value(
            Key::new("task", "Background threads: name lookups, files, what plugins send there."),
            Count(1, MOST_THREADS),
            &mut self.task,
        );
        keys.value(
            Key::new("dns", "Threads of the pool ET_DNS; 0 is no such pool."),
            Count(0, MOST_THREADS),
            &mut self.dns,
        );
        keys.value(
            Key::new("udp", "Threads of the pool ET_UDP; 0 is no such pool."),
            Count(0, MOST_THREADS),
            &mut self.udp,
        );
        keys.value(
            Key::new(
                "stack-size",
                "The stack of each event thread, without its guard; raised to what the system needs.",
            ),
            Size(128 << 10, 100 << 20),
            &mut self.stack_size,
        );
        keys.value(
            Key::new("guard-pages", "Pages below each stack that cannot be touched."),
            Count(1, 256),
            &mut self.guard_pages,
        );
        keys.value(
            Key::new("affinity", "What each network thread is bound to, in turn: the whole machine, a NUMA node (a socket, where there are none), a socket, a core, or a hardware thread. Only CPUs that the process may use count."),
            LevelKind,
            &mut self.affinity,
        );
    }
}

impl Threads {
    /// How many network threads there are to be.
    pub(crate) fn net_count(&self) -> usize {
        self.net.unwrap_or_else(|| scaled(usable_cpus(), self.scale))
    }

    /// The CPUs of the network threads, for [`ts_api::runtime::Builder::net_cpus`]; none if they may run anywhere.
    ///
    /// # Errors
    ///
    /// The system does not tell which CPUs there are.
    pub(crate) fn cpu_sets(&self) -> io::Result<Vec<Vec<usize>>> {
        let objects = match self.affinity.0 {
            Level::Machine => return Ok(Vec::new()),
            level => Topology::of_this_thread()?.objects(level),
        };
        // All there is: binding to it would only keep from CPUs that come later.
        Ok(if objects.len() == 1 { Vec::new() } else { objects })
    }
}

/// How many CPUs' worth of time the process may use: its affinity mask, and with it its cpuset, and the quota of its control
/// group, rounded down, count.
fn usable_cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn scaled(cpus: usize, scale: f64) -> usize {
    // Both are small and positive; the fraction is cut off.
    ((cpus as f64 * scale) as usize).clamp(1, MOST_THREADS)
}

const LEVELS: [(&str, Affinity); 5] = [
    ("machine", Affinity(Level::Machine)),
    ("numa", Affinity(Level::NumaNode)),
    ("socket", Affinity(Level::Socket)),
    ("core", Affinity(Level::Core)),
    ("pu", Affinity(Level::ProcessingUnit)),
];

impl Affinity {
    /// As the original numbers it; from 0 to 4.
    pub(crate) fn of_number(number: i64) -> Self {
        usize::try_from(number)
            .ok()
            .and_then(|number| LEVELS.get(number))
            .map_or(LEVELS[0].1, |(_, level)| *level)
    }

    pub(crate) fn number(self) -> i64 {
        // It is one of five.
        LEVELS.iter().position(|(_, level)| *level == self).unwrap_or(0) as i64
    }
}

/// A level, by name or by the number that the original has for it.
struct LevelKind;

impl Kind for LevelKind {
    type Value = Affinity;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Affinity, Vec<Wrong>> {
        if value.get_ref().is_str() {
            return Choice(&LEVELS).read(value);
        }
        let number = Count(0, LEVELS.len() - 1).read(value)?;
        Ok(LEVELS[number].1)
    }

    fn wanted(&self) -> String {
        format!("{}, or their numbers from 0 to {}", Choice(&LEVELS).wanted(), LEVELS.len() - 1)
    }

    fn show(&self, value: &Affinity) -> Option<String> {
        Choice(&LEVELS).show(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_network_thread_at_least_and_never_too_many() {
        assert_eq!(scaled(1, 0.1), 1);
        assert_eq!(scaled(3, 0.5), 1);
        assert_eq!(scaled(4, 1.5), 6);
        assert_eq!(scaled(4096, 16.0), MOST_THREADS);
    }
}
