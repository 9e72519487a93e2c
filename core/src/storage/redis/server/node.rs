//! One server, and how to reach it.

use std::{fmt, sync::Arc, time::Duration};

use redis::{Client, Cmd, ConnectionAddr, ProtocolVersion, RedisConnectionInfo};

use super::{settings::Settings, tcp};

/// A server of the storage.
pub(in crate::storage::redis) struct Node {
    /// Host and port.
    name: Box<str>,
    client: Client,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) probe_after: Duration,
    pub(super) probe_timeout: Duration,
    #[cfg(feature = "redis-tls")]
    pub(super) is_tls: bool,
    database: i64,
    /// Whether there is a near cache, which has to be told what changes.
    pub(super) is_tracked: bool,
}

impl Node {
    pub(super) fn new(
        address: &ConnectionAddr,
        login: &RedisConnectionInfo,
        settings: &Settings,
    ) -> redis::RedisResult<Arc<Self>> {
        use redis::IntoConnectionInfo as _;
        let database = login.db();
        // RESP3 tells of its own accord when a connection breaks, and what has changed. A connection begins with one command,
        // because a server that does not want it answers once and closes it: with more commands on their way the error would be
        // the closed connection, not the answer.
        let login = login.clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name().set_db(0);
        #[cfg(feature = "redis-tls")]
        let address = &settings.tls.applied_to(address);
        let info = address.clone().into_connection_info()?;
        let info = info.set_redis_settings(login).set_tcp_settings(tcp::settings(settings.response_timeout));
        #[cfg(feature = "redis-tls")]
        let is_tls = matches!(address, ConnectionAddr::TcpTls { .. });
        #[cfg(feature = "redis-tls")]
        if is_tls {
            // rustls panics if it has to choose between several implementations, or has none. An application's choice stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        #[cfg(feature = "redis-tls")]
        let client = match settings.tls.certificates() {
            Some(certificates) if is_tls => Client::build_with_tls(info, certificates)?,
            _ => Client::open(info)?,
        };
        #[cfg(not(feature = "redis-tls"))]
        let client = Client::open(info)?;
        Ok(Arc::new(Self {
            name: address.to_string().into(),
            client,
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
            probe_after: settings.probe_after,
            probe_timeout: settings.probe_timeout(),
            #[cfg(feature = "redis-tls")]
            is_tls,
            database,
            is_tracked: settings.near_cache.is_some(),
        }))
    }

    pub(in crate::storage::redis) fn name(&self) -> &str {
        &self.name
    }

    /// The command that chooses the database, if it is not the one that a connection begins with.
    pub(super) fn select(&self) -> Option<Cmd> {
        (self.database != 0).then(|| redis::cmd("SELECT").arg(self.database).to_owned())
    }

    /// The command that has the server tell what changes under keys that were read (RESP3), if it shall.
    pub(in crate::storage::redis) fn tracking(&self) -> Option<Cmd> {
        self.is_tracked.then(|| redis::cmd("CLIENT").arg("TRACKING").arg("ON").to_owned())
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
