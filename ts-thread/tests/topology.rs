//! Which processors there are: told from files as the system lays them out.

#![cfg(not(loom))]

use std::fs;
use std::path::Path;

use ts_thread::{Builder, Level, Topology, allowed_cpus};

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().expect("a folder")).unwrap();
    fs::write(file, text).unwrap();
}

/// A folder that goes away with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ts-thread-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Two sockets, each a NUMA node of two cores with two hardware threads. Numbered as machines do: first one of each core.
fn two_sockets(name: &str) -> Folder {
    let folder = Folder::new(name);
    for cpu in 0..8_usize {
        let topology = folder.0.join(format!("cpu/cpu{cpu}/topology"));
        write(&topology.join("physical_package_id"), &format!("{}\n", cpu / 2 % 2));
        // Core numbers begin anew in each socket.
        write(&topology.join("core_id"), &format!("{}\n", cpu % 2));
    }
    write(&folder.0.join("node/node0/cpulist"), "0-1,4-5\n");
    write(&folder.0.join("node/node1/cpulist"), "2-3,6-7\n");
    write(&folder.0.join("node/has_cpu"), "0-1\n");
    folder
}

#[test]
fn each_level_gathers_what_belongs_together() {
    let folder = two_sockets("levels");
    let topology = Topology::read(&folder.0, &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(topology.cpus(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(topology.objects(Level::Machine), [[0, 1, 2, 3, 4, 5, 6, 7]]);
    assert_eq!(topology.objects(Level::NumaNode), [[0, 1, 4, 5], [2, 3, 6, 7]]);
    assert_eq!(topology.objects(Level::Socket), [[0, 1, 4, 5], [2, 3, 6, 7]]);
    assert_eq!(topology.objects(Level::Core), [[0, 4], [1, 5], [2, 6], [3, 7]]);
    assert_eq!(topology.objects(Level::ProcessingUnit).len(), 8);
}

#[test]
fn a_processor_that_may_not_be_used_is_in_no_object() {
    let folder = two_sockets("allowed");
    let topology = Topology::read(&folder.0, &[6, 2, 0]);
    assert_eq!(topology.cpus(), [0, 2, 6]);
    assert_eq!(topology.objects(Level::NumaNode), [vec![0], vec![2, 6]]);
    assert_eq!(topology.objects(Level::Core), [vec![0], vec![2, 6]], "no object is empty");
}

#[test]
fn where_there_are_no_nodes_the_sockets_stand_for_them() {
    let folder = two_sockets("nodes");
    fs::remove_dir_all(folder.0.join("node")).unwrap();
    let topology = Topology::read(&folder.0, &[0, 2]);
    assert_eq!(topology.objects(Level::NumaNode), [[0], [2]]);
}

#[test]
fn a_system_that_tells_nothing_has_one_socket_and_a_core_for_each_processor() {
    let folder = Folder::new("nothing");
    let topology = Topology::read(&folder.0, &[3, 5]);
    assert_eq!(topology.objects(Level::NumaNode), [[3, 5]]);
    assert_eq!(topology.objects(Level::Socket), [[3, 5]]);
    assert_eq!(topology.objects(Level::Core), [[3], [5]]);
}

#[test]
fn numbers_that_make_no_sense_are_as_good_as_none() {
    let folder = two_sockets("nonsense");
    write(&folder.0.join("cpu/cpu0/topology/physical_package_id"), "-1\n");
    write(&folder.0.join("cpu/cpu0/topology/core_id"), "\n");
    write(&folder.0.join("node/node0/cpulist"), "0-,x,7-2,18446744073709551615-0\n");
    let topology = Topology::read(&folder.0, &[0, 4]);
    assert_eq!(topology.objects(Level::Core), [[0], [4]]);
    assert_eq!(topology.objects(Level::NumaNode), [[0, 4]]);
}

#[test]
fn a_thread_that_is_bound_sees_what_it_is_bound_to() {
    let cpus = allowed_cpus().unwrap();
    assert_eq!(Topology::of_this_thread().unwrap().cpus(), cpus);
    let last = *cpus.last().expect("we run on one");
    let bound = Builder::new().cpu_set(&[last]).spawn(|| Topology::of_this_thread().unwrap().cpus()).unwrap();
    assert_eq!(bound.join().unwrap(), [last]);
}
