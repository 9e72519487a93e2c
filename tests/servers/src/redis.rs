//! One Redis server.

use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

use crate::{
    log, port,
    process::{Process, Signal},
    program,
    release::Release,
    resp::{Client, Reply},
    tls::{Authority, Fault},
    wait,
    watchdog::Watchdog,
};

/// How long an answer to the harness may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take to find out whether a server is alive.
const SOON: Duration = Duration::from_secs(1);

/// What a server is started with.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    release: Option<Release>,
    settings: Vec<(String, String)>,
    is_sentinel: bool,
    tls: Option<(Authority, Option<Fault>)>,
}

/// A running server, on a free port of the loopback address. Dropping it kills it.
#[derive(Debug)]
pub struct RedisServer {
    settings: Builder,
    port: u16,
    /// Where it answers the harness without TLS.
    plain_port: u16,
    folder: TempDir,
    // Declared, and so dropped, before the process.
    watchdog: Option<Watchdog>,
    /// `None` after it was killed: its number is not ours to signal any more.
    process: Option<Process>,
    /// What the processes before this one have printed.
    earlier: String,
}

impl Builder {
    /// A setting, as in the configuration file.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Is of this release, not the server that tests use otherwise.
    #[must_use]
    pub fn release(mut self, release: Release) -> Self {
        self.release = Some(release);
        self
    }

    /// Speaks TLS, with a certificate that [`RedisServer::ca`] has signed.
    #[must_use]
    pub fn tls(self) -> Self {
        self.tls_by(&Authority::new(), None)
    }

    /// Speaks TLS, with a certificate that `authority` has signed, which may have a fault.
    #[must_use]
    pub fn tls_by(mut self, authority: &Authority, fault: Option<Fault>) -> Self {
        self.tls = Some((authority.clone(), fault));
        self
    }

