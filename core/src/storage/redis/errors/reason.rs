//! Why a connection could not be made, or broke.

use std::{error::Error as _, io, sync::Arc};

use redis::{ErrorKind, RedisError};

#[cfg(feature = "redis-tls")]
use super::tls_reason::TlsReason;

/// The reason for an error of a connection. No variant holds a password, a key or a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("no answer in time")]
    Timeout,
    #[error("connection refused: no server listens there")]
    Refused,
    #[error("there is no socket at this path")]
    NoSocket,
    #[error("the host name has no address")]
    NoAddress,
    #[error("the network or the host is not reachable")]
    Unreachable,
    #[error("user name or password refused")]
    Login,
    #[error("the user may not run the command `{0}`")]
    NoRight(Box<str>),
    #[error("the user lacks a right (NOPERM)")]
    SomeRight,
    #[error("the server asks for a password")]
    NoPassword,
    #[error("the server is too old, or has no command HELLO: Redis 6.0 or later, or Valkey, is needed")]
    TooOld,
    #[error("the server has as many connections as it takes (its setting `maxclients`)")]
    TooManyConnections,
    #[error("the server is in protected mode: without a password it takes connections from its own machine only")]
    ProtectedMode,
    #[error("the server is still loading its data")]
    Loading,
    #[error("the server answered {code}{detail}")]
    Answer { code: Box<str>, detail: Box<str> },
    #[error("the server closed the connection")]
    Closed,
    #[error("the answer is not in Redis's protocol; a server that speaks only TLS needs a URL with rediss://")]
    NotRedis,
    #[cfg(feature = "redis-tls")]
    #[error("{0}")]
    Tls(TlsReason),
    #[error("the connection cannot be made with this configuration: {0}")]
    Setup(Box<str>),
    #[error("the connection broke: {0}")]
    Broken(io::ErrorKind),
}

impl Reason {
    pub(crate) fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Login,
            ErrorKind::RESP3NotSupported => Self::TooOld,
            ErrorKind::Server(_) | ErrorKind::Extension => Self::of_answer(error),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::NotRedis,
            // These texts come from the `redis` crate and from rustls, and are about certificates and addresses.
            ErrorKind::InvalidClientConfig => Self::Setup(error.to_string().into()),
            _ => Self::of_source(error),
        }
    }

    /// As [`Reason::of`], while connecting over TLS, where silence and a closed connection have other causes.
    #[cfg(feature = "redis-tls")]
    pub(crate) fn of_tls(error: &RedisError) -> Self {
        match Self::of(error) {
            Self::Timeout => Self::Tls(TlsReason::Silence),
            Self::Closed => Self::Tls(TlsReason::Closed),
            other => other,
        }
    }

    /// The reason in an error answer.
    fn of_answer(error: &RedisError) -> Self {
        let detail = error.detail().unwrap_or_default();
        match error.code() {
            Some("WRONGPASS") => Self::Login,
            Some("NOPERM") => refused_command(detail).map_or(Self::SomeRight, |name| Self::NoRight(name.into())),
            Some("NOAUTH") => Self::NoPassword,
            Some("DENIED") => Self::ProtectedMode,
            Some("LOADING") => Self::Loading,
            // The `redis` crate knows only how servers before Redis 6.0 quote it.
            _ if detail.starts_with("unknown command 'HELLO'") => Self::TooOld,
            _ if detail.starts_with("max number of clients") => Self::TooManyConnections,
            code => Self::Answer { code: code.unwrap_or("an error").into(), detail: without_arguments(detail).into() },
        }
    }

    fn of_source(error: &RedisError) -> Self {
        // The `redis` crate keeps its source in an `Arc`, and that `Arc` is the source in the chain of errors.
        type Shared = Arc<dyn std::error::Error + Send + Sync>;
        let Some(source) = error.source().and_then(|source| source.downcast_ref::<Shared>()) else {
            return Self::Broken(io::ErrorKind::Other);
        };
        if let Some(error) = source.downcast_ref::<io::Error>() {
            return Self::of_io(error);
        }
        #[cfg(feature = "redis-tls")]
        if let Some(error) = source.downcast_ref::<rustls::Error>() {
            return Self::Tls(TlsReason::of(error));
        }
        // A name that cannot be looked up, or certificates of the system that cannot be read.
        Self::Setup(source.to_string().into())
    }

    fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::*;
        #[cfg(feature = "redis-tls")]
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::Tls(TlsReason::of(error));
        }
        match error.kind() {
            TimedOut | WouldBlock => Self::Timeout,
            ConnectionRefused => Self::Refused,
            NotFound => Self::NoSocket,
            UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected => Self::Closed,
            HostUnreachable | NetworkUnreachable | NetworkDown | AddrNotAvailable => Self::Unreachable,
            // The standard library has no kind for this, only this text.
            _ if error.to_string().starts_with("failed to lookup address") => Self::NoAddress,
            kind => Self::Broken(kind),
        }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout => true,
            #[cfg(feature = "redis-tls")]
            Self::Tls(TlsReason::Silence) => true,
            _ => false,
        }
    }
}

/// The command that a user may not run, from "User x has no permissions to run the 'client|tracking' command".
fn refused_command(detail: &str) -> Option<&str> {
    let (_, rest) = detail.split_once("run the '")?;
    let (name, _) = rest.split_once('\'')?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '|' | '-' | '_' | '.'));
    Some(name).filter(|name| is_name && !name.is_empty())
}

/// A server's error message, after a colon, without the arguments of an unknown command: they contain keys, and in a login the
/// password.
pub(crate) fn without_arguments(detail: &str) -> String {
    match detail.split(", with args").next() {
        Some("") | None => String::new(),
        Some(detail) => format!(": {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_command_is_named_and_nothing_else() {
        for (detail, name) in [
            ("this user has no permissions to run the 'select' command", Some("select")),
            ("User eve has no permissions to run the 'client|tracking' command", Some("client|tracking")),
            ("this user has no permissions to run the 'select' command or its subcommand", Some("select")),
            ("this user has no permissions to access one of the keys used as arguments", None),
            ("User eve has no permissions to run the 'a secret' command", None),
            ("run the ''", None),
            ("run the 'select", None),
            ("", None),
        ] {
            assert_eq!(refused_command(detail), name, "{detail}");
        }
    }
}
