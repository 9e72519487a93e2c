//! One server, and how to reach it.

use std::{fmt, sync::Arc, time::Duration};

use redis::{Client, Cmd, ConnectionAddr, ProtocolVersion, RedisConnectionInfo, RedisError};

use super::{settings::Settings, tcp};
use crate::storage::redis::errors::Failure;

/// A server of the storage.
pub(crate) struct Node {
    /// Host and port.
    name: Box<str>,
    client: Client,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) probe_after: Duration,
    pub(super) probe_timeout: Duration,
    #[cfg(feature = "redis-tls")]
    is_tls: bool,
    database: i64,
    /// Whether it has sessions, whose changes it can report. A Sentinel has none.
    pub(super) keeps_sessions: bool,
    /// Whether there is a near cache, to which it has to report them.
    has_near_cache: bool,
}

impl Node {
    pub(crate) fn new(
        address: &ConnectionAddr,
        login: &RedisConnectionInfo,
        settings: &Settings,
    ) -> redis::RedisResult<Arc<Self>> {
        use redis::IntoConnectionInfo as _;
        let database = login.db();
        // RESP3 reports a broken connection, and changed keys, without being asked. A connection begins with a single command: a
        // server that refuses the connection answers once and closes it. With more commands in flight, the error would be the
        // closed connection instead of that answer.
        let login = login.clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name().set_db(0);
        #[cfg(feature = "redis-tls")]
        let address = &settings.tls.applied_to(address);
        let info = address.clone().into_connection_info()?;
        let info = info.set_redis_settings(login).set_tcp_settings(tcp::settings(settings.response_timeout));
        #[cfg(feature = "redis-tls")]
        let is_tls = matches!(address, ConnectionAddr::TcpTls { .. });
        #[cfg(feature = "redis-tls")]
        if is_tls {
            // rustls panics if it has no crypto provider, or several to choose from. An application's own choice stays.
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
            keeps_sessions: settings.keeps_sessions,
            has_near_cache: settings.near_cache.is_some(),
        }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The command that selects the database, if it is not 0.
    pub(super) fn select(&self) -> Option<Cmd> {
        (self.database != 0).then(|| redis::cmd("SELECT").arg(self.database).to_owned())
    }

    /// Whether changes have to be reported to a near cache.
    pub(crate) const fn has_near_cache(&self) -> bool {
        self.has_near_cache
    }

    /// The command that has the server report changes of keys that were read (RESP3), if somebody hears it.
    pub(crate) fn tracking(&self, is_heard: bool) -> Option<Cmd> {
        is_heard.then(|| redis::cmd("CLIENT").arg("TRACKING").arg("ON").to_owned())
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn connect_failure(&self, error: &RedisError) -> Failure {
        #[cfg(feature = "redis-tls")]
        let is_tls = self.is_tls;
        #[cfg(not(feature = "redis-tls"))]
        let is_tls = false;
        Failure::connect(&self.name, is_tls, error)
    }
}

impl fmt::Debug for Node {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.name).finish()
    }
}
