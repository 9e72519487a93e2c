//! One PostgreSQL server.

mod account;
mod builder;
mod client;
mod family;
mod programs;
mod standby;
mod statements;
mod template;

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    log,
    process::{Process, Signal},
    wait,
    watchdog::Watchdog,
};

pub use builder::PostgresBuilder;

/// A running PostgreSQL server, on a free port of the loopback address. Dropping it ends it.
///
/// It is what Debian's package `postgresql` installs, and runs as an ordinary user. Its database is `postgres`.
#[derive(Debug)]
pub struct PostgresServer {
    settings: PostgresBuilder,
    port: u16,
    folder: TempDir,
    // Declared, and so dropped, before the process.
    watchdog: Option<Watchdog>,
    /// `None` after it was killed: its number is not ours to signal any more.
    process: Option<Process>,
    /// What the processes before this one have printed.
    earlier: String,
}

impl PostgresServer {
    /// A server without further settings.
    ///
    /// # Panics
    ///
    /// When it does not start; when it is not installed, with the command that installs it.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server with settings.
    #[must_use]
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// Whether it can be started here.
    ///
    /// # Errors
    ///
    /// A sentence with the command that installs it.
    pub fn look_for() -> Result<PathBuf, String> {
        programs::look_for("postgres")
    }

    fn new(settings: PostgresBuilder, folder: TempDir) -> Self {
        Self { settings, port: 0, folder, watchdog: None, process: None, earlier: String::new() }
    }

    /// Starts it and waits until it answers; else says what is wrong.
    fn try_start(&mut self) -> Result<(), String> {
        let mut command = account::command(&programs::find("postgres"));
        command.args(self.settings.arguments(self.folder.path(), self.port));
        // Ctrl-C is for the one who uses the server: it goes when that one has ended.
        command.current_dir(self.folder.path()).process_group(0);
        let mut process = Process::start(&mut command);
        let pid = process.id();
        self.watchdog = Some(Watchdog::over_postgres(pid, self.folder.path()));
        let deadline = Instant::now() + wait::PATIENCE;
        let started = loop {
            if self.is_ready(pid) {
                break Ok(());
            }
            if process.has_ended() {
                // Its last words may still be in the pipe.
                thread::sleep(wait::INTERVAL * 10);
                break Err("it has ended".to_owned());
            }
            if Instant::now() > deadline {
                break Err(format!("it was not ready within {:?}", wait::PATIENCE));
            }
            thread::sleep(Duration::from_millis(5));
        };
        self.process = Some(process);
        started
    }

    /// Whether this process says in its file that it takes connections. (One that was killed has left its file behind.)
    fn is_ready(&self, pid: u32) -> bool {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines().map(str::trim);
        lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of its database, for a user who owns it, needs no password, and is no superuser.
    #[must_use]
    pub fn url(&self) -> String {
        Self::url_at(self.port)
    }

    /// The same URL at another port: that of a [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn url_at(port: u16) -> String {
        format!("postgres://{}@127.0.0.1:{port}/postgres", template::USER)
    }

    /// The URL for a user with the same rights and a [password](Self::PASSWORD), with both in it.
    #[must_use]
    pub fn url_with_password(&self) -> String {
        let password = Self::PASSWORD.replace('/', "%2F");
        format!("postgres://{}:{password}@127.0.0.1:{}/postgres", template::GUARDED_USER, self.port)
    }

    /// The password of the user of [`url_with_password`](Self::url_with_password). A URL must escape it.
    pub const PASSWORD: &str = template::PASSWORD;

    /// The certificate that its own is signed with, if it speaks TLS.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.settings.ca()
    }

    /// The id of its first process, which starts the others.
    ///
    /// # Panics
    ///
    /// When it was killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// The ids of all its processes: the first one, and one for each connection and each chore.
    ///
    /// # Panics
    ///
    /// When it was killed.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let first = self.pid();
        let mut pids = family::children(first);
        pids.insert(0, first);
        pids
    }

    /// What it has logged since it was first started, the last megabyte of it.
    #[must_use]
    pub fn log(&self) -> String {
        self.earlier.clone() + &self.output()
    }

    /// What its present process has printed.
    fn output(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }

    /// The end of its log, for the report of a failure.
    fn last_lines(&self) -> String {
        log::report(self.port, &self.log())
    }

    /// Kills all its processes without warning, also when it is frozen. Nothing happens when it was killed already.
    pub fn kill(&mut self) {
        self.watchdog = None;
        let Some(process) = &mut self.process else { return };
        if !process.has_ended() {
            let first = process.id();
            // While it stands still, nobody waits for its children, so that their numbers stay theirs.
            family::freeze(first);
            let children = family::children(first);
            for &child in &children {
                family::signal(child, Signal::KILL);
            }
            process.end(Signal::KILL);
            // One that lives holds the data.
            wait::until("a server's processes ending", || {
                children.iter().all(|&pid| !family::lives(pid)).then_some(())
            });
        }
        self.put_away();
    }

    /// Ends it as an operator would who does not wait for clients: their connections end, what they have not committed is undone.
    ///
    /// # Panics
    ///
    /// When it does not end, as one that is frozen.
    pub fn shutdown(&mut self) {
        self.watchdog = None;
        if let Some(process) = &mut self.process {
            process.end(Signal::INT);
            self.put_away();
        }
    }

    /// Keeps the log of a process that has ended.
    fn put_away(&mut self) {
        self.earlier = log::last_of(self.log());
        self.process = None;
    }

    /// Returns the shared memory of a process that was killed, if there is any.
    fn return_memory(&self) {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        // Its key and its id.
        let Some(id) = file.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) else { return };
        // Without `ipcrm` it stays until the system ends: 56 bytes.
        let _ = Command::new("ipcrm").args(["-m", id]).stderr(Stdio::null()).status();
    }

    /// Starts it again where it was, with all that was committed.
    ///
    /// # Panics
    ///
    /// When it does not start, or still runs.
    pub fn start_again(&mut self) {
        if let Some(process) = &mut self.process {
            assert!(process.has_ended(), "the server at {} is to be started again while it runs", self.port);
            self.kill();
        }
        if let Err(why) = self.try_start() {
            panic!("postgres does not start again: {why}\n{}", self.last_lines());
        }
    }

    /// Stops all its processes in the middle of whatever they do.
    ///
    /// # Panics
    ///
    /// When it was killed.
    pub fn freeze(&self) {
        family::freeze(self.pid());
    }

    /// Lets them go on.
    ///
    /// # Panics
    ///
    /// When it was killed.
    pub fn thaw(&self) {
        family::thaw(self.pid());
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.watchdog = None;
        if let Some(process) = &mut self.process
            && !process.has_ended()
        {
            // One that ends in order returns its shared memory, of which a system has only so many pieces.
            family::thaw(process.id());
            process.end(Signal::QUIT);
        } else {
            self.return_memory();
        }
    }
}
