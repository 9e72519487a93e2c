//! What all connections of a storage have in common.

use std::time::Duration;

use crate::storage::redis::near::NearCache;
#[cfg(feature = "redis-tls")]
use crate::storage::redis::tls::RedisTls;

/// How servers are reached.
#[derive(Debug, Clone)]
pub(in crate::storage::redis) struct Settings {
    pub(in crate::storage::redis) connect_timeout: Duration,
    pub(in crate::storage::redis) response_timeout: Duration,
    /// A connection that was idle for longer is tried out before it is used.
    pub(in crate::storage::redis) probe_after: Duration,
    pub(in crate::storage::redis) near_cache: Option<NearCache>,
    pub(in crate::storage::redis) replicas: Option<Replicas>,
    #[cfg(feature = "redis-tls")]
    pub(in crate::storage::redis) tls: RedisTls,
}

/// How long trying out an idle connection may take at most. Then a new one is made: if the old one was dead, nobody waits longer
/// than this; if the server is slow, the new one will not come to be, and the old one is used.
const PROBE: Duration = Duration::from_millis(500);

impl Settings {
    /// How long an idle connection that is tried out may take to answer.
    pub(super) fn probe_timeout(&self) -> Duration {
        (self.response_timeout / 2).min(PROBE)
    }
}

/// How many replicas have to confirm a change, and how long that may take (`WAIT`).
#[derive(Debug, Clone, Copy)]
pub(in crate::storage::redis) struct Replicas {
    pub(in crate::storage::redis) count: u32,
    pub(in crate::storage::redis) timeout: Duration,
}
