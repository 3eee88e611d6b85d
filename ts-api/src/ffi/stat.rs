//! Statistics that plugins keep: numbers under a name, which the host publishes.
//!
//! # Rules
//! * A number is reached by its index without a lock, and is there until the process ends. A name that there is already is the
//!   same number.
//! * What a plugin reads is the sum of what was added. What is published is what it asked for: that sum, how often something was
//!   added, or the one over the other.
//! * One that is to persist begins with what it was at the end of the last run: in the file [`FILE`] of the runtime directory,
//!   which is written whole and moved to its place.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::{fs, io};

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use super::call::{self, Call};
use super::place;
use super::types::{TS_ERROR, TS_SUCCESS, TSRecordDataType, TSReturnCode, TSStatPersistence, TSStatSync};

/// More than this cannot be meant: a plugin makes a new one for each request.
const MOST: usize = 1 << 14;
const CHUNK: usize = 256;

/// Where those are kept that persist.
const FILE: &str = "plugin-stats";

/// The only type that there is.
const TYPE_INT: c_int = 1;

/// What is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    Sum,
    Count,
    Average,
    /// An average of nanoseconds, in seconds.
    TimeAverage,
}

impl Sync {
    fn from_number(number: c_int) -> Option<Self> {
        [Self::Sum, Self::Count, Self::Average, Self::TimeAverage].get(usize::try_from(number).ok()?).copied()
    }
}

/// A statistic.
struct Stat {
    name: String,
    sync: Sync,
    persists: bool,
    numbers: CachePadded<Numbers>,
}

struct Numbers {
    sum: AtomicI64,
    count: AtomicU64,
}

impl Stat {
    fn add(&self, amount: i64) {
        // Relaxed, both: statistics; whoever publishes them takes what is there.
        self.numbers.sum.fetch_add(amount, Ordering::Relaxed);
        self.numbers.count.fetch_add(1, Ordering::Relaxed);
    }

    fn sum(&self) -> i64 {
        // Relaxed: see `add`.
        self.numbers.sum.load(Ordering::Relaxed)
    }

    fn count(&self) -> u64 {
        // Relaxed: see `add`.
        self.numbers.count.load(Ordering::Relaxed)
    }

    fn published(&self) -> f64 {
        let (sum, count) = (self.sum() as f64, self.count() as f64);
        match self.sync {
            Sync::Sum => sum,
            Sync::Count => count,
            Sync::Average | Sync::TimeAverage if count == 0.0 => 0.0,
            Sync::Average => sum / count,
            Sync::TimeAverage => sum / count / 1e9,
        }
    }
}

type Chunk = [OnceLock<Stat>; CHUNK];

/// By index; a chunk is there as soon as it is needed.
static STATS: [OnceLock<Box<Chunk>>; MOST / CHUNK] = [const { OnceLock::new() }; MOST / CHUNK];

/// By name, and what is left of the last run.
static NAMES: Mutex<Names> = Mutex::new(Names { indices: BTreeMap::new(), kept: None });

struct Names {
    indices: BTreeMap<String, usize>,
    /// None until it was looked for.
    kept: Option<BTreeMap<String, (i64, u64)>>,
}

fn at(index: usize) -> Option<&'static Stat> {
    STATS.get(index / CHUNK)?.get()?[index % CHUNK].get()
}

/// The statistic with an index; none such is a fault.
fn get(call: Call, index: c_int) -> &'static Stat {
    let found = usize::try_from(index).ok().and_then(at);
    found.unwrap_or_else(|| call.fault(format_args!("the_stat is {index}, which is no statistic's index")))
}

/// The sum of the statistic with a name.
pub(crate) fn sum_of(name: &str) -> Option<i64> {
    let index = *NAMES.lock().indices.get(name)?;
    at(index).map(Stat::sum)
}

/// Tells all of them, by name, and what is published.
pub(crate) fn each(mut f: impl FnMut(&str, f64)) {
    let indices: Vec<_> = NAMES.lock().indices.values().copied().collect();
    indices.into_iter().filter_map(at).for_each(|stat| f(&stat.name, stat.published()));
}

fn file() -> PathBuf {
    place::runtime_dir().join(FILE)
}

/// What the file says; a line that cannot be understood is left out.
fn read(path: &Path) -> BTreeMap<String, (i64, u64)> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return BTreeMap::new(),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "statistics of the last run cannot be read; they begin anew");
            return BTreeMap::new();
        }
    };
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (sum, count) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((line.splitn(3, ' ').nth(2)?.to_owned(), (sum, count)))
    };
    text.lines().filter_map(line).collect()
}

