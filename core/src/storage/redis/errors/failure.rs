//! What can go wrong between this process and a server, and how to go on.

use std::{error::Error as _, fmt};

use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

use super::reason::{Reason, without_arguments};
use crate::storage::{StorageError, StorageErrorKind};

/// Why a server did not do what it was asked. Messages contain neither keys nor values.
#[derive(Clone, thiserror::Error)]
pub(crate) enum Failure {
    /// No connection could be made. Nothing was sent.
    #[error("connecting to {node}: {reason}")]
    Connect { node: Box<str>, reason: Reason },
    /// The connection broke, or no answer came in time. Whether the command was carried out is unknown.
    #[error("waiting for an answer of {node}: {reason}")]
    Lost { node: Box<str>, reason: Reason },
    /// The server refused. Nothing was changed.
    #[error("{node} answered {code}{detail}")]
    Refused { node: Box<str>, code: Box<str>, detail: Box<str> },
    /// The answer does not have the form that this command returns.
    #[error("{node} gave an answer of an unexpected shape")]
    Shape { node: Box<str> },
    /// No node of the cluster serves this key, or no Sentinel knows a primary.
    #[error("{0}")]
    Nowhere(&'static str),
    /// Too few replicas confirmed in time. The primary has made the change.
    #[error("{confirmed} of {wanted} replicas confirmed the change in time")]
    Replicas { confirmed: i64, wanted: u32 },
    /// Not called inside a tokio runtime.
    #[error("async use of a Redis storage needs a tokio runtime")]
    NoRuntime,
}

/// How to go on after an error answer.
pub(crate) enum Refusal {
    /// The server does not know the script yet: send its text.
    UnknownScript,
    /// The server does not know an option of the command.
    UnknownOption,
    /// Another node has the key, from now on (`MOVED`) or for this command (`ASK`).
    Elsewhere { to: Box<str>, only_once: bool },
    /// The server did nothing and cannot do it now. It may work soon, or on another node.
    NotNow,
    /// The error is the answer.
    Final,
}

impl Refusal {
    pub(crate) fn of(error: &RedisError) -> Self {
        let elsewhere = |only_once| match error.redirect_node() {
            Some((to, _)) => Self::Elsewhere { to: to.into(), only_once },
            None => Self::Final,
        };
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => Self::UnknownScript,
            ErrorKind::Server(ServerErrorKind::ResponseError)
                if error.detail().is_some_and(|detail| detail.starts_with("syntax error")) =>
            {
                Self::UnknownOption
            }
            ErrorKind::Server(ServerErrorKind::Moved) => elsewhere(false),
            ErrorKind::Server(ServerErrorKind::Ask) => elsewhere(true),
            ErrorKind::Server(
                ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::ReadOnly,
            ) => Self::NotNow,
            _ => Self::Final,
        }
    }
}

/// Whether an error is an answer of the server. The connection is sound then.
pub(crate) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// Turns an error answer into an error. Errors inside an array are left there.
pub(crate) fn checked(value: Value) -> RedisResult<Value> {
    match value {
        Value::ServerError(error) => Err(error.into()),
        value => Ok(value),
    }
}

impl Failure {
    pub(crate) fn connect(node: &str, is_tls: bool, error: &RedisError) -> Self {
        #[cfg(feature = "redis-tls")]
        let reason = if is_tls { Reason::of_tls(error) } else { Reason::of(error) };
        #[cfg(not(feature = "redis-tls"))]
        let (reason, _) = (Reason::of(error), is_tls);
        Self::Connect { node: node.into(), reason }
    }

    pub(crate) fn lost(node: &str, error: &RedisError) -> Self {
        Self::Lost { node: node.into(), reason: Reason::of(error) }
    }

    pub(crate) fn refused(node: &str, error: &RedisError) -> Self {
        let detail = without_arguments(error.detail().unwrap_or_default());
        Self::Refused { node: node.into(), code: error.code().unwrap_or("an error").into(), detail: detail.into() }
    }

    /// The failure behind an error.
    pub(crate) fn of(error: &StorageError) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// Whether the server refused because the key has a value of another type.
    pub(crate) fn is_wrong_type(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if **code == *"WRONGTYPE")
    }

    /// Whether the server will keep refusing: it is a replica, does not know the command, or the user may not run it. (Redis 6
    /// answers `ERR` to every error in a script.)
    pub(crate) fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if matches!(&**code, "NOPERM" | "READONLY" | "ERR"))
    }

    /// Whether the server did not answer in time.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Connect { reason, .. } | Self::Lost { reason, .. } if reason.is_timeout())
    }

    fn kind(&self) -> StorageErrorKind {
        match self {
            _ if self.is_timeout() => StorageErrorKind::Timeout,
            Self::Refused { code, .. } if **code == *"OOM" => StorageErrorKind::Full,
            Self::Replicas { .. } => StorageErrorKind::Timeout,
            Self::NoRuntime | Self::Connect { reason: Reason::TooOld, .. } => StorageErrorKind::Setup,
            Self::Connect { .. } | Self::Lost { .. } | Self::Refused { .. } | Self::Nowhere(_) => {
                StorageErrorKind::Unavailable
            }
            Self::Shape { .. } => StorageErrorKind::Other,
        }
    }

    /// The public error, while doing `operation`.
    pub(crate) fn while_doing(self, operation: &'static str) -> StorageError {
        StorageError::new(self.kind(), operation).with_source(self)
    }
}

impl fmt::Debug for Failure {
    /// As `Display`: `main` prints the error it returns with `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
