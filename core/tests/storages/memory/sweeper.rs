//! The storage's own sweeper.

use std::time::Duration;

use gsession::{ManualClock, MemoryStorage};

use super::{MINUTE, anonymous, create, lives, numbered, short};
use crate::support::{NOW, wait_until};

#[test]
fn the_storage_sweeps_by_itself_and_shrinks_after_a_flood() {
    let clock = ManualClock::new(NOW);
    let storage = MemoryStorage::builder().sweep_interval(Duration::from_millis(1)).clock(clock.clone()).build();
    for number in 0..20_000 {
        create(&storage, &numbered(number), &short(anonymous(NOW)), NOW).unwrap();
    }
    create(&storage, &numbered(20_000), &anonymous(NOW), NOW).unwrap();
    let flooded = storage.bytes();
    clock.advance(MINUTE);
    wait_until("the flood is swept", || storage.len() == 1);
    assert!(storage.bytes() * 10_000 < flooded);
    // What is left is found, and new sessions too, after the shards were made smaller.
    assert!(lives(&storage, &numbered(20_000), NOW + MINUTE));
    for number in 0..1_000 {
        create(&storage, &numbered(number), &anonymous(NOW + MINUTE), NOW + MINUTE).unwrap();
    }
    assert!((0..1_000).all(|number| lives(&storage, &numbered(number), NOW + MINUTE)));
}

/// Threads of this process with the sweeper's name; the kernel cuts names at 15 bytes.
#[cfg(target_os = "linux")]
fn threads_called(name: &str) -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let named = |entry: std::io::Result<std::fs::DirEntry>| {
        // A thread may end while it is looked at.
        std::fs::read_to_string(entry.ok()?.path().join("comm")).ok().filter(|comm| comm.trim_end() == name)
    };
    threads.filter_map(named).count()
}

/// The thread ends with the last clone, and not before. In a process of its own, where no other test starts such threads.
#[cfg(target_os = "linux")]
#[test]
fn the_sweeper_stops_with_the_storage() {
    const NAME: &str = "gsession-memory";
    use crate::support::child;

    if child::role().is_none() {
        let alone = child::command("memory::sweeper::the_sweeper_stops_with_the_storage", "alone");
        child::Process::start(alone).finish();
        return;
    }
    assert_eq!(threads_called(NAME), 0);
    let storage = MemoryStorage::builder().sweep_interval(Duration::from_secs(3600)).build();
    let clone = storage.clone();
    wait_until("the sweeper runs", || threads_called(NAME) == 1);
    drop(storage);
    assert_eq!(threads_called(NAME), 1, "a clone still needs it");
    drop(clone);
    wait_until("the sweeper has stopped", || threads_called(NAME) == 0);
    let quiet = MemoryStorage::builder().sweep_interval(Duration::MAX).build();
    assert_eq!(threads_called(NAME), 0);
    drop(quiet);
}
