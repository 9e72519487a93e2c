//! One Redis server.

use std::{
    fs,
    net::TcpListener,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

use crate::{
    process::{Process, Signal},
    program,
    resp::{Client, Reply},
    tls, wait,
    watchdog::Watchdog,
};

/// How long an answer to the harness may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server is started with.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    settings: Vec<(String, String)>,
    is_sentinel: bool,
    tls: bool,
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
    process: Option<Process>,
    ca: Option<String>,
}

fn free_port() -> u16 {
    // Ports below the range from which the system takes the ports of outgoing connections, and of a cluster's second port.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number =
            NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(7919).wrapping_add(u64::from(std::process::id()));
        let port = 10_000 + u16::try_from(number % 12_000).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

impl Builder {
    /// A setting, as in the configuration file.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Speaks TLS, with a certificate that [`RedisServer::ca`] has signed.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    pub(crate) fn sentinel(mut self) -> Self {
        self.is_sentinel = true;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not start, with what it has printed; when it is not installed, with the command that installs it.
    #[must_use]
    pub fn start(self) -> RedisServer {
        let folder = TempDir::new().expect("a folder for a server");
        let ca = self.tls.then(|| tls::write_certificates(folder.path()));
        let mut server =
            RedisServer { settings: self, port: 0, plain_port: 0, folder, watchdog: None, process: None, ca };
        // Another process may take the port first.
        for _ in 0..20 {
            server.port = free_port();
            server.plain_port = if server.settings.tls { free_port() } else { server.port };
            if server.try_start() {
                return server;
            }
        }
        panic!("redis-server does not start: {}", server.output());
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

    fn try_start(&mut self) -> bool {
        let program = program::find(&["redis-server"], "redis-server");
        let file = self.folder.path().join("redis.conf");
        // A Sentinel writes into its file, and goes on from there when it is started again.
        if !self.settings.is_sentinel || !file.exists() {
            fs::write(&file, self.configuration()).expect("writing a server's configuration");
        }
        let mut command = Command::new(program);
        command.arg(&file).current_dir(self.folder.path());
        if self.settings.is_sentinel {
            command.arg("--sentinel");
        }
        let mut process = Process::start(&mut command);
        self.watchdog = Some(Watchdog::over(process.id()));
        let deadline = Instant::now() + wait::PATIENCE;
        let started = loop {
            if self.answers() {
                break true;
            }
            if process.has_ended() || Instant::now() > deadline {
                break false;
            }
            thread::sleep(Duration::from_millis(5));
        };
        self.process = Some(process);
        started
    }

    fn configuration(&self) -> String {
        let mut lines = vec!["bind 127.0.0.1".to_owned(), "daemonize no".to_owned()];
        if self.settings.tls {
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

    fn answers(&self) -> bool {
        let ping = || Client::connect(self.plain_port, Duration::from_secs(1))?.command(&["PING"]);
        // One that wants a password answers as well.
        matches!(ping(), Ok(Reply::Bytes(_) | Reply::Error(_)))
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without a login.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.settings.tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// The certificate that its own is signed with, if it speaks TLS.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    fn output(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the server runs")
    }

    /// Kills it without warning.
    pub fn kill(&mut self) {
        self.watchdog = None;
        self.process().end(Signal::KILL);
    }

    /// Starts it again where it was, with the data that it has written to disk.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&mut self) {
        assert!(self.try_start(), "redis-server does not start again: {}", self.output());
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
        let process = self.process.as_ref().expect("the server runs");
        let pid = Pid::from_raw(i32::try_from(process.id()).expect("a process id")).expect("a process id");
        kill_process(pid, signal).expect("signalling a server of ours");
    }

    /// A connection to it.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    #[must_use]
    pub fn client(&self) -> Client {
        let mut client = Client::connect(self.plain_port, PATIENCE).expect("connecting to a server of ours");
        if let Some((_, password)) = self.settings.settings.iter().find(|(name, _)| name == "requirepass") {
            client.command(&["AUTH", password]).expect("logging into a server of ours");
        }
        client
    }

    /// A connection, if it is alive.
    pub(crate) fn client_if_alive(&self) -> Option<Client> {
        Client::connect(self.plain_port, PATIENCE).ok()
    }

    /// Sends it a command.
    ///
    /// # Panics
    ///
    /// When it does not answer, or with an error.
    pub fn command<A: AsRef<[u8]>>(&self, parts: &[A]) -> Reply {
        match self.client().command(parts).expect("asking a server of ours") {
            Reply::Error(error) => panic!("the server refused: {error}"),
            reply => reply,
        }
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
