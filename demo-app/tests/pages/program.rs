//! The program as it is started: its command line, its first line of output, and how it stops.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gsession-demo"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// Starts it and waits for the line that says where it listens.
fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = command().args(["--listen", "127.0.0.1:0"]).args(arguments).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Some(address) = line.trim_end().strip_prefix("listening on http://") else {
        let mut error = String::new();
        child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        panic!("{line:?} {error}");
    };
    (child, address.to_owned())
}

fn stop(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success(), "stopping on request is not a failure");
}

#[test]
fn wrong_arguments_are_explained() {
    for (arguments, word) in [
        (["--storage", "disk"], "--storage"),
        (["--listen", "here"], "--listen"),
        (["--idle-timeout", "soon"], "--idle-timeout"),
        (["--idle-timeout", "0"], "--idle-timeout"),
        (["--workers", "0"], "--workers"),
        (["--colour", "red"], "--colour"),
    ] {
        let output = run(&arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error.contains(word) && output.stdout.is_empty(), "{error}");
    }
}

#[test]
fn help_names_every_option() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for option in ["--storage", "--listen", "--session-dir", "--idle-timeout", "--absolute-lifetime", "--workers"] {
        assert!(help.contains(option), "{option} in {help}");
    }
}

#[test]
fn it_listens_until_it_is_told_to_stop() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("sessions");
    let (child, address) = start(&["--session-dir", folder.to_str().unwrap()]);
    assert_ne!(address.rsplit(':').next(), Some("0"), "the port that it was given by the system");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700, "nobody else looks into it");

    let taken = run(&["--storage", "memory", "--listen", &address]);
    let error = String::from_utf8(taken.stderr).unwrap();
    assert_eq!(taken.status.code(), Some(1));
    assert!(error.contains(&address), "{error}");
    stop(child);
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let output = run(&["--listen", "127.0.0.1:0", "--session-dir", path]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains(path), "{error}");
}

#[test]
fn durations_without_end_are_fine() {
    let forever = u64::MAX.to_string();
    let (child, _) =
        start(&["--storage", "memory", "--idle-timeout", &forever, "--absolute-lifetime", &forever, "--workers", "1"]);
    stop(child);
}