    /// Is a Sentinel.
    #[must_use]
    pub fn sentinel(mut self) -> Self {
        self.is_sentinel = true;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not start, with what it has printed; when it is not here, with the command that gets it.
    #[must_use]
    pub fn start(self) -> RedisServer {
        self.start_at(port::free)
    }

    fn start_at(self, mut port: impl FnMut() -> u16) -> RedisServer {
        let folder = TempDir::new().expect("a folder for a server");
        if let Some((authority, fault)) = &self.tls {
            authority.write_to(folder.path(), *fault);
        }
        let mut server = RedisServer {
            settings: self,
            port: 0,
            plain_port: 0,
            folder,
            watchdog: None,
            process: None,
            earlier: String::new(),
        };
        for _ in 0..20 {
            server.port = port();
            server.plain_port = if server.settings.tls.is_some() { port() } else { server.port };
            let Err(why) = server.try_start() else { return server };
            if !server.output().contains("Address already in use") {
                panic!("redis-server does not start: {why}\n{}", server.last_lines());
            }
            // Another process took the port first. A file with the next port takes the place of this one.
            server.kill();
            fs::remove_file(server.configuration_file()).expect("removing a server's configuration");
        }
        panic!("redis-server does not start: every port was taken\n{}", server.last_lines());
    }
}

impl RedisServer {
    /// A server without further settings: no persistence, no password.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server with settings.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts it and waits until it answers; else says what is wrong.
    fn try_start(&mut self) -> Result<(), String> {
        let program = self.settings.release.map_or_else(program::redis, Release::program);
        let program = program.unwrap_or_else(|missing| panic!("{missing}"));
        let file = self.configuration_file();
        // A Sentinel writes into its file, and goes on from there when it is started again.
        if !self.settings.is_sentinel || !file.exists() {
            fs::write(&file, self.configuration()).expect("writing a server's configuration");
        }
        let mut command = Command::new(program);
        // Ctrl-C is for the one who uses the server: it goes when that one has ended.
        command.arg(&file).current_dir(self.folder.path()).process_group(0);
        if self.settings.is_sentinel {
            command.arg("--sentinel");
        }
        let mut process = Process::start(&mut command);
        let pid = process.id();
        self.watchdog = Some(Watchdog::over(pid));
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
                break Err(format!("it did not answer within {:?}", wait::PATIENCE));
            }
            thread::sleep(Duration::from_millis(5));
        };
        self.process = Some(process);
        started
    }

    /// Whether it is this process that answers, and it has loaded its data.
    ///
    /// A server of another test may have taken the port: then that one answers, and ours is about to end.
    fn is_ready(&self, pid: u32) -> bool {
        let info = self.connect(SOON).and_then(|mut client| client.command(&["INFO"]));
        let Ok(Reply::Bytes(info)) = info else { return false };
        let info = String::from_utf8_lossy(&info);
        info.lines().any(|line| line == format!("process_id:{pid}")) && !info.lines().any(|line| line == "loading:1")
    }

    fn configuration_file(&self) -> PathBuf {
        self.folder.path().join("redis.conf")
    }

    fn configuration(&self) -> String {
        let mut lines = vec!["bind 127.0.0.1".to_owned(), "daemonize no".to_owned()];
        if self.settings.tls.is_some() {
            lines.push(format!("port {}", self.plain_port));
            lines.push(format!("tls-port {}", self.port));
            lines.push("tls-cert-file server.pem\ntls-key-file server.key\ntls-ca-cert-file ca.pem".to_owned());
            lines.push("tls-auth-clients no".to_owned());
        } else {
            lines.push(format!("port {}", self.port));
        }
        if !self.settings.is_sentinel {
            lines.push("save \"\"\nappendonly no".to_owned());
        }
        lines.extend(self.settings.settings.iter().map(|(name, value)| format!("{name} {value}")));
        lines.join("\n") + "\n"
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port at which it speaks without TLS: the same, unless it speaks TLS.
    #[must_use]
    pub fn plain_port(&self) -> u16 {
        self.plain_port
    }

    /// Its URL, without a login.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.settings.tls.is_some() { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// The certificate that its own is signed with, if it speaks TLS.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.settings.tls.as_ref().map(|(authority, _)| authority.pem())
    }

    /// Its process id.
    ///
    /// # Panics
    ///
    /// When it was killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
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
    pub(crate) fn last_lines(&self) -> String {
        log::report(self.port, &self.log())
    }

    /// Kills it without warning, also when it is frozen. Nothing happens when it was killed already.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Ends it as an operator would: it writes to disk what it was told to keep. One that is frozen cannot do that.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn shutdown(&mut self) {
        self.end(Signal::TERM);
    }

    fn end(&mut self, signal: Signal) {
        self.watchdog = None;
        if let Some(process) = &mut self.process {
            process.end(signal);
            self.earlier = log::last_of(self.log());
            self.process = None;
        }
    }

    /// Starts it again where it was, with the data that it has written to disk.
    ///
    /// # Panics
    ///
    /// When it does not start, or still runs.
    pub fn start_again(&mut self) {
        if let Some(process) = &mut self.process {
            assert!(process.has_ended(), "the server at {} is to be started again while it runs", self.port);
            self.end(Signal::KILL);
        }
        if let Err(why) = self.try_start() {
            panic!("redis-server does not start again: {why}\n{}", self.last_lines());
        }
    }

    /// Stops it in the middle of whatever it does.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a process id")).expect("a process id");
        kill_process(pid, signal).expect("signalling a server of ours");
    }

    /// How many replicas have all that it has, but for what is on its way to them.
    pub(crate) fn replicas_in_sync(&self) -> usize {
        let info = self.client_if_alive().and_then(|mut client| client.command(&["INFO", "replication"]).ok());
        info.map_or(0, |info| info.text().matches("state=online").count())
    }

    /// A connection to it.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    #[must_use]
    pub fn client(&self) -> Client {
        self.connect(PATIENCE)
            .unwrap_or_else(|error| panic!("connecting to a server of ours: {error}\n{}", self.last_lines()))
    }

    /// A connection, if it is alive: neither killed nor frozen.
    pub(crate) fn client_if_alive(&self) -> Option<Client> {
        // A frozen one takes connections, too: it is the system that does.
        self.connect(SOON).and_then(|mut client| client.command(&["PING"])).ok()?;
        self.connect(PATIENCE).ok()
    }

    fn connect(&self, patience: Duration) -> io::Result<Client> {
        let mut client = Client::connect(self.plain_port, patience)?;
        if let Some((_, password)) = self.settings.settings.iter().find(|(name, _)| name == "requirepass") {
            client.command(&["AUTH", password])?;
        }
        Ok(client)
    }

    /// Sends it a command.
    ///
    /// # Panics
    ///
    /// When it does not answer, or with an error.
    pub fn command<A: AsRef<[u8]>>(&self, parts: &[A]) -> Reply {
        match self.client().command(parts) {
            Ok(Reply::Error(error)) => panic!("the server refused: {error}"),
            Ok(reply) => reply,
            Err(error) => panic!("asking a server of ours: {error}\n{}", self.last_lines()),
        }
    }

    /// Removes all keys.
    pub fn flush(&self) {
        self.command(&["FLUSHALL"]);
    }

    /// The names of the keys that match a pattern.
    #[must_use]
    pub fn keys(&self, pattern: &str) -> Vec<Vec<u8>> {
        let name = |reply| if let Reply::Bytes(name) = reply { name } else { panic!("a key is a text: {reply:?}") };
        self.command(&["KEYS", pattern]).list().into_iter().map(name).collect()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.watchdog = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_another_test_is_not_taken_for_ours() {
        let other = RedisServer::start();
        let mut ours = RedisServer::start();
        ours.kill();
        (ours.port, ours.plain_port) = (other.port, other.plain_port);
        assert!(ours.try_start().is_err());
        assert!(ours.output().contains("Address already in use"));
    }

    #[test]
    fn a_port_that_is_taken_is_given_up_for_another() {
        let other = RedisServer::start();
        for builder in [RedisServer::builder(), RedisServer::builder().sentinel(), RedisServer::builder().tls()] {
            let mut taken = Some(other.port);
            let ours = builder.start_at(|| taken.take().unwrap_or_else(port::free));
            assert_ne!(ours.port, other.port);
        }
        assert_eq!(other.command(&["PING"]).text(), "PONG");
    }
}
