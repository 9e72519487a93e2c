//! Which commands a server runs, exactly.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    RedisServer,
    resp::{Client, Reply},
};

/// Commands that a server has run, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What clients have sent: the whole commands.
    pub commands: Vec<String>,
    /// What scripts have run.
    pub inside_scripts: Vec<String>,
}

impl Seen {
    /// The names alone of what clients have sent, in capitals.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let name = |command: &String| command.split(' ').next().unwrap_or_default().trim_matches('"').to_uppercase();
        self.commands.iter().map(name).collect()
    }
}

/// Watches a server. What was sent before it began is not seen.
#[derive(Debug)]
pub struct Monitor {
    stream: Client,
    control: Client,
}

impl Monitor {
    /// Begins to watch.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    #[must_use]
    pub fn of(server: &RedisServer) -> Self {
        let (mut stream, control) = (server.client(), server.client());
        let answer = stream.command(&["MONITOR"]).expect("watching a server of ours");
        assert_eq!(answer.text(), "OK", "a server of ours can be watched");
        Self { stream, control }
    }

    /// What has been sent since it began, or since it was asked last.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    #[must_use]
    pub fn seen(&mut self) -> Seen {
        static MARK: AtomicU64 = AtomicU64::new(0);
        // The server tells of commands in the order in which it runs them, so behind this one there is no more.
        let mark = format!("mark-{}-{}", std::process::id(), MARK.fetch_add(1, Ordering::Relaxed));
        self.control.command(&["ECHO", &mark]).expect("asking a server of ours");
        let mut seen = Seen::default();
        loop {
            let Reply::Bytes(line) = self.stream.read().expect("watching a server of ours") else { continue };
            let line = String::from_utf8_lossy(&line).into_owned();
            // 1339518083.107412 [0 127.0.0.1:60866] "keys" "*"
            let Some((head, command)) = line.split_once("] ") else { continue };
            if command.contains(&mark) {
                return seen;
            }
            if head.ends_with(" lua") {
                seen.inside_scripts.push(command.to_owned());
            } else {
                seen.commands.push(command.to_owned());
            }
        }
    }

    /// What is sent while `run` runs.
    #[must_use]
    pub fn during(server: &RedisServer, run: impl FnOnce()) -> Seen {
        let mut monitor = Self::of(server);
        run();
        monitor.seen()
    }
}
