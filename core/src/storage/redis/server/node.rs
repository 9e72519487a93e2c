//! One server, and how to reach it.

use std::{fmt, sync::Arc, time::Duration};

use redis::{Client, ConnectionAddr, ProtocolVersion, RedisConnectionInfo};

use super::settings::Settings;

/// A server of the storage.
pub(in crate::storage::redis) struct Node {
    /// Host and port.
    name: Box<str>,
    client: Client,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    /// Whether the server shall tell what changes under keys that were read (RESP3 tracking).
    pub(super) tracked: bool,
}

impl Node {
    pub(super) fn new(
        address: &ConnectionAddr,
        login: &RedisConnectionInfo,
        settings: &Settings,
    ) -> redis::RedisResult<Arc<Self>> {
        use redis::IntoConnectionInfo as _;
        // RESP3 tells of its own accord when a connection breaks, and what has changed.
        let login = login.clone().set_protocol(ProtocolVersion::RESP3);
        let info = address.clone().into_connection_info()?.set_redis_settings(login);
        #[cfg(feature = "redis-tls")]
        if matches!(address, ConnectionAddr::TcpTls { .. }) {
            // rustls panics if it has to choose between several implementations, or has none. An application's choice stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        #[cfg(feature = "redis-tls")]
        let client = match (&settings.certificates, address) {
            (Some(certificates), ConnectionAddr::TcpTls { .. }) => Client::build_with_tls(info, certificates.clone())?,
            _ => Client::open(info)?,
        };
        #[cfg(not(feature = "redis-tls"))]
        let client = Client::open(info)?;
        Ok(Arc::new(Self {
            name: address.to_string().into(),
            client,
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
            tracked: settings.near_cache.is_some(),
        }))
    }

    pub(in crate::storage::redis) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for Node {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.name).finish()
    }
}
