//! The program finds nothing on a sound storage, having done enough; and each thing it looks for, where it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    fs,
    process::{Command, Output},
};

use gsession_test_servers::{
    process::{Process, Signal},
    wait,
};
use serde_json::Value;

fn run(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gsession-torture"));
    command.args(arguments.split_whitespace()).output().unwrap()
}

/// The report's row, and the exit status.
fn row(arguments: &str) -> (Value, i32) {
    let output = run(&format!("--json {arguments}"));
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (report["rows"][0].clone(), output.status.code().unwrap())
}

/// Nothing is found, and that is not because nothing was done.
fn is_sound(storage: &str, seconds: u32) {
    let (row, status) = row(&format!("--storage {storage} --duration {seconds}s"));
    for (charge, count) in row["found"].as_object().unwrap() {
        assert!(count.is_null() || *count == 0, "{charge}: {row:#}");
    }
    for deed in [
        "logins",
        "reads",
        "writes",
        "increments",
        "renewals",
        "logouts",
        "expulsions",
        "500s and panics",
        "hang-ups",
        "repeated logins",
        "double clicks",
        "late uses",
        "device lists",
        "devices ended",
        "logouts everywhere",
        "rotations",
        "thefts",
        "faults",
    ] {
        assert!(row["done"][deed].as_u64() > Some(0), "{deed}: {row:#}");
    }
    assert_eq!(status, 0);
}

#[test]
fn memory_loses_nothing_while_its_process_is_killed() {
    is_sound("memory", 5);
}

#[test]
fn files_lose_nothing_while_their_processes_are_killed() {
    is_sound("file", 5);
}

#[test]
fn redis_loses_nothing_while_it_and_its_clients_are_killed() {
    is_sound("redis", 5);
}

#[test]
fn hashes_in_redis_lose_nothing_while_it_and_its_clients_are_killed() {
    is_sound("redis-hash", 5);
}

#[test]
fn the_near_cache_loses_nothing_while_redis_and_its_process_are_killed() {
    is_sound("redis-near", 5);
}

#[test]
fn sqlite_loses_nothing_while_its_processes_are_killed() {
    is_sound("sqlite", 5);
}

#[test]
fn postgres_loses_nothing_while_it_and_its_clients_are_killed() {
    is_sound("postgres", 6);
}

#[test]
fn failovers_under_sentinel_lose_what_is_documented_at_most() {
    is_sound("redis-sentinel", 8);
}

#[test]
fn failovers_in_a_cluster_lose_what_is_documented_at_most() {
    is_sound("redis-cluster", 8);
}

#[test]
fn memory_on_axum_loses_nothing_while_its_process_is_killed() {
    is_sound("axum-memory", 5);
}

#[test]
fn files_on_axum_lose_nothing_while_their_processes_are_killed() {
    is_sound("axum-file", 5);
}

#[test]
fn redis_on_axum_loses_nothing_while_it_and_its_clients_are_killed() {
    is_sound("axum-redis", 6);
}

/// What a browser is told of its session decides what it does next, so that one lie leads to others.
const WHATEVER_COMES_OF_IT: [&str; 7] = [
    "updates lost",
    "increments wrong",
    "dead sessions alive",
    "ids over one",
    "false successes",
    "logins refused",
    "devices wrong",
];

/// A sabotage is found in the column that is its own. Gives back the words.
fn is_found(sabotage: &str, storage: &str, column: &str, elsewhere: &[&str]) -> Vec<String> {
    is_found_in(2, sabotage, storage, column, elsewhere)
}

fn is_found_in(seconds: u32, sabotage: &str, storage: &str, column: &str, elsewhere: &[&str]) -> Vec<String> {
    let (row, status) = row(&format!("--storage {storage} --duration {seconds}s --no-faults --sabotage {sabotage}"));
    for (charge, count) in row["found"].as_object().unwrap() {
        let found = count.as_u64().unwrap_or_default();
        assert_eq!(found > 0, charge == column || (found > 0 && elsewhere.contains(&charge.as_str())), "{row:#}");
    }
    assert_eq!(status, 1);
    let words: Vec<String> = serde_json::from_value(row["in words"].clone()).unwrap();
    assert!(words.iter().any(|words| words.starts_with(column)), "{words:#?}");
    words
}

#[test]
fn updates_that_are_lost_are_found() {
    is_found("lost-updates", "memory", "updates lost", &[]);
}

#[test]
fn increments_that_are_missing_are_found() {
    is_found("missing-increments", "redis", "increments wrong", &[]);
}

#[test]
fn dead_sessions_that_live_are_found() {
    is_found("zombies", "file", "dead sessions alive", &["devices wrong"]);
}

#[test]
fn sessions_that_a_listing_misses_are_found() {
    // Only every fifth session or so ends in this way.
    let words = is_found_in(6, "missed-sessions", "redis-hash", "dead sessions alive", &["devices wrong"]);
    assert!(words.iter().any(|words| words.contains("logout")), "{words:#?}");
}

#[test]
fn sessions_that_are_crossed_are_found() {
    is_found("crossed", "memory", "sessions crossed", &WHATEVER_COMES_OF_IT);
}

#[test]
fn second_successors_are_found() {
    is_found("successors", "redis-hash", "ids over one", &WHATEVER_COMES_OF_IT);
}

