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

#[track_caller]
fn check(make: impl Fn() -> Rolling + Send + Sync + 'static) {
    let cases = Suite::cases().iter().map(|case| case.name).filter(|name| !COUNT_WHAT_IS_SWEPT.contains(name));
    let report = Suite::blocking(make).only(cases.collect::<Vec<_>>()).check().unwrap();
    assert_eq!(report.passed.len(), Suite::cases().len() - COUNT_WHAT_IS_SWEPT.len());
}

#[test]
fn sessions_that_began_before_are_used_like_any_others() {
    check(|| Rolling::new(memory(), memory(), Balance::ByTurnsOfTheSession));
}

#[test]
fn sessions_that_began_in_files_are_used_like_any_others() {
    let all = TempDir::new().unwrap();
    check(move || {
        let folder = TempDir::new_in(&all).unwrap().keep();
        Rolling::new(Arc::new(quiet_file(&folder)), memory(), Balance::ByTurnsOfTheSession)
    });
}

#[test]
fn sessions_that_move_to_files_are_used_like_any_others() {
    let all = TempDir::new().unwrap();
    check(move || {
        let folder = TempDir::new_in(&all).unwrap().keep();
        Rolling::new(memory(), Arc::new(quiet_file(&folder)), Balance::ByTurns)
    });
}

#[cfg(feature = "redis")]
#[test]
fn sessions_that_move_within_redis_are_used_like_any_others() {
    use crate::support::redis;
    check(|| Rolling::new(Arc::new(redis::strings()), Arc::new(redis::hashes()), Balance::ByTurns));
    check(|| {
        let (old, new) = (redis::clustered_hashes(), redis::clustered_strings());
        Rolling::new(Arc::new(old), Arc::new(new), Balance::ByTurnsOfTheSession)
    });
}

#[test]
fn two_deployments_side_by_side_are_one_service() {
    check(|| Rolling::new(memory(), memory(), Balance::ByTurns));
}
