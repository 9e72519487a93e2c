//! The demo, built from this workspace and running in a process of its own.

use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, ExitStatus},
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{
    build,
    process::{Process, Signal},
};

/// The demo over the file storage in a folder of its own. Dropping it kills it and removes the folder.
#[derive(Debug)]
pub struct Demo {
    process: Process,
    address: String,
    arguments: Vec<OsString>,
    /// What the processes before a restart printed.
    earlier: String,
    // Dropped last, when nobody writes there any more.
    sessions: TempDir,
}

impl Demo {
    /// Starts the demo on a port of its own choice.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts the demo with further arguments.
    #[must_use]
    pub fn with(further: &[&str]) -> Self {
        let sessions = tempfile::tempdir().expect("making a folder for session files");
        let mut arguments: Vec<OsString> = vec!["--storage".into(), "file".into(), "--session-dir".into()];
        arguments.push(sessions.path().into());
        arguments.extend(further.iter().map(OsString::from));
        let (process, address) = launch("127.0.0.1:0", &arguments);
        Self { process, address, arguments, earlier: String::new(), sessions }
    }

    /// Starts the demo over another storage: all of its arguments but where it listens.
    #[must_use]
    pub fn over(arguments: &[&str]) -> Self {
        let sessions = tempfile::tempdir().expect("making a folder for session files");
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let (process, address) = launch("127.0.0.1:0", &arguments);
        Self { process, address, arguments, earlier: String::new(), sessions }
    }

    /// Where it listens, as `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The absolute URL of one of its pages.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All files that it keeps sessions in, and what they hold.
    #[must_use]
    pub fn session_files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.sessions.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("listing the folder of sessions") {
                let path = entry.expect("listing the folder of sessions").path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    // A file that is gone by now was one that the demo was just replacing.
                    files.push((path, bytes));
                }
            }
        }
        files
    }

    /// All that it has printed since it was first started.
    #[must_use]
    pub fn output(&self) -> String {
        self.earlier.clone() + &self.process.output()
    }

    /// Ends it, with [`Signal::TERM`] as an operator would or [`Signal::KILL`] as a crash would.
    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        self.process.end(signal)
    }

    /// Starts it again after [`end`](Self::end): same address, same folder.
    pub fn restart(&mut self) {
        let (process, address) = launch(&self.address, &self.arguments);
        assert_eq!(address, self.address, "the demo was told where to listen");
        self.earlier.push_str(&self.process.output());
        self.process = process;
    }
}

/// Starts the demo and waits until it says where it listens.
fn launch(listen: &str, arguments: &[OsString]) -> (Process, String) {
    // One build a test binary; cargo test runs all of a binary's tests in one process.
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let binary = BINARY.get_or_init(|| build::binary("gsession-demo"));
    let mut process = Process::start(Command::new(binary).args(["--listen", listen]).args(arguments));
    let address = process.wait_for_line("where it listens", |line| {
        let (_, url) = line.split_once("listening on http://")?;
        Some(url.split(['/', ' ']).next().unwrap_or(url).to_owned())
    });
    (process, address)
}
