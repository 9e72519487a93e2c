//! The settings that a builder was given, and their defaults.

use std::{sync::Arc, time::Duration};

use super::urls::{Login, Urls};
#[cfg(feature = "redis-tls")]
use crate::storage::redis::tls::RedisTls;
use crate::{
    Codec, Limits,
    storage::{
        WATCH_INTERVAL,
        redis::{connection::Replicas, near_cache::NearCache},
    },
};

pub(super) struct Options {
    pub(super) urls: Urls,
    pub(super) login: Login,
    pub(super) prefix: Option<String>,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) probe_after: Duration,
    pub(super) near_cache: Option<NearCache>,
    pub(super) watch_interval: Duration,
    pub(super) replicas: Option<Replicas>,
    pub(super) limits: Limits,
    pub(super) codec: Option<Arc<dyn Codec>>,
    #[cfg(feature = "redis-tls")]
    pub(super) tls: RedisTls,
    #[cfg(feature = "redis-tls")]
    pub(super) sentinel_tls: Option<RedisTls>,
    #[cfg(feature = "redis-tls")]
    pub(super) server_tls: Option<bool>,
}

impl Options {
    pub(super) fn new(urls: Urls) -> Self {
        Self {
            urls,
            login: Login::default(),
            prefix: None,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            probe_after: Duration::from_secs(1),
            near_cache: None,
            watch_interval: WATCH_INTERVAL,
            replicas: None,
            limits: Limits::default(),
            codec: None,
            #[cfg(feature = "redis-tls")]
            tls: RedisTls::default(),
            #[cfg(feature = "redis-tls")]
            sentinel_tls: None,
            #[cfg(feature = "redis-tls")]
            server_tls: None,
        }
    }
}
