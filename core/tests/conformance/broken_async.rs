//! Async storages that are broken at a point where they wait.

use std::sync::Arc;

use gsession::{
    AsyncStorage, Changes, KeyScheme, Record, Storage, StoreKey, Timestamp,
    conformance::{Ability, Suite},
    record::Commit,
    storage::{Access, Committed, Created, Lookup, Moved, Removed, StorageFuture, Touched},
};

use crate::plain::{Plain, put};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Reads, waits, and writes what it has made of it.
    ReadsThenWrites,
    /// Writes one entry after the other.
    OneEntryAfterTheOther,
    /// Takes the session away and waits before it puts it to its new place.
    MovesInTwoSteps,
}

/// A sound storage that waits as one over a network does.
#[derive(Clone)]
struct Waiting {
    storage: Arc<Plain>,
    fault: Option<Fault>,
}

impl Waiting {
    fn new(fault: Option<Fault>) -> Self {
        Self { storage: Arc::new(Plain::sound()), fault }
    }
}

impl AsyncStorage for Waiting {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.storage.load(key, access)
        })
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.storage.create(key, record, now)
        })
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            match self.fault {
                Some(Fault::ReadsThenWrites) => {
                    let Lookup::Found(read) = self.storage.load(key, &Access::passive(commit.access.now))? else {
                        return Ok(Committed::Gone);
                    };
                    tokio::task::yield_now().await;
                    // All that it has read, as if nobody could have been here meanwhile.
                    let mut all = Changes::default();
                    all.clear();
                    read.record.entries.iter().for_each(|(name, json)| all.set(name, json));
                    for (name, json) in commit.changes.edits() {
                        put(&mut all, name, json);
                    }
                    self.storage.commit(key, &Commit::new(all, commit.access))
                }
                Some(Fault::OneEntryAfterTheOther) => {
                    let mut last = None;
                    for (name, json) in commit.changes.edits() {
                        let mut one = Changes::default();
                        put(&mut one, name, json);
                        last = Some(self.storage.commit(key, &Commit::new(one, commit.access))?);
                        tokio::task::yield_now().await;
                    }
                    last.map_or_else(|| self.storage.commit(key, commit), Ok)
                }
                _ => self.storage.commit(key, commit),
            }
        })
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.storage.touch(key, access)
        })
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if self.fault == Some(Fault::MovesInTwoSteps) {
                let Lookup::Found(read) = self.storage.load(from, &Access::passive(commit.access.now))? else {
                    return self.storage.move_to(from, to, commit);
                };
                self.storage.remove(from)?;
                tokio::task::yield_now().await;
                self.storage.create(to, &read.record, commit.access.now)?;
                return Ok(Moved::done(&read.record, 0));
            }
            self.storage.move_to(from, to, commit)
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.storage.remove(key)
        })
    }

    fn key_scheme(&self) -> KeyScheme {
        self.storage.key_scheme()
    }
}

const LACKING: [Ability; 5] =
    [Ability::Listing, Ability::Sweeping, Ability::Tombstones, Ability::Counting, Ability::Scanning];

fn suite(fault: Option<Fault>) -> Suite {
    LACKING.into_iter().fold(Suite::asynchronous(move || Waiting::new(fault)), Suite::without)
}

#[test]
fn a_sound_one_passes() {
    let report = suite(None).check().unwrap();
    assert!(report.left_out.iter().all(|case| case.needs.iter().any(|need| LACKING.contains(need))));
    assert_eq!(report.passed.len() + report.left_out.len(), Suite::cases().len());
}

#[test]
fn each_fault_fails_the_case_that_names_it() {
    for (fault, case) in [
        (Fault::ReadsThenWrites, "overlapping_commits_both_stay"),
        (Fault::ReadsThenWrites, "overlapping_updates_add_up"),
        (Fault::OneEntryAfterTheOther, "a_dropped_commit_is_whole_or_nothing"),
        (Fault::MovesInTwoSteps, "a_dropped_renewal_is_whole_or_nothing"),
        (Fault::MovesInTwoSteps, "a_remove_overlapping_a_renewal_ends_it"),
    ] {
        let report = suite(Some(fault)).only([case]).run();
        assert_eq!(report.failed.len(), 1, "{fault:?}: {report}");
        assert_eq!(report.failed[0].case.name, case);
    }
}
