//! Signs of life of a connection that requests share.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What was heard over a connection, and what is waited for.
pub(super) struct Pulse(Mutex<Signs>);

struct Signs {
    /// When the server has answered last.
    heard: Instant,
    /// How many requests wait for an answer.
    waiting: usize,
    /// Since when they wait without having heard anything.
    silent_since: Instant,
}

/// Waits for an answer, until it is dropped.
pub(super) struct Waiting<'a>(&'a Pulse);

impl Pulse {
    /// That of a new connection.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Signs { heard: now, waiting: 0, silent_since: now }))
    }

    /// Something is sent.
    pub(super) fn wait(&self) -> Waiting<'_> {
        let mut signs = self.0.lock();
        if signs.waiting == 0 {
            signs.silent_since = Instant::now();
        }
        signs.waiting += 1;
        Waiting(self)
    }

    /// The server has answered.
    pub(super) fn heard(&self) {
        let mut signs = self.0.lock();
        signs.heard = Instant::now();
        signs.silent_since = signs.heard;
    }

    /// Whether the connection was quiet for so long that it has to be tried out. One on which others wait within the response
    /// timeout was not: the server may be slow, and its answer to a `PING` would come after theirs.
    pub(super) fn is_idle(&self, probe_after: Duration, response_timeout: Duration) -> bool {
        let signs = self.0.lock();
        let is_waited_for = signs.waiting > 0 && signs.silent_since.elapsed() < response_timeout;
        !is_waited_for && signs.heard.elapsed() >= probe_after
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.0.lock().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_idle_when_nobody_waits() {
        let pulse = Pulse::new();
        assert!(pulse.is_idle(Duration::ZERO, Duration::MAX));
        assert!(!pulse.is_idle(Duration::MAX, Duration::MAX));
        let (first, second) = (pulse.wait(), pulse.wait());
        assert!(!pulse.is_idle(Duration::ZERO, Duration::MAX));
        drop(first);
        assert!(!pulse.is_idle(Duration::ZERO, Duration::MAX));
        // Longer than the response timeout: those who ask now have been waiting in vain.
        assert!(pulse.is_idle(Duration::ZERO, Duration::ZERO));
        drop(second);
        assert!(pulse.is_idle(Duration::ZERO, Duration::MAX));
    }
}
