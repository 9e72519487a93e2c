//! What all connections of a storage have in common.

use std::time::Duration;

use crate::storage::redis::near::NearCache;

/// How servers are reached.
#[derive(Debug, Clone)]
pub(in crate::storage::redis) struct Settings {
    pub(in crate::storage::redis) connect_timeout: Duration,
    pub(in crate::storage::redis) response_timeout: Duration,
    pub(in crate::storage::redis) near_cache: Option<NearCache>,
    pub(in crate::storage::redis) replicas: Option<Replicas>,
    #[cfg(feature = "redis-tls")]
    pub(in crate::storage::redis) certificates: Option<redis::TlsCertificates>,
}

/// How many replicas have to confirm a change, and how long that may take (`WAIT`).
#[derive(Debug, Clone, Copy)]
pub(in crate::storage::redis) struct Replicas {
    pub(in crate::storage::redis) count: u32,
    pub(in crate::storage::redis) timeout: Duration,
}