#[test]
fn pages_that_take_a_user_for_a_visitor_are_found() {
    is_found("false-successes", "memory", "false successes", &WHATEVER_COMES_OF_IT);
}

#[test]
fn repeated_logins_that_are_refused_are_found() {
    // Who was told to be logged in writes in vain.
    // Who ends a device is not told either under which id it goes on.
    is_found("refused-logins", "memory", "logins refused", &["devices wrong", "dead sessions alive"]);
}

#[test]
fn repeated_logins_that_begin_a_second_session_are_found() {
    // The second one lacks what the first one holds.
    let elsewhere = ["updates lost", "increments wrong", "dead sessions alive"];
    is_found("second-sessions", "redis", "ids over one", &elsewhere);
}

#[test]
fn writes_after_the_response_are_found_whether_admitted_or_not() {
    let words = is_found("late-writes", "memory", "late writes accepted", &[]);
    assert!(words.iter().any(|words| words.contains("was accepted after the response")), "{words:#?}");
    assert!(words.iter().any(|words| words.contains("its request came after the response")), "{words:#?}");
}

#[test]
fn logouts_after_the_response_that_end_nothing_are_found() {
    let words = is_found("late-destroys", "file", "dead sessions alive", &[]);
    assert!(words.iter().any(|words| words.contains("which was ended after a response")), "{words:#?}");
}

#[test]
fn cookies_that_hide_others_are_found() {
    let words = is_found("first-cookie", "memory", "false successes", &WHATEVER_COMES_OF_IT);
    let hidden = |words: &&String| words.starts_with("false successes");
    assert!(words.iter().filter(hidden).all(|words| words.contains("before its own")), "{words:#?}");
}

#[test]
fn refusals_of_what_is_stored_are_found() {
    let words = is_found("stored-refusals", "memory", "false successes", &WHATEVER_COMES_OF_IT);
    assert!(words.iter().any(|words| words.contains("is there, and its request had failed")), "{words:#?}");
}

#[test]
fn lists_of_devices_that_lack_one_are_found() {
    let words = is_found("missed-devices", "file", "devices wrong", &[]);
    assert!(words.iter().all(|words| words.contains("not in the list")), "{words:#?}");
}

#[test]
fn logins_that_ignore_the_limit_are_found() {
    let words = is_found("no-limit", "redis-hash", "devices wrong", &[]);
    assert!(words.iter().any(|words| words.contains("and 3 are allowed")), "{words:#?}");
}

#[test]
fn logouts_everywhere_that_miss_a_device_are_found() {
    let words = is_found("half-everywhere", "memory", "dead sessions alive", &[]);
    assert!(words.iter().all(|words| words.contains("ended from another one")), "{words:#?}");
}

#[test]
fn rotations_that_log_out_whoever_does_not_know_of_them_are_found() {
    let words = is_found("no-grace", "memory", "false successes", &[]);
    assert!(words.iter().all(|words| words.contains("rotating")), "{words:#?}");
}

#[test]
fn ids_that_outlive_their_rotation_are_found() {
    let words = is_found("eternal-ids", "memory", "dead sessions alive", &[]);
    assert!(words.iter().all(|words| words.contains("an old id of")), "{words:#?}");
}

#[test]
fn thefts_that_end_nothing_are_found() {
    let words = is_found("forgiven-thefts", "memory", "dead sessions alive", &[]);
    assert!(words.iter().all(|words| words.contains("although an old id was used again")), "{words:#?}");
}

#[test]
fn what_is_left_over_is_found() {
    is_found("growth", "file", "left over", &[]);
}

#[test]
fn keys_without_expiry_are_found() {
    is_found("no-expiry", "redis", "keys without expiry", &[]);
}

#[test]
fn ctrl_c_ends_it_early_with_its_report_and_leaves_nothing_running() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gsession-torture"));
    let mut torture = Process::start(command.args(["--storage", "redis", "--duration", "1h"]));
    let family = format!("/proc/{0}/task/{0}/children", torture.id());
    let children = || fs::read_to_string(&family).unwrap().split(' ').filter_map(|id| id.parse().ok()).collect();
    // The server, the shell that watches over it, and two services.
    let children: Vec<u32> = wait::until("its children", || Some(children()).filter(|ids: &Vec<u32>| ids.len() >= 4));
    assert!(torture.end(Signal::INT).success(), "{}", torture.output());
    wait::until("its report", || torture.output().contains("What was found").then_some(()));
    assert!(torture.output().contains("| gsession redis |"), "{}", torture.output());
    for id in children {
        assert!(!fs::exists(format!("/proc/{id}")).unwrap(), "process {id} is still there");
    }
}

#[test]
fn what_makes_no_sense_is_explained() {
    for (arguments, explained) in [
        ("--storage floppy", "floppy"),
        ("--clients 0", "0 is not in 1..=200"),
        ("--tabs 0", "0 is not in 1..=32"),
        ("--duration 0s", "between a second and thirty days"),
        ("--duration soon", "soon"),
        ("--seed minus-one", "minus-one"),
        ("--storage memory --sabotage no-expiry", "only keys in Redis have an expiry"),
        ("--storage axum-memory --sabotage zombies", "only the service on actix-web"),
        ("serve --target memory --place", "--place"),
    ] {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(explained), "{arguments}: {said}");
    }
}
