//! The two places together are a storage like any other: in each stage, and while instances of both run side by side.

use std::sync::Arc;

use gsession::{BlockingMovingStorage, MovingStorage, Storage, conformance::Suite};
use tempfile::TempDir;

use crate::{
    rolling::{Balance, Rolling},
    support::{quiet_file, quiet_memory},
};

fn memory() -> Arc<dyn Storage> {
    Arc::new(quiet_memory())
}

gsession::conformance_tests! {
    moving: Suite::blocking(|| BlockingMovingStorage::new(memory(), memory()).unwrap());
    prepared: Suite::blocking(|| BlockingMovingStorage::new(memory(), memory()).unwrap().prepared());
    moving_async: Suite::asynchronous(|| MovingStorage::new(quiet_memory(), quiet_memory()).unwrap());
    prepared_async: Suite::asynchronous(|| MovingStorage::new(quiet_memory(), quiet_memory()).unwrap().prepared());
}

/// They compare how much a sweep has removed, and what a move leaves at the old place counts too.
const COUNT_WHAT_IS_SWEPT: [&str; 4] = [
    "a_remembered_session_lives_by_its_own_deadlines",
    "a_touch_extends_a_session_past_its_first_end",
    "a_touch_stores_the_timeout_it_extends_with",
    "the_tombstone_of_a_move_ends",
];

/// They let two instances take the same key at the same moment. Where one begins sessions at the old place and the other at the new
/// one, both may have it: ids are random, so only lists have such keys.
const TAKE_A_KEY_TWICE: [&str; 2] = ["of_overlapping_creates_one_wins", "moves_in_cycles_never_wait_for_each_other"];

#[track_caller]
fn check(balance: Balance, places: impl Fn() -> (Arc<dyn Storage>, Arc<dyn Storage>) + Send + Sync + 'static) {
    let make = move || {
        let (old, new) = places();
        Rolling::new(old, new, balance)
    };
    let excepted = |name: &str| {
        COUNT_WHAT_IS_SWEPT.contains(&name) || (balance == Balance::ByTurns && TAKE_A_KEY_TWICE.contains(&name))
    };
    let cases: Vec<_> = Suite::cases().iter().map(|case| case.name).filter(|name| !excepted(name)).collect();
    let report = Suite::blocking(make).only(cases.clone()).check().unwrap();
    assert_eq!(report.passed.len(), cases.len());
}

fn folders() -> impl Fn() -> Arc<dyn Storage> + Send + Sync + 'static {
    let all = TempDir::new().unwrap();
    move || Arc::new(quiet_file(&TempDir::new_in(&all).unwrap().keep()))
}

#[test]
fn sessions_that_began_before_are_used_like_any_others() {
    check(Balance::ByTurnsOfTheSession, || (memory(), memory()));
}

#[test]
fn sessions_that_began_in_files_are_used_like_any_others() {
    let files = folders();
    check(Balance::ByTurnsOfTheSession, move || (files(), memory()));
}

#[test]
fn two_deployments_side_by_side_are_one_service() {
    check(Balance::ByTurns, || (memory(), memory()));
    let files = folders();
    check(Balance::ByTurns, move || (memory(), files()));
}

/// Encryption begins by moving to a sealed place; and what is sealed moves as it is.
#[cfg(feature = "encryption")]
#[test]
fn sealed_sessions_move_and_sessions_move_into_the_seal() {
    use gsession::storage::sealed::{KeyRing, Sealed, SealingKey};
    let sealed = |storage| Arc::new(Sealed::new(storage, KeyRing::new(SealingKey::from_bytes([7; 32]))));
    check(Balance::ByTurns, move || (memory(), sealed(memory())));
    check(Balance::ByTurnsOfTheSession, move || (memory(), sealed(memory())));
    let make = move || {
        let moving: Arc<dyn Storage> = Arc::new(BlockingMovingStorage::new(memory(), memory()).unwrap());
        sealed(moving)
    };
    let report = Suite::blocking(make).check().unwrap();
    assert_eq!(report.passed.len(), Suite::cases().len());
}

#[cfg(feature = "redis")]
#[test]
fn the_same_within_redis() {
    use crate::support::redis;
    check(Balance::ByTurns, || (Arc::new(redis::strings()), Arc::new(redis::hashes())));
    check(Balance::ByTurnsOfTheSession, || (Arc::new(redis::clustered_hashes()), Arc::new(redis::clustered_strings())));
}