/// Writes down those that persist, if there are any, for the next run.
pub(crate) fn keep() -> io::Result<()> {
    let mut names = NAMES.lock();
    let mut lines: BTreeMap<String, (i64, u64)> = BTreeMap::new();
    for stat in names.indices.values().copied().filter_map(at).filter(|stat| stat.persists) {
        lines.insert(stat.name.clone(), (stat.sum(), stat.count()));
    }
    if lines.is_empty() {
        return Ok(());
    }
    // A plugin that is not there this time may be there the next.
    let kept = names.kept.get_or_insert_with(|| read(&file()));
    kept.iter().for_each(|(name, numbers)| _ = lines.entry(name.clone()).or_insert(*numbers));
    let text: String = lines.iter().map(|(name, (sum, count))| format!("{sum} {count} {name}\n")).collect();
    let path = file();
    let unfinished = path.with_extension("new");
    fs::create_dir_all(place::runtime_dir())?;
    fs::write(&unfinished, text)?;
    fs::rename(unfinished, path)
}

fn create(name: &str, sync: Sync, persists: bool) -> Option<usize> {
    let mut names = NAMES.lock();
    if let Some(index) = names.indices.get(name) {
        return Some(*index);
    }
    let index = names.indices.len();
    let chunk = STATS.get(index / CHUNK)?.get_or_init(|| Box::new([const { OnceLock::new() }; CHUNK]));
    let kept = persists.then(|| names.kept.get_or_insert_with(|| read(&file())).get(name).copied()).flatten();
    let (sum, count) = kept.unwrap_or_default();
    let numbers = Numbers { sum: AtomicI64::new(sum), count: AtomicU64::new(count) };
    let stat = Stat { name: name.to_owned(), sync, persists, numbers: CachePadded::new(numbers) };
    // Indices are given out under the lock, each once.
    let _ = chunk[index % CHUNK].set(stat);
    names.indices.insert(name.to_owned(), index);
    Some(index)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSStatCreate(
    the_name: *const c_char,
    the_type: TSRecordDataType,
    persist: TSStatPersistence,
    sync: TSStatSync,
) -> c_int {
    call::enter("TSStatCreate", |call| {
        // SAFETY: the plugin says that it is a text.
        let name = unsafe { call.text("the_name", the_name) };
        let Some(sync) = Sync::from_number(sync) else {
            call.fault(format_args!("sync is {sync}, which is no way to publish a statistic"))
        };
        let persists = match persist {
            1 => true,
            2 => false,
            other => call.fault(format_args!("persist is {other}: it is TS_STAT_PERSISTENT or not")),
        };
        let name = name.to_str().ok().filter(|name| !name.is_empty() && !name.contains(char::is_control));
        let (Some(name), TYPE_INT) = (name, the_type) else { return TS_ERROR };
        create(name, sync, persists).and_then(|index| c_int::try_from(index).ok()).unwrap_or(TS_ERROR)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSStatIntIncrement(the_stat: c_int, amount: i64) {
    call::enter("TSStatIntIncrement", |call| get(call, the_stat).add(amount));
}

#[unsafe(no_mangle)]
pub extern "C" fn TSStatIntDecrement(the_stat: c_int, amount: i64) {
    call::enter("TSStatIntDecrement", |call| get(call, the_stat).add(amount.wrapping_neg()));
}

#[unsafe(no_mangle)]
pub extern "C" fn TSStatIntGet(the_stat: c_int) -> i64 {
    call::enter("TSStatIntGet", |call| get(call, the_stat).sum())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSStatIntSet(the_stat: c_int, value: i64) {
    // Relaxed: see `Stat::add`.
    call::enter("TSStatIntSet", |call| get(call, the_stat).numbers.sum.store(value, Ordering::Relaxed));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSStatFindName(name: *const c_char, idp: *mut c_int) -> TSReturnCode {
    call::enter("TSStatFindName", |call| {
        // SAFETY: the plugin says that it is a text.
        let name = unsafe { call.text("name", name) };
        let found = name.to_str().ok().and_then(|name| NAMES.lock().indices.get(name).copied());
        let Some(found) = found.and_then(|index| c_int::try_from(index).ok()) else { return TS_ERROR };
        // The number may be asked for with null, to see whether there is one.
        if !idp.is_null() {
            let place = call.place("idp", idp);
            // SAFETY: the plugin says that it is a place; it is not null, and aligned.
            unsafe { place.write(found) };
        }
        TS_SUCCESS
    })
}
