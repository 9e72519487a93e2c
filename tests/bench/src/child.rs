//! A server as a child process of ours: started, found, and ended, also when we fail half-way.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use gsession_test_servers::Proxy;
use tempfile::TempDir;

use crate::{database::Database, programs::Programs, servers::Peer};

/// Under valgrind on a busy machine it may take this long until a server listens, or has written its totals.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    // Only kept: its removal on drop takes the session files along.
    _sessions: Option<TempDir>,
    database: Option<Database>,
    proxy: Option<Proxy>,
}

/// How to run a server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode<'a> {
    /// As it is.
    Plain,
    /// With its allocations counted.
    Allocations,
    /// With a proxy between it and its database server, which counts round trips; and that server tells what it is asked for.
    Proxied,
    /// Under callgrind, which writes its profile to this file when the server ends.
    Callgrind(&'a Path),
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(programs: &Programs, peer: Peer, mode: Mode<'_>) -> Result<Self> {
        let (program, arguments) = programs.of(peer)?;
        let mut command = match mode {
            Mode::Plain | Mode::Allocations | Mode::Proxied => Command::new(program),
            Mode::Callgrind(output) => {
                let mut file = std::ffi::OsString::from("--callgrind-out-file=");
                file.push(output);
                let mut command = Command::new("valgrind");
                command.args(["--quiet", "--tool=callgrind"]).arg(file).arg(program);
                command
            }
        };
        command.args(arguments);
        // Go counts its allocations always.
        if matches!(mode, Mode::Allocations) && peer.goframe_storage().is_none() {
            command.arg("--count-allocations");
        }
        let sessions = if peer.needs_folder() {
            let folder = tempfile::tempdir().context("making a folder for session files")?;
            command.arg("--dir").arg(folder.path());
            Some(folder)
        } else {
            None
        };
        let is_proxied = matches!(mode, Mode::Proxied);
        let database = peer.database().map(|kind| Database::start(kind, is_proxied));
        let proxy = database.as_ref().filter(|_| is_proxied).map(|database| Proxy::to(database.port()));
        if let Some((kind, database)) = peer.database().zip(database.as_ref()) {
            let url = proxy.as_ref().map_or_else(|| database.url(), |proxy| database.url_through(proxy));
            command.arg(kind.option()).arg(url);
        }
        let child = command
            .stdin(Stdio::piped()) // closing it is how a server is told to end
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", peer.name()))?;
        // From here on an early return kills the child.
        let mut server =
            Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), _sessions: sessions, database, proxy };
        let port = server.read_port().with_context(|| format!("starting {}", peer.name()))?;
        server.address.set_port(port);
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The database server behind it, if there is one.
    pub(crate) fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// The proxy before that, in [`Mode::Proxied`].
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The process, which under callgrind is valgrind.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Tells the server to end and waits until it has.
    pub(crate) fn finish(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not end within {PATIENCE:?}")
    }

    fn read_port(&mut self) -> Result<u16> {
        let output = self.child.stdout.take().context("the server's output is gone")?;
        let (sender, receiver) = mpsc::channel();
        // A pipe has no read timeout, so the waiting is done by a thread; it ends with the child at the latest.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            let _ = sender.send(read.map(|_| line)); // fails if nobody waits any more
        });
        let line = receiver.recv_timeout(PATIENCE).context("the server does not come up")??;
        ensure!(!line.is_empty(), "the server ended at once");
        line.trim().parse().with_context(|| format!("the server did not name its port but said {line:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has ended already, which is the usual case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
