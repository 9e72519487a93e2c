//! When a connection counts as idle, and what testing an idle one has shown.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{RedisResult, Value};

use crate::storage::redis::errors::is_answer;

/// The result of a `PING` over an idle connection.
pub(crate) enum Probe {
    /// The server answered at once, with any answer.
    Answered,
    /// No answer in time: the connection is dead, or the server is slow.
    Silent,
    Broken,
}

impl Probe {
    pub(super) fn of(answer: RedisResult<Value>) -> Self {
        match answer {
            Ok(_) => Self::Answered,
            Err(error) if is_answer(&error) => Self::Answered,
            Err(error) if error.is_timeout() => Self::Silent,
            Err(_) => Self::Broken,
        }
    }
}

/// The activity on a connection that requests share.
pub(crate) struct Activity(Mutex<Times>);

struct Times {
    last_answer: Instant,
    /// How many requests are waiting for an answer.
    waiting: usize,
    /// Since when they have been waiting without any answer.
    silent_since: Instant,
}

/// A request that is waiting for an answer, until it is dropped.
pub(crate) struct Waiting<'a>(&'a Activity);

impl Activity {
    /// That of a new connection.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Times { last_answer: now, waiting: 0, silent_since: now }))
    }

    pub(super) fn wait(&self) -> Waiting<'_> {
        let mut times = self.0.lock();
        if times.waiting == 0 {
            times.silent_since = Instant::now();
        }
        times.waiting += 1;
        Waiting(self)
    }

    pub(super) fn note_answer(&self) {
        let mut times = self.0.lock();
        times.last_answer = Instant::now();
        times.silent_since = times.last_answer;
    }

    /// Whether the connection has to be tested before use. If others have been waiting on it for less than the response timeout,
    /// it is not idle: the server may be slow, and would answer a `PING` after them.
    pub(super) fn is_idle(&self, probe_after: Duration, response_timeout: Duration) -> bool {
        let times = self.0.lock();
        let is_in_use = times.waiting > 0 && times.silent_since.elapsed() < response_timeout;
        !is_in_use && times.last_answer.elapsed() >= probe_after
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
        let activity = Activity::new();
        assert!(activity.is_idle(Duration::ZERO, Duration::MAX));
        assert!(!activity.is_idle(Duration::MAX, Duration::MAX));
        let (first, second) = (activity.wait(), activity.wait());
        assert!(!activity.is_idle(Duration::ZERO, Duration::MAX));
        drop(first);
        assert!(!activity.is_idle(Duration::ZERO, Duration::MAX));
        // Longer than the response timeout: the others have been waiting in vain.
        assert!(activity.is_idle(Duration::ZERO, Duration::ZERO));
        drop(second);
        assert!(activity.is_idle(Duration::ZERO, Duration::MAX));
    }
}
