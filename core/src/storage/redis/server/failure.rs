//! What can go wrong on the way to a server, and what that means for whoever asked.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::{
    node::Node,
    reason::{Reason, without_arguments},
};
use crate::storage::{StorageError, StorageErrorKind};

/// Why a server did not do what it was asked. Texts hold neither keys nor values.
#[derive(Clone, thiserror::Error)]
pub(in crate::storage::redis) enum Failure {
    /// No connection could be made: nothing was asked.
    #[error("connecting to {node}: {reason}")]
    Connect { node: Box<str>, reason: Reason },
    /// The connection broke, or no answer came in time: whether it was done is not known.
    #[error("waiting for an answer of {node}: {reason}")]
    Lost { node: Box<str>, reason: Reason },
    /// The server refused: nothing was done.
    #[error("{node} answered {code}{detail}")]
    Refused { node: Box<str>, code: Box<str>, detail: Box<str> },
    /// The answer is not what this command gives.
    #[error("{node} gave an answer of an unexpected shape")]
    Shape { node: Box<str> },
    /// No node of the cluster serves this key, or no Sentinel knows a primary.
    #[error("{0}")]
    Nowhere(&'static str),
    /// Too few replicas have confirmed in time; the primary has done it.
    #[error("{confirmed} of {wanted} replicas confirmed the change in time")]
    Replicas { confirmed: i64, wanted: u32 },
    /// Not called inside a tokio runtime.
    #[error("the async face of a Redis storage needs a tokio runtime")]
    NoRuntime,
}

/// How to go on after an answer that is an error.
pub(super) enum Refusal {
    /// The script's text has to be sent once.
    UnknownScript,
    /// Another node has the key, for good or for this once.
    Elsewhere { to: Box<str>, only_once: bool },
    /// The server cannot do it now, but has not done it: soon, or on another node, it may work.
    NotNow,
    /// It is an answer.
    Final,
}

impl Refusal {
    pub(super) fn of(error: &RedisError) -> Self {
        let elsewhere = |only_once| match error.redirect_node() {
            Some((to, _)) => Self::Elsewhere { to: to.into(), only_once },
            None => Self::Final,
        };
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => Self::UnknownScript,
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

/// Whether an error is an answer of the server, so that the connection is sound.
pub(in crate::storage::redis) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

impl Failure {
    pub(super) fn connect(node: &Node, error: &RedisError) -> Self {
        #[cfg(feature = "redis-tls")]
        let reason = if node.is_tls { Reason::of_tls(error) } else { Reason::of(error) };
        #[cfg(not(feature = "redis-tls"))]
        let reason = Reason::of(error);
        Self::Connect { node: node.name().into(), reason }
    }

    pub(in crate::storage::redis) fn lost(node: &str, error: &RedisError) -> Self {
        Self::Lost { node: node.into(), reason: Reason::of(error) }
    }

    pub(in crate::storage::redis) fn refused(node: &str, error: &RedisError) -> Self {
        let detail = without_arguments(error.detail().unwrap_or_default());
        Self::Refused { node: node.into(), code: error.code().unwrap_or("an error").into(), detail: detail.into() }
    }

    /// Whether what stands under the key is of another type.
    pub(in crate::storage::redis) fn is_wrong_type(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if **code == *"WRONGTYPE")
    }

    /// Whether the server will go on refusing: it is a replica, does not know the command, or refuses it to this user. (Redis 6
    /// says `ERR` about all that goes wrong in a script.)
    pub(in crate::storage::redis) fn is_for_good(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if matches!(&**code, "NOPERM" | "READONLY" | "ERR"))
    }

    /// Whether there was no answer in time.
    pub(super) fn is_timeout(&self) -> bool {
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
    pub(in crate::storage::redis) fn while_doing(self, operation: &'static str) -> StorageError {
        StorageError::new(self.kind(), operation).with_source(self)
    }
}

impl fmt::Debug for Failure {
    /// The text: `main` prints the error that it returns with `Debug`, and that is where you look for the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
