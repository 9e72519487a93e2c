//! Whether the servers are what the storage was told they are.

use redis::{Pipeline, Value};

use super::{
    server::{Dialer, Failure},
    wire::{Wire, shape},
};
use crate::storage::{StorageError, StorageErrorKind};

const CHECKING: &str = "checking the Redis servers";

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("the server has version {0}; Redis 6.0 or later, or Valkey, is needed")]
    TooOld(String),
    #[error("the server is a read-only replica; name the primary, or the Sentinels")]
    Replica,
    #[error("the server is a node of a cluster; name the cluster's nodes with `cluster`")]
    NodeOfCluster,
    #[error("the server is a Sentinel; name it with `sentinel`")]
    Sentinel,
    #[error("the server does not run scripts: {0}")]
    NoScripts(String),
}

/// Asks every primary who it is, and whether it runs scripts.
pub(super) async fn check<D: Dialer>(wire: &Wire<'_, D>) -> Result<(), StorageError> {
    let failed = |failure: Failure| failure.while_doing(CHECKING);
    for node in wire.servers.primaries(wire.dialer).await.map_err(failed)? {
        let mut questions = Pipeline::with_capacity(2);
        questions.ignore_errors();
        questions.cmd("INFO");
        questions.cmd("EVAL").arg("return 1").arg(0);
        let answers = wire.servers.ask_node(wire.dialer, &node, &questions).await.map_err(failed)?;
        let [info, ran] = answers.as_slice() else { return Err(shape(CHECKING)) };
        // Who may not ask for INFO is believed.
        let info = match info {
            Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::VerbatimString { text, .. } => text.clone(),
            Value::ServerError(_) => String::new(),
            _ => return Err(shape(CHECKING)),
        };
        let unfit = unfit(&info, wire.servers.are_a_cluster()).or_else(|| match ran {
            Value::Int(1) => None,
            Value::ServerError(error) => Some(Unfit::NoScripts(error.code().to_owned())),
            _ => Some(Unfit::NoScripts("no answer".to_owned())),
        });
        if let Some(unfit) = unfit {
            return Err(StorageError::new(StorageErrorKind::Setup, CHECKING).with_source(unfit));
        }
    }
    Ok(())
}

fn unfit(info: &str, is_cluster: bool) -> Option<Unfit> {
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    if let Some(version) = value("redis_version") {
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major < 6) {
            return Some(Unfit::TooOld(version.to_owned()));
        }
    }
    match (value("redis_mode"), value("role")) {
        (Some("sentinel"), _) => Some(Unfit::Sentinel),
        (Some("cluster"), _) if !is_cluster => Some(Unfit::NodeOfCluster),
        (_, Some("slave")) => Some(Unfit::Replica),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named() {
        assert!(unfit("redis_version:7.0.15\r\nredis_mode:standalone\r\nrole:master\r\n", false).is_none());
        assert!(unfit("redis_version:7.0.15\r\nredis_mode:cluster\r\nrole:master\r\n", true).is_none());
        assert!(unfit("", false).is_none());
        for (info, text) in [
            ("redis_version:5.0.14\r\n", "5.0.14"),
            ("redis_mode:standalone\r\nrole:slave\r\n", "replica"),
            ("redis_mode:cluster\r\n", "cluster"),
            ("redis_mode:sentinel\r\n", "Sentinel"),
        ] {
            assert!(unfit(info, false).unwrap().to_string().contains(text), "{info}");
        }
    }
}
