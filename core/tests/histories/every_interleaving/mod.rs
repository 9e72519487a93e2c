//! Model checking: every order in which the storage operations of up to three requests can happen, with failures, lost answers
//! and requests that are dropped at any of them. S3 to S7 and S9 are asked of each; and after each that has a login in it, the
//! browser logs in once more with whatever id it may have been left with.
//!
//! `GSESSION_INTERLEAVING="renew,destroy:1,0,2"` runs one schedule and prints it.

mod afterwards;
mod explorer;
mod faults;
mod judge;
mod lineage;
mod programs;
mod requests;
mod schedule;
mod stepping;
mod turnstile;

use std::sync::Arc;

use explorer::Choices;
use gsession::Storage;
use programs::{EXPULSIONS, LATE, LOGINS, OTHERS, PLAIN, PRESENTING, Program, by_name};
use schedule::{explore, schedule};

use crate::{plain::Plain, support::quiet_memory};

/// Every choice of so many programs, regardless of order.
fn combinations(programs: &[Program], count: usize) -> Vec<Vec<Program>> {
    let Some(left) = count.checked_sub(1) else { return vec![Vec::new()] };
    let with = |(at, program): (usize, &Program)| {
        let rest = combinations(&programs[at..], left).into_iter();
        let program = *program;
        rest.map(move |mut rest| {
            rest.insert(0, program);
            rest
        })
    };
    programs.iter().enumerate().flat_map(with).collect()
}

/// One of these with one of those.
fn pairs(these: &[Program], those: &[Program]) -> Vec<Vec<Program>> {
    these.iter().flat_map(|this| those.iter().map(move |that| vec![*this, *that])).collect()
}

/// Explores all combinations and prints how many schedules that were.
fn explore_all<S: Storage + 'static>(what: &str, make: impl Fn() -> S, combinations: &[Vec<Program>], faults: usize) {
    let mut schedules = 0;
    for programs in combinations {
        match explore(&make, programs, faults) {
            Ok(count) => schedules += count,
            Err(violation) => panic!("{violation}"),
        }
    }
    println!("{what}: {} combinations of requests, {faults} faults: {schedules} schedules", combinations.len());
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
    let all = combinations(PLAIN, 3);
    explore_all("three, memory", quiet_memory, &all, usize::from(is_deep()));
    if is_deep() {
        explore_all("three, model", Plain::sound, &all, 1);
    }
}

#[test]
fn every_order_of_two_requests_with_a_fault_on_the_model() {
    explore_all("two, model", Plain::sound, &combinations(PLAIN, 2), if is_deep() { 2 } else { 1 });
}

#[test]
fn every_order_of_two_requests_with_a_fault_in_memory() {
    explore_all("two, memory", quiet_memory, &combinations(PLAIN, 2), if is_deep() { 2 } else { 1 });
}

/// Those with at most so many requests in all.
fn of_few_requests(mut all: Vec<Vec<Program>>, requests: usize) -> Vec<Vec<Program>> {
    let requests = if is_deep() { requests + 1 } else { requests };
    all.retain(|programs| programs.iter().map(|program| program.legs.len()).sum::<usize>() <= requests);
    all
}

#[test]
fn every_order_of_two_logins() {
    explore_all("two logins, memory", quiet_memory, &combinations(LOGINS, 2), 0);
    explore_all("logins and others, memory", quiet_memory, &pairs(LOGINS, PLAIN), usize::from(is_deep()));
}

#[test]
fn every_order_of_two_logins_with_a_fault() {
    explore_all("repeated logins, model", Plain::sound, &combinations(LOGINS, 1), 2);
    explore_all("two logins, model", Plain::sound, &of_few_requests(combinations(LOGINS, 2), 2), 1);
}

#[test]
fn every_order_of_three_logins() {
    let some = named(&["login", "look+login", "bob", "lost-login;login", "renew", "destroy"]);
    explore_all("three logins, memory", quiet_memory, &of_few_requests(combinations(&some, 3), 3), 0);
}

#[test]
fn every_order_of_requests_with_several_ids() {
    let together = combinations(PRESENTING, 2);
    explore_all("two with several ids, memory", quiet_memory, &together, 0);
    explore_all("several ids and others, model", Plain::sound, &pairs(PRESENTING, OTHERS), 1);
    explore_all("several ids and others, memory", quiet_memory, &pairs(PRESENTING, PLAIN), 0);
}

#[test]
fn every_order_of_requests_whose_session_is_used_after_its_end() {
    let together = combinations(&[LATE, OTHERS].concat(), 2);
    explore_all("late, memory", quiet_memory, &together, 1);
    explore_all("late, model", Plain::sound, &together, 1);
}

#[test]
fn every_order_of_logins_of_a_user_whose_sessions_are_all_ended() {
    let expel = named(&["expel"]);
    let others = [LOGINS, EXPULSIONS].concat();
    explore_all("expelled, memory", quiet_memory, &pairs(&expel, &others), 0);
    explore_all("expelled, model", Plain::sound, &pairs(&expel, &others), 1);
    let together = combinations(&named(&["expel", "login;renew", "renew", "login"]), 3);
    explore_all("expelled and others, memory", quiet_memory, &of_few_requests(together, 4), 0);
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

#[test]
fn the_schedule_that_was_asked_for() {
    let Ok(asked) = std::env::var("GSESSION_INTERLEAVING") else { return };
    let (names, choices) = asked.split_once(':').expect("programs, a colon, choices");
    let programs = named(&names.split(',').collect::<Vec<_>>());
    let choices: Vec<usize> = choices.split(',').map(|choice| choice.parse().expect("a number")).collect();
    // As many faults as the choices ask for.
    let faults = choices.len();
    if let Err(violation) = schedule(&Arc::new(quiet_memory()), &programs, faults, &mut Choices::replay(&choices)) {
        panic!("{violation}");
    }
}
