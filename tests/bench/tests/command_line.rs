//! What makes no sense on the command line is explained, and ends the program with status 2.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

fn refused(arguments: &[&str], reason: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_gsession-bench")).args(arguments).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.contains(reason), "{arguments:?}: {said}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    refused(&["--peer", "rocket"], "goframe-memory");
    refused(&["--rounds", "0"], "rounds");
    refused(&["lost", "--peer", "bare-goframe"], "no sessions that could get lost");
    refused(&["serve", "--peer", "gsession-redis"], "--redis");
    refused(&["serve", "--peer", "tower-sessions-sqlite"], "--dir");
    refused(&["serve", "--peer", "tower-sessions-postgres"], "--postgres");
}

#[test]
fn charts_need_figures_and_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a name that is text").to_owned()
    };
    let to = folder.path().join("charts");
    let to = to.to_str().expect("a name that is text");
    let speed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../core/src/docs/figures/speed.json");

    refused(&["charts", "--to", to], "--from");
    refused(&["charts", "--from", speed], "--to");
    refused(&["charts", "--from", "no/such/file", "--to", to], "cannot be read");
    refused(&["charts", "--from", &file("empty.json", ""), "--to", to], "not what a run prints");
    refused(&["charts", "--from", &file("table.md", "| a |"), "--to", to], "not what a run prints");
    refused(&["charts", "--from", &file("other.json", r#"{"report": "near"}"#), "--to", to], "not what a run prints");
    refused(&["charts", "--from", speed, "--to", &file("file", "")], "not a folder");
    refused(&["charts", "--from", speed, "--from", speed, "--to", to], "of the same kind");
    assert!(!folder.path().join("charts").exists(), "nothing was drawn");
}
