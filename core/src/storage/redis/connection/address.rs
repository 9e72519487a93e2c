//! The addresses of a storage's servers.

use redis::{ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo, RedisError};

#[cfg(feature = "redis-tls")]
use crate::storage::redis::tls::RedisTls;

/// A server's address, and the login in its URL.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) at: ConnectionAddr,
    pub(crate) login: RedisConnectionInfo,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, RedisError> {
        let info = url.into_connection_info()?;
        Ok(Self { at: info.addr().clone(), login: info.redis_settings().clone() })
    }

    /// Another host and port, with the same login and TLS settings.
    pub(crate) fn beside(&self, host: &str, port: u16) -> Self {
        let at = match &self.at {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host: host.to_owned(),
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host.to_owned(), port),
        };
        Self { at, login: self.login.clone() }
    }

    pub(crate) fn host(&self) -> Option<&str> {
        match &self.at {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => Some(host),
            _ => None,
        }
    }

    pub(crate) fn database(&self) -> i64 {
        self.login.db()
    }

    /// The same server without a login.
    pub(crate) fn without_login(&self) -> Self {
        Self { at: self.at.clone(), login: RedisConnectionInfo::default() }
    }

    /// The same server, database 0: Sentinels have no others.
    pub(crate) fn with_database_0(self) -> Self {
        Self { login: self.login.set_db(0), at: self.at }
    }

    /// Overrides the URL's login.
    pub(crate) fn log_in(&mut self, user: Option<&str>, password: Option<&str>, database: Option<i64>) {
        let mut login = self.login.clone();
        if let Some(user) = user {
            login = login.set_username(user);
        }
        if let Some(password) = password {
            login = login.set_password(password);
        }
        if let Some(database) = database {
            login = login.set_db(database);
        }
        self.login = login;
    }
}

#[cfg(feature = "redis-tls")]
impl Address {
    /// Whether the URL says that certificates need not be valid (`#insecure`).
    pub(crate) const fn is_insecure(&self) -> bool {
        matches!(self.at, ConnectionAddr::TcpTls { insecure: true, .. })
    }

    pub(crate) const fn is_tls(&self) -> bool {
        matches!(self.at, ConnectionAddr::TcpTls { .. })
    }

    /// The same host and port, over TLS or not.
    pub(crate) fn over_tls(self, tls: bool) -> Self {
        let at = match self.at {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } if tls => {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            }
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                ConnectionAddr::Tcp(host, port)
            }
            other => other,
        };
        Self { at, login: self.login }
    }
}

/// How the servers are found.
#[derive(Clone)]
pub(crate) enum Target {
    /// One server.
    Single(Address),
    /// The primary that these Sentinels name.
    Sentinel {
        sentinels: Vec<Address>,
        service: Box<str>,
        /// How the primary is reached and logged into; its host and port are not used.
        like: Address,
        /// The TLS settings for the Sentinels.
        #[cfg(feature = "redis-tls")]
        sentinel_tls: RedisTls,
    },
    /// A cluster of which these nodes are a part.
    Cluster(Vec<Address>),
}
