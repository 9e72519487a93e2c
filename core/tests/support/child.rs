//! The test binary, started once more to be another process. Only what was started here is ever ended.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

#[cfg(unix)]
use rustix::process::{Pid, Signal, WaitOptions};

/// Tells a child what it is to be; a test that finds it set does the child's part and ends.
const ROLE: &str = "GSESSION_TEST_ROLE";
/// What a child says begins with this, because the test harness prints lines of its own.
const MARK: &str = "child: ";

/// The argument given to this process, if it was started as a child.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Says a line to the parent.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The harness may have begun a line of its own.
    writeln!(out, "\n{MARK}{line}").unwrap();
    out.flush().unwrap();
}

/// The command that runs the test `name` of this binary again with `role`.
pub(crate) fn command(name: &str, role: &str) -> Command {
    command_after(&[], name, role)
}

/// The same after other words, such as those of `unshare`.
pub(crate) fn command_after(words: &[&str], name: &str, role: &str) -> Command {
    command_of(words, &std::env::current_exe().unwrap(), name, role)
}

/// The same of a copy of this binary.
pub(crate) fn command_of(words: &[&str], binary: &Path, name: &str, role: &str) -> Command {
    let mut words = words.iter().map(OsStr::new).chain([binary.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args([name, "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// A running child. It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), child, lines, seen: Vec::new() }
    }

    /// The next thing the child says; `None` when it has ended.
    pub(crate) fn heard(&mut self) -> Option<String> {
        for line in self.lines.by_ref() {
            // A child that was killed may leave half a line.
            let line = line.unwrap_or_default();
            if let Some(said) = line.strip_prefix(MARK) {
                return Some(said.to_owned());
            }
            self.seen.push(line);
        }
        None
    }

    pub(crate) fn expect(&mut self, what: &str) {
        let heard = self.heard();
        assert_eq!(heard.as_deref(), Some(what), "what the child printed besides: {:#?}", self.seen);
    }

    /// Gives the child a line.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.raw(), signal).unwrap();
    }

    #[cfg(unix)]
    /// Stops the child, and waits until it has stopped: the signal alone says nothing about when.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let stopped = rustix::process::waitpid(Some(self.raw()), WaitOptions::UNTRACED).unwrap();
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "it has ended instead");
    }

    #[cfg(unix)]
    fn raw(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end, which must be a good one; gives back what was said until then.
    pub(crate) fn finish(mut self) -> Vec<String> {
        drop(self.input.take());
        let mut said = Vec::new();
        while let Some(line) = self.heard() {
            said.push(line);
        }
        let status: ExitStatus = self.child.wait().unwrap();
        assert!(status.success(), "the child failed: {status}; it printed {:#?}", self.seen);
        // A test that does not exist succeeds, too.
        assert!(self.seen.iter().any(|line| line == "running 1 test"), "the child has run no test: {:#?}", self.seen);
        said
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, or must not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
