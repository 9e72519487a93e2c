//! A child process that says when it is ready, whose output is kept, and that does not outlive the test.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

use crate::wait;

/// A running child process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Output,
}

impl Process {
    /// Starts `command`, with both of its outputs kept.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("starting `{name}`: {error}"));
        let output = Output::default();
        output.keep(child.stdout.take().expect("stdout was asked for"));
        output.keep(child.stderr.take().expect("stderr was asked for"));
        Self { name, child, output }
    }

    /// Waits for a line in which `find` finds something.
    ///
    /// # Panics
    ///
    /// When the process ends first or takes too long, with all it has printed.
    pub fn wait_for_line<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        wait::until(&format!("`{}` printing {what}", self.name), || {
            let ended = self.child.try_wait().expect("asking after a child of ours");
            if ended.is_some() {
                // Its last words may still be in the pipe, and count. (Its children may hold the pipe open for ever.)
                thread::sleep(wait::INTERVAL * 10);
            }
            let printed = self.output();
            let found = printed.lines().find_map(&find);
            if let (None, Some(status)) = (&found, ended) {
                panic!("`{}` ended ({status}) before printing {what}. It printed:\n{printed}", self.name);
            }
            found
        })
    }

    /// All it has printed so far, to either output.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.text()
    }

    /// Whether it has ended.
    ///
    /// # Panics
    ///
    /// When the system does not tell.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("asking after a child of ours").is_some()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal and waits until it is gone.
    ///
    /// # Panics
    ///
    /// When it ignores the signal.
    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        // A child that was waited for is no longer ours to signal: its number may belong to somebody else by now.
        if let Some(status) = self.child.try_wait().expect("asking after a child of ours") {
            return status;
        }
        kill_process(Pid::from_child(&self.child), signal).expect("signalling a child of ours");
        wait::until(&format!("`{}` ending after {signal:?}", self.name), || {
            self.child.try_wait().expect("asking after a child of ours")
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has printed. Always read to its end, so that the process never waits for a full pipe.
#[derive(Debug, Clone, Default)]
struct Output(Arc<Mutex<String>>);

impl Output {
    fn keep(&self, pipe: impl Read + Send + 'static) {
        let Self(kept) = self.clone();
        thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn shell(script: &str) -> Process {
        Process::start(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn a_line_is_waited_for_and_the_signal_ends_it() {
        let mut process = shell("echo first; echo port 4711 >&2; exec sleep 60");
        let port = process.wait_for_line("its port", |line| line.strip_prefix("port ")?.parse::<u16>().ok());
        assert_eq!(port, 4711);
        assert_eq!(process.end(Signal::KILL).signal(), Some(9));
        // Ending it again reports the same end and signals nobody.
        assert_eq!(process.end(Signal::TERM).signal(), Some(9));
    }

    #[test]
    #[should_panic(expected = "before printing its port. It printed:\nno port for you")]
    fn a_process_that_ends_first_is_reported_with_its_output() {
        let mut process = shell("echo no port for you; exit 3");
        process.wait_for_line("its port", |line| line.strip_prefix("port ").map(str::to_owned));
    }
}
