//! The system calls of a child, as strace tells them.

use std::{path::Path, process::Command};

use super::child::{self, Process};

/// Runs the test `name` again under strace, and gives back the system calls between the last two calls of [`mark`].
pub(crate) fn calls(name: &str, role: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("calls");
    let strace = ["strace", "-f", "-qq", "-s", "200", "-o", out.to_str().unwrap()];
    let probe = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    assert!(
        probe.as_ref().is_ok_and(|probe| probe.status.success()),
        "this test counts system calls with strace (package strace), which must be allowed to trace: {probe:?}"
    );
    Process::start(child::command_after(&strace, name, role)).finish();
    between_marks(&std::fs::read_to_string(&out).unwrap())
}

const MARK: &str = "/gsession-test-mark";

/// Marks the place in the system calls of this thread.
pub(crate) fn mark() {
    assert!(!Path::new(MARK).exists());
}

/// Of the thread that made the marks, between the last two of them.
fn between_marks(text: &str) -> Vec<String> {
    let lines = || text.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let (thread, _) = lines().find(|(_, call)| call.contains(MARK)).expect("there is a mark");
    // The end of a call that other threads interrupted is a line of its own. With debug assertions, the standard library asks
    // whether a file is open before it closes it.
    let is_debug = |call: &str| call.starts_with("fcntl(") && call.contains("F_GETFD");
    let is_call = |call: &str| !call.starts_with("<...") && !is_debug(call);
    let of_thread = lines().filter(|(of, _)| *of == thread).map(|(_, call)| call.trim_start().to_owned());
    let calls = of_thread.filter(|call| is_call(call));
    let calls: Vec<String> = calls.collect();
    let mut parts = calls.split(|call| call.contains(MARK)).rev();
    let _after = parts.next();
    parts.next().unwrap_or_default().to_vec()
}

/// The names of calls.
pub(crate) fn names(calls: &[String]) -> Vec<&str> {
    calls.iter().map(|call| call.split_once('(').map_or(call.as_str(), |(name, _)| name)).collect()
}
