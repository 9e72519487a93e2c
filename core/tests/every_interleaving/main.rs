//! Model checking: every order in which the storage operations of up to three requests can happen, with failures, lost answers
//! and requests that are dropped at any of them. S3 to S7 are asked of each.
//!
//! `GSESSION_INTERLEAVING="renew,destroy:1,0,2"` runs one schedule and prints it.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod expected;
mod explorer;
mod judge;
#[allow(dead_code, reason = "some faults need what no request here does")]
#[path = "../conformance/plain.rs"]
mod plain;
mod programs;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use explorer::{Choices, Request, Stepping, TIME, Turnstile};
use gsession::{AsyncManager, ClientInfo, ManualClock, SessionId, Storage, StoreKey};
use judge::Ended;
use plain::{Fault, Plain};
use programs::{Action, PROGRAMS, Program, Told, by_name, carry_out};
use support::{IDLE, NOW, RememberedIds, quiet_memory, record};

/// A schedule that breaks a rule.
struct Violation {
    rule: String,
    schedule: Vec<usize>,
    programs: Vec<Program>,
    steps: Vec<explorer::Step>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |items: &[String]| items.join(",");
        let names: Vec<_> = self.programs.iter().map(Program::to_string).collect();
        let choices: Vec<_> = self.schedule.iter().map(usize::to_string).collect();
        writeln!(f, "{}", self.rule)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step} ({})", self.programs[step.request]))?;
        write!(f, "again: GSESSION_INTERLEAVING=\"{}:{}\"", list(&names), list(&choices))
    }
}

/// Runs one schedule.
fn schedule<S: Storage + 'static>(
    storage: &Arc<S>,
    programs: &[Program],
    faults: usize,
    choices: &mut Choices,
) -> Result<(), Violation> {
    let (turnstile, clock, ids) = (Turnstile::default(), ManualClock::new(NOW), RememberedIds::default());
    let stepping = Stepping { storage: Arc::clone(storage), turnstile: turnstile.clone() };
    let manager = AsyncManager::builder(stepping).clock(clock.clone()).idle_timeout(IDLE);
    let manager = manager.id_generator(ids.clone()).build().unwrap();
    let (first, forged) = (SessionId::from_random([1; 32]), SessionId::from_random([2; 32]));
    storage.create(&StoreKey::of(&first), &record(&[("n", "0"), ("user", "7")]), NOW).unwrap();
    let requests = programs.iter().enumerate().map(|(number, &program)| {
        let (turnstile, clock) = (turnstile.clone(), clock.clone());
        let id = if program.is_forged { &forged } else { &first };
        let session = manager.session(Some(id.as_str()), ClientInfo::default());
        let request: Request<Told> = if program.does(Action::PassTime) {
            Box::pin(async move {
                turnstile.step(TIME).await;
                clock.advance(IDLE);
                Told::default()
            })
        } else {
            Box::pin(async move { carry_out(program, number, session, |action| turnstile.pend(number, action)).await })
        };
        request
    });
    let told = explorer::run(&turnstile, StoreKey::of(&first), requests.collect(), faults, choices);
    let steps = turnstile.steps();
    let all: Vec<_> = [first].into_iter().chain(ids.all()).collect();
    let ended = Ended {
        programs,
        steps: &steps,
        told: &told,
        storage: &**storage,
        ids: &all,
        forged: &forged,
        now: gsession::Clock::now(&clock),
        expected: &turnstile.expected(),
    };
    ended.verdict().map_err(|rule| Violation { rule, schedule: choices.made(), programs: programs.to_vec(), steps })
}

/// Runs every schedule, with at most so many faults in each. Gives back how many there are.
fn explore<S: Storage + 'static>(make: impl Fn() -> S, programs: &[Program], faults: usize) -> Result<u64, Violation> {
    let (mut choices, mut count) = (Choices::default(), 0);
    loop {
        schedule(&Arc::new(make()), programs, faults, &mut choices)?;
        count += 1;
        if !choices.next() {
            return Ok(count);
        }
    }
}

/// Every choice of so many programs, regardless of order.
fn combinations(count: usize) -> Vec<Vec<Program>> {
    fn add(from: usize, left: usize, chosen: &mut Vec<Program>, all: &mut Vec<Vec<Program>>) {
        if left == 0 {
            return all.push(chosen.clone());
        }
        for (at, &program) in PROGRAMS.iter().enumerate().skip(from) {
            chosen.push(program);
            add(at, left - 1, chosen, all);
            chosen.pop();
        }
    }
    let mut all = Vec::new();
    add(0, count, &mut Vec::new(), &mut all);
    all
}

