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

fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gsession-torture")).args(arguments).output().unwrap()
}

/// The report's row, and the exit status.
fn row<'a>(arguments: impl IntoIterator<Item = &'a str>) -> (Value, i32) {
    let output = run(["--json"].into_iter().chain(arguments));
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (report["rows"][0].clone(), output.status.code().unwrap())
}

/// Nothing is found, and that is not because nothing was done.
fn is_sound(storage: &str, duration: &str) {
    let (row, status) = row(["--storage", storage, "--duration", duration, "--until-all-done"]);
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
    is_sound("memory", "5s");
}

#[test]
fn files_lose_nothing_while_their_processes_are_killed() {
    is_sound("file", "5s");
}

#[test]
fn redis_loses_nothing_while_it_and_its_clients_are_killed() {
    is_sound("redis", "5s");
}

#[test]
fn hashes_in_redis_lose_nothing_while_it_and_its_clients_are_killed() {
    is_sound("redis-hash", "5s");
}

#[test]
fn the_near_cache_loses_nothing_while_redis_and_its_process_are_killed() {
    is_sound("redis-near", "5s");
}

#[test]
fn sqlite_loses_nothing_while_its_processes_are_killed() {
    is_sound("sqlite", "5s");
}

#[test]
fn postgres_loses_nothing_while_it_and_its_clients_are_killed() {
    is_sound("postgres", "6s");
}

#[test]
fn failovers_under_sentinel_lose_what_is_documented_at_most() {
    is_sound("redis-sentinel", "8s");
}

#[test]
fn failovers_in_a_cluster_lose_what_is_documented_at_most() {
    is_sound("redis-cluster", "8s");
}

#[test]
fn memory_on_axum_loses_nothing_while_its_process_is_killed() {
    is_sound("axum-memory", "5s");
}

#[test]
fn files_on_axum_lose_nothing_while_their_processes_are_killed() {
    is_sound("axum-file", "5s");
}

#[test]
fn redis_on_axum_loses_nothing_while_it_and_its_clients_are_killed() {
    is_sound("axum-redis", "6s");
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

/// A sabotage is found in the column that is its own.
fn is_found(sabotage: &str, storage: &str, column: &str, elsewhere: &[&str]) {
    is_found_in_words(sabotage, storage, column, elsewhere, &[]);
}

/// And in these words. Gives back all words.
fn is_found_in_words(sabotage: &str, storage: &str, column: &str, elsewhere: &[&str], sought: &[&str]) -> Vec<String> {
    let texts = [column].into_iter().chain(sought.iter().copied()).flat_map(|text| ["--until-found", text]);
    let fixed = ["--storage", storage, "--duration", "1s", "--no-faults", "--sabotage", sabotage];
    is_the_only_finding(row(fixed.into_iter().chain(texts)), column, elsewhere, sought)
}

/// As [`is_found`], where it is looked for only in the end.
fn is_found_in_the_end(sabotage: &str, storage: &str, column: &str) {
    let arguments = ["--storage", storage, "--duration", "2s", "--no-faults", "--sabotage", sabotage];
    is_the_only_finding(row(arguments), column, &[], &[]);
}

fn is_the_only_finding((row, status): (Value, i32), column: &str, elsewhere: &[&str], sought: &[&str]) -> Vec<String> {
    for (charge, count) in row["found"].as_object().unwrap() {
        let found = count.as_u64().unwrap_or_default();
        assert_eq!(found > 0, charge == column || (found > 0 && elsewhere.contains(&charge.as_str())), "{row:#}");
    }
    assert_eq!(status, 1);
    let words: Vec<String> = serde_json::from_value(row["in words"].clone()).unwrap();
    for sought in [&[column], sought].concat() {
        assert!(words.iter().any(|words| words.contains(sought)), "{sought}: {words:#?}");
    }
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
    is_found_in_words("missed-sessions", "redis-hash", "dead sessions alive", &["devices wrong"], &["logout"]);
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
    let sought = ["was accepted after the response", "its request came after the response"];
    is_found_in_words("late-writes", "memory", "late writes accepted", &[], &sought);
}

#[test]
fn logouts_after_the_response_that_end_nothing_are_found() {
    is_found_in_words("late-destroys", "file", "dead sessions alive", &[], &["which was ended after a response"]);
}

#[test]
fn cookies_that_hide_others_are_found() {
    let words = is_found_in_words("first-cookie", "memory", "false successes", &WHATEVER_COMES_OF_IT, &[]);
    let hidden = |words: &&String| words.starts_with("false successes");
    assert!(words.iter().filter(hidden).all(|words| words.contains("before its own")), "{words:#?}");
}

#[test]
fn refusals_of_what_is_stored_are_found() {
    let sought = "is there, and its request had failed";
    is_found_in_words("stored-refusals", "memory", "false successes", &WHATEVER_COMES_OF_IT, &[sought]);
}

#[test]
fn lists_of_devices_that_lack_one_are_found() {
    let words = is_found_in_words("missed-devices", "file", "devices wrong", &[], &[]);
    assert!(words.iter().all(|words| words.contains("not in the list")), "{words:#?}");
}

#[test]
fn logins_that_ignore_the_limit_are_found() {
    is_found_in_words("no-limit", "redis-hash", "devices wrong", &[], &["and 3 are allowed"]);
}

#[test]
fn logouts_everywhere_that_miss_a_device_are_found() {
    let words = is_found_in_words("half-everywhere", "memory", "dead sessions alive", &[], &[]);
    assert!(words.iter().all(|words| words.contains("ended from another one")), "{words:#?}");
}

#[test]
fn rotations_that_log_out_whoever_does_not_know_of_them_are_found() {
    let words = is_found_in_words("no-grace", "memory", "false successes", &[], &[]);
    assert!(words.iter().all(|words| words.contains("rotating")), "{words:#?}");
}

#[test]
fn ids_that_outlive_their_rotation_are_found() {
    let words = is_found_in_words("eternal-ids", "memory", "dead sessions alive", &[], &[]);
    assert!(words.iter().all(|words| words.contains("an old id of")), "{words:#?}");
}

#[test]
fn thefts_that_end_nothing_are_found() {
    let words = is_found_in_words("forgiven-thefts", "memory", "dead sessions alive", &[], &[]);
    assert!(words.iter().all(|words| words.contains("although an old id was used again")), "{words:#?}");
}

#[test]
fn what_is_left_over_is_found() {
    is_found_in_the_end("growth", "file", "left over");
}

#[test]
fn keys_without_expiry_are_found() {
    is_found_in_the_end("no-expiry", "redis", "keys without expiry");
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
        ("--storage memory --until-all-done --no-faults", "--no-faults"),
        ("--storage axum-memory --sabotage zombies", "only the service on actix-web"),
        ("serve --target memory --place", "--place"),
    ] {
        let output = run(arguments.split_whitespace());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(explained), "{arguments}: {said}");
    }
}
