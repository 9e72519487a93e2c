//! Random histories of overlapping requests: against a model of maps, step by step; and truly at the same time, checked for
//! linearisability.
//!
//! A failure prints the shortest history that shows it, in words, and how to run it again: `PROPTEST_RNG_SEED`. More of them:
//! `PROPTEST_CASES`.

mod history;
mod linear;
mod model;
mod threads;
mod world;

use history::{History, history, in_words};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner},
};

use crate::{fault::Fault, plain::Plain, support::Kind};

/// Tries a property on so many random values. Gives back the smallest that does not have it, and how to find it again.
fn refuted<T: std::fmt::Debug>(
    cases: u32,
    values: impl Strategy<Value = T>,
    property: impl Fn(&T),
) -> Option<(T, String)> {
    let asked = Config::default();
    let seed = match asked.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => fresh_seed(),
    };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { cases };
    let config = Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..asked };
    let outcome = TestRunner::new(config).run(&values, |value| {
        property(&value);
        Ok::<(), TestCaseError>(())
    });
    match outcome {
        Ok(()) => None,
        Err(TestError::Fail(why, value)) => Some((value, format!("{why}\nagain: PROPTEST_RNG_SEED={seed}"))),
        Err(TestError::Abort(why)) => panic!("the test was given up: {why}"),
    }
}

/// Another one each time, without a generator of random numbers.
fn fresh_seed() -> u64 {
    use std::hash::BuildHasher as _;
    std::hash::RandomState::new().hash_one(0)
}

fn check_histories(kind: Kind, cases: u32) {
    if let Some((history, why)) = refuted(cases, history(), |history: &History| world::run(kind, history)) {
        panic!("{kind:?} does not do what the model does in\n{}{why}", in_words(&history));
    }
}

#[test]
fn memory_holds_what_the_model_holds() {
    check_histories(Kind::Memory, 1_500);
}

#[test]
fn files_hold_what_the_model_holds() {
    check_histories(Kind::File, 100);
}

#[cfg(feature = "redis")]
mod in_redis {
    use super::*;

    #[test]
    fn strings_hold_what_the_model_holds() {
        check_histories(Kind::RedisString, 60);
    }

    #[test]
    fn hashes_hold_what_the_model_holds() {
        check_histories(Kind::RedisHash, 60);
    }

    #[test]
    fn strings_in_a_cluster_hold_what_the_model_holds() {
        check_histories(Kind::RedisStringCluster, 40);
    }

    #[test]
    fn hashes_in_a_cluster_hold_what_the_model_holds() {
        check_histories(Kind::RedisHashCluster, 40);
    }
}

#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod in_databases {
    use super::*;

    #[test]
    fn sqlite_holds_what_the_model_holds() {
        check_histories(Kind::Sqlite, 40);
    }

    #[test]
    fn postgres_holds_what_the_model_holds() {
        check_histories(Kind::Postgres, 40);
    }
}

/// A storage that is broken is found out, and the history that shows it is a short one.
#[test]
fn a_broken_storage_is_found_by_a_short_history() {
    const SHORT: usize = 20;
    for fault in [
        Fault::LostUpdate,
        Fault::CommitReplacesEverything,
        Fault::ResurrectingCommit,
        Fault::MissingExpiry,
        Fault::TwoSuccessors,
        Fault::ClearForgetsNothing,
        Fault::CommitForgetsThePrincipal,
        Fault::MoveLeavesNoTombstone,
        Fault::TellsNoTombstone,
        Fault::TombstoneNamesTheOldKey,
        Fault::TombstoneDropsTheSealedId,
        Fault::ALaterMoveRewritesTombstones,
    ] {
        // A rare fault shows in one history of some hundreds. The search ends at the first.
        let found = refuted(20_000, history(), |history| world::run_on(Plain::broken(fault), history));
        let (history, why) = found.unwrap_or_else(|| panic!("{fault:?} was not found"));
        assert!(history.len() <= SHORT, "{fault:?} is shown by {} steps:\n{}{why}", history.len(), in_words(&history));
    }
}

/// What a failure prints is enough to see it again.
#[test]
fn the_same_seed_is_the_same_history() {
    let once = |seed| {
        let config = Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
        let broken = |history: History| {
            world::run_on(Plain::broken(Fault::LostUpdate), &history);
            Ok(())
        };
        match TestRunner::new(config).run(&history(), broken) {
            Err(TestError::Fail(_, history)) => in_words(&history),
            other => panic!("it has to fail: {other:?}"),
        }
    };
    assert_eq!(once(7), once(7));
}
