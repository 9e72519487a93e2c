//! Running the program.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;

/// The program with arguments, without what this machine has set for it.
pub(crate) fn command<A: AsRef<str>>(arguments: &[A]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gsession"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GSESSION_")) {
        command.env_remove(name);
    }
    command.args(arguments.iter().map(AsRef::as_ref)).stdin(Stdio::null());
    command
}

/// What the program has printed, and how it has ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// The same with a text on standard input.
    pub(crate) fn reading(command: &mut Command, input: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Self::from(child.wait_with_output().unwrap())
    }

    /// Checks that it has ended well, and returns what it has printed.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert!(self.status == 0 && self.err.is_empty(), "{self:?}");
        self.out
    }

    /// Checks that it has failed with this status, in one line unless the command line is wrong, and returns that.
    #[track_caller]
    pub(crate) fn failed(self, status: i32) -> String {
        assert!(self.status == status && self.out.is_empty(), "{self:?}");
        assert!(status == 2 || (self.err.starts_with("gsession: ") && self.err.lines().count() == 1), "{self:?}");
        self.err
    }

    /// The lines of JSON that it has printed.
    #[track_caller]
    pub(crate) fn json(self) -> Vec<Value> {
        self.done().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl From<std::process::Output> for Run {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let status = output.status.code().unwrap_or_else(|| panic!("it was killed: {output:?}"));
        let run = Self { status, out: text(output.stdout), err: text(output.stderr) };
        assert!(!run.err.contains("panicked"), "{run:?}");
        run
    }
}
