//! The settings of all connections of a storage.

use std::time::Duration;

use crate::storage::redis::near_cache::NearCache;
#[cfg(feature = "redis-tls")]
use crate::storage::redis::tls::RedisTls;

/// How servers are reached.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    /// A connection that was idle for longer is tested before it is used.
    pub(crate) probe_after: Duration,
    pub(crate) near_cache: Option<NearCache>,
    /// Whether the servers have sessions. Sentinels have none.
    pub(crate) keeps_sessions: bool,
    pub(crate) replicas: Option<Replicas>,
    #[cfg(feature = "redis-tls")]
    pub(crate) tls: RedisTls,
}

/// How long the test of an idle connection may take at most. Then a new connection is tried. If the old one is dead, a request
/// loses no more time than this; if the server is slow, the new connection fails too, and the old one is used.
const PROBE: Duration = Duration::from_millis(500);

impl Settings {
    /// How long the test of an idle connection may take.
    pub(super) fn probe_timeout(&self) -> Duration {
        (self.response_timeout / 2).min(PROBE)
    }
}

/// How many replicas have to confirm a change, and how long that may take (`WAIT`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replicas {
    pub(crate) count: u32,
    pub(crate) timeout: Duration,
}
