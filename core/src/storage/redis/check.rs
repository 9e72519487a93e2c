//! Whether the servers are what the storage was told they are.

use std::{fmt, sync::Arc};

use rand::{TryRng as _, rngs::SysRng};
use redis::{Pipeline, Value};

use super::{
    server::{Call, Dialer, Failure, Node, What},
    wire::{Wire, shape},
};
use crate::storage::{StorageError, StorageErrorKind};

const CHECKING: &str = "checking the Redis servers";

/// Writes and removes in one step, so that nothing stays behind.
const TRY_WRITING: &str = "redis.call('SET', KEYS[1], '', 'PX', 60000) redis.call('DEL', KEYS[1]) return 1";
/// Keys that are drawn to find one on each node of a cluster: enough for a node that serves a single slot of the 16,384.
const DRAWS: usize = 100_000;

/// Why a server cannot be used.
#[derive(thiserror::Error)]
enum Unfit {
    #[error("the server has version {0}; Redis 6.0 or later, or Valkey, is needed")]
    TooOld(String),
    #[error("the server is a read-only replica; name the primary, or the Sentinels")]
    Replica,
    #[error("the server is a node of a cluster; name the cluster's nodes with `cluster`")]
    NodeOfCluster,
    #[error("the server is a Sentinel; name it with `sentinel`")]
    Sentinel,
    #[error("no session can be written under the key prefix: {0}")]
    NoWrites(Failure),
}

impl fmt::Debug for Unfit {
    /// The text: `main` prints the error that it returns with `Debug`, and that is where you look for the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn setup(unfit: Unfit) -> StorageError {
    StorageError::new(StorageErrorKind::Setup, CHECKING).with_source(unfit)
}

/// Asks every primary who it is, and whether it runs a script that stores something under a key as sessions have: `name` makes
/// one of random bytes.
pub(super) async fn check<D: Dialer>(
    wire: &Wire<'_, D>,
    name: impl Fn([u8; 32]) -> Vec<u8> + Send,
) -> Result<(), StorageError> {
    let failed = |failure: Failure| failure.while_doing(CHECKING);
    let nodes = wire.servers.primaries(wire.dialer).await.map_err(failed)?;
    for node in &nodes {
        let mut questions = Pipeline::with_capacity(1);
        questions.ignore_errors();
        questions.cmd("INFO");
        let answers = wire.servers.ask_node(wire.dialer, node, &questions).await.map_err(failed)?;
        let [info] = answers.as_slice() else { return Err(shape(CHECKING)) };
        // Who may not ask for INFO is believed.
        let info = match info {
            Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::VerbatimString { text, .. } => text.clone(),
            Value::ServerError(_) => String::new(),
            _ => return Err(shape(CHECKING)),
        };
        if let Some(unfit) = unfit(&info, wire.servers.are_a_cluster()) {
            return Err(setup(unfit));
        }
    }
    for key in keys_on(wire, nodes, name)? {
        try_writing(wire, &key).await?;
    }
    Ok(())
}

/// A key on each of the nodes that no session has.
fn keys_on<D: Dialer>(
    wire: &Wire<'_, D>,
    mut nodes: Vec<Arc<Node>>,
    name: impl Fn([u8; 32]) -> Vec<u8>,
) -> Result<Vec<Vec<u8>>, StorageError> {
    let no_entropy = |_| StorageError::new(StorageErrorKind::Setup, "reading the system's random numbers");
    let mut keys = Vec::with_capacity(nodes.len());
    for _ in 0..DRAWS {
        if nodes.is_empty() {
            break;
        }
        let mut bytes = [0; 32];
        SysRng.try_fill_bytes(&mut bytes).map_err(no_entropy)?;
        let key = name(bytes);
        // If the map of the cluster has changed meanwhile, the key is asked for wherever it is now.
        let at = wire.servers.known_node_of(&key).map(|has| nodes.iter().position(|node| node.name() == has.name()));
        match at {
            Some(Some(at)) => drop(nodes.swap_remove(at)),
            Some(None) => continue,
            None => nodes.clear(),
        }
        keys.push(key);
    }
    Ok(keys)
}

async fn try_writing<D: Dialer>(wire: &Wire<'_, D>, key: &[u8]) -> Result<(), StorageError> {
    let mut command = redis::cmd("EVAL");
    command.arg(TRY_WRITING).arg(1).arg(key);
    let call = Call { doing: CHECKING, key, what: What::Command(command), repeatable: true, writes: true };
    match wire.servers.ask(wire.dialer, &call).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_for_good() => Err(setup(Unfit::NoWrites(failure))),
        Err(failure) => Err(failure.while_doing(CHECKING)),
    }
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