/// Explores all combinations and prints how many schedules that were.
fn explore_all<S: Storage + 'static>(what: &str, make: impl Fn() -> S, requests: usize, faults: usize) {
    let combinations = combinations(requests);
    let mut schedules = 0;
    for programs in &combinations {
        match explore(&make, programs, faults) {
            Ok(count) => schedules += count,
            Err(violation) => panic!("{violation}"),
        }
    }
    println!(
        "{what}: {} combinations of {requests} requests, {faults} faults: {schedules} schedules",
        combinations.len()
    );
    assert!(schedules as usize > combinations.len());
}

fn named(names: &[&str]) -> Vec<Program> {
    names.iter().map(|name| by_name(name)).collect()
}

/// How deep to go where more would take too long for every day: `GSESSION_DEEP=1`.
fn is_deep() -> bool {
    std::env::var_os("GSESSION_DEEP").is_some()
}

#[test]
fn every_order_of_three_requests() {
    explore_all("memory", quiet_memory, 3, usize::from(is_deep()));
    if is_deep() {
        explore_all("model", Plain::sound, 3, 1);
    }
}

#[test]
fn every_order_of_two_requests_with_a_fault_on_the_model() {
    explore_all("model", Plain::sound, 2, if is_deep() { 2 } else { 1 });
}

#[test]
fn every_order_of_two_requests_with_a_fault_in_memory() {
    explore_all("memory", quiet_memory, 2, if is_deep() { 2 } else { 1 });
}

/// The explorer leaves nothing out: as many schedules as there are ways to shuffle the operations.
#[test]
fn no_schedule_is_left_out() {
    let count = |names: &[&str]| explore(Plain::sound, &named(names), 0).map_err(|violation| violation.rule).unwrap();
    assert_eq!(count(&["write"]), 1);
    assert_eq!(count(&["destroy", "destroy", "destroy"]), 6, "3!");
    assert_eq!(count(&["read+write", "read+write"]), 6, "4! / (2! 2!)");
    assert_eq!(count(&["read+write", "read+write", "read+write"]), 90, "6! / (2! 2! 2!)");
    assert_eq!(count(&["save-twice", "read"]), 4, "4! / (3! 1!)");
}

/// Each fault of a storage is found, and named by the rule that it breaks.
#[test]
fn a_broken_storage_is_found_out() {
    for (fault, rule, names) in [
        (Fault::LostUpdate, "S3", &["read+write", "read+write"][..]),
        (Fault::IgnoresTheCondition, "S3", &["update", "update"]),
        (Fault::ClearForgetsNothing, "S3", &["clear", "read"]),
        (Fault::ResurrectingCommit, "S4", &["read+write", "destroy"]),
        (Fault::MoveLeavesNoTrace, "S4", &["renew", "destroy"]),
        (Fault::TwoSuccessors, "S5", &["renew", "renew"]),
        (Fault::UpsertingCommit, "S6", &["forged", "read"]),
        (Fault::MissingExpiry, "S7", &["time", "read+write"]),
    ] {
        let found = explore(|| Plain::broken(fault), &named(names), 0);
        let violation = found.err().unwrap_or_else(|| panic!("{fault:?} was not found"));
        assert!(violation.rule.starts_with(rule), "{fault:?}: {violation}");
        // And again, from what it says.
        let again = schedule(
            &Arc::new(Plain::broken(fault)),
            &violation.programs,
            0,
            &mut Choices::replay(&violation.schedule),
        );
        assert_eq!(again.err().map(|violation| violation.rule), Some(violation.rule));
    }
}

#[test]
fn the_schedule_that_was_asked_for() {
    let Ok(asked) = std::env::var("GSESSION_INTERLEAVING") else { return };
    let (names, choices) = asked.split_once(':').expect("programs, a colon, choices");
    let programs = named(&names.split(',').collect::<Vec<_>>());
    let choices: Vec<usize> = choices.split(',').map(|choice| choice.parse().expect("a number")).collect();
    // As many faults as the choices ask for.
    if let Err(violation) =
        schedule(&Arc::new(quiet_memory()), &programs, choices.len(), &mut Choices::replay(&choices))
    {
        panic!("{violation}");
    }
}
