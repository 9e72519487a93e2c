//! Checks that the servers are what the settings say, and that sessions can be stored.

use std::{fmt, iter, sync::Arc};

use rand::{
    TryRng as _,
    rngs::{SysError, SysRng},
};
use redis::{Cmd, Pipeline, Value};

use super::{
    connection::Node,
    errors::{Answered, Failure, is_answer},
    layout::Layout,
    servers::{Effect, Request, Servers, malformed, tag_of},
    storage::Redis,
};
use crate::{
    storage::{StorageError, StorageErrorKind},
    wait::wait,
};

const CHECKING: &str = "checking the Redis servers";

/// Writes and removes in one step, so that nothing is left behind.
const TRY_WRITING: &str =
    "for _, key in ipairs(KEYS) do redis.call('SET', key, '', 'PX', 60000) redis.call('DEL', key) end return 1";
/// Random keys that are tried to find one on each node of a cluster: enough for a node that serves one of the 16,384 slots.
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
    #[error("the near cache cannot be told what changes (`CLIENT TRACKING`): {0}")]
    NoTracking(Failure),
}

impl fmt::Debug for Unfit {
    /// As `Display`: `main` prints the error it returns with `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn setup(unfit: Unfit) -> StorageError {
    StorageError::new(StorageErrorKind::Setup, CHECKING).with_source(unfit)
}

impl<L: Layout> Redis<L> {
    /// Connects to the servers and checks that they can be used, so that a wrong setting is noticed at startup. It also writes a
    /// key under the key prefix, with an expiry, and removes it again. Blocks, no longer than the timeouts allow; [`AsyncStorage::check`](crate::AsyncStorage::check)
    /// does the same without blocking.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if a server cannot be reached, is too old, refuses the login, or is not what the settings say: a replica,
    /// or a node of a cluster; or if nothing can be written, for example because the user has no right to this prefix, or the
    /// server is full; or if the server cannot report changes to the near cache. Its source names the reason.
    pub fn check(&self) -> Answered<()> {
        wait(self.check_in(self.blocking()))
    }

    pub(super) async fn check_in(&self, servers: &Servers) -> Answered<()> {
        let names = |random| {
            let key = L::KEY_SCHEME.key_of_random(random);
            iter::once(self.layout().name(&key)).chain(self.layout().name_of_tombstone(&key)).collect()
        };
        check(servers, names).await
    }
}

/// Asks every primary what it is, and whether it runs a script that writes under the keys of a session. `names` makes such keys of
/// random bytes, all in one slot.
async fn check(servers: &Servers, names: impl Fn([u8; 32]) -> Vec<Vec<u8>> + Send) -> Answered<()> {
    let failed = |failure: Failure| failure.while_doing(CHECKING);
    let nodes = servers.primaries().await.map_err(failed)?;
    for node in &nodes {
        let mut questions = Pipeline::with_capacity(1);
        questions.ignore_errors();
        questions.cmd("INFO");
        let answers = servers.ask_node(node, &questions).await.map_err(failed)?;
        let [info] = answers.as_slice() else { return Err(malformed(CHECKING)) };
        // Without the right to INFO, the settings are taken to be right.
        let info = match info {
            Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::VerbatimString { text, .. } => text.clone(),
            Value::ServerError(_) => String::new(),
            _ => return Err(malformed(CHECKING)),
        };
        if let Some(unfit) = unfit(&info, servers.are_a_cluster()) {
            return Err(setup(unfit));
        }
        if let Some(tracking) = node.tracking(node.has_near_cache()) {
            try_tracking(servers, node, &tracking).await?;
        }
    }
    let drawn = if servers.are_a_cluster() {
        let nodes = nodes.iter().map(|node| node.name().into()).collect();
        draw_for_each(nodes, names, |key| Some(servers.known_node_of(key)?.name().into()))
    } else {
        // Written to whichever server is the primary by now.
        draw(&names).map(|keys| vec![keys])
    };
    for keys in drawn.map_err(|_| StorageError::new(StorageErrorKind::Setup, "reading the system's random numbers"))? {
        try_writing(servers, &keys).await?;
    }
    Ok(())
}

/// The keys of a session that does not exist.
fn draw(names: impl Fn([u8; 32]) -> Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, SysError> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(names(bytes))
}

/// The keys of a session on each node, or on the one that has all sessions, if the prefix has a part in braces.
fn draw_for_each(
    mut nodes: Vec<Box<str>>,
    names: impl Fn([u8; 32]) -> Vec<Vec<u8>>,
    node_of: impl Fn(&[u8]) -> Option<Box<str>>,
) -> Result<Vec<Vec<Vec<u8>>>, SysError> {
    let mut drawn = Vec::with_capacity(nodes.len());
    for _ in 0..DRAWS {
        let keys = draw(&names)?;
        let key = keys.first().map(Vec::as_slice).unwrap_or_default();
        let is_pinned = tag_of(key).is_some();
        let at = node_of(key).map(|has| nodes.iter().position(|node| *node == has));
        match at {
            Some(Some(at)) => drop(nodes.swap_remove(at)),
            // The first one is always used, also if the nodes have changed by now.
            Some(None) if !drawn.is_empty() => continue,
            Some(None) => {}
            // The map of the cluster has changed: the key is written wherever it belongs now.
            None => nodes.clear(),
        }
        drawn.push(keys);
        if nodes.is_empty() || is_pinned {
            break;
        }
    }
    Ok(drawn)
}

/// What the near cache does with each new connection.
async fn try_tracking(servers: &Servers, node: &Arc<Node>, tracking: &Cmd) -> Answered<()> {
    let failed = |failure: Failure| failure.while_doing(CHECKING);
    let mut connection = servers.connect(node).await.map_err(|unusable| failed(unusable.into()))?;
    // The connection is not put back: blocking use needs no connection that reports changes.
    let Err(error) = connection.send(tracking).await else { return Ok(()) };
    if !is_answer(&error) {
        return Err(failed(Failure::lost(node.name(), &error)));
    }
    let failure = Failure::refused(node.name(), &error);
    Err(if failure.is_permanent() { setup(Unfit::NoTracking(failure)) } else { failed(failure) })
}

async fn try_writing(servers: &Servers, keys: &[Vec<u8>]) -> Answered<()> {
    let mut command = redis::cmd("EVAL");
    command.arg(TRY_WRITING).arg(keys.len()).arg(keys);
    let key = keys.first().map(Vec::as_slice).unwrap_or_default();
    match servers.ask(Request::command(CHECKING, key, command, Effect::Repeatable)).await {
        Ok(_) => Ok(()),
        Err(error) => match Failure::of(&error) {
            Some(failure) if failure.is_permanent() => Err(setup(Unfit::NoWrites(failure.clone()))),
            _ => Err(error),
        },
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
    // Valkey 8.1 calls it `server_mode`, unless its setting `extended-redis-compatibility` is on.
    match (value("redis_mode").or_else(|| value("server_mode")), value("role")) {
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
    fn an_unfit_server_is_named() {
        assert!(unfit("redis_version:7.0.15\r\nredis_mode:standalone\r\nrole:master\r\n", false).is_none());
        assert!(unfit("redis_version:7.0.15\r\nredis_mode:cluster\r\nrole:master\r\n", true).is_none());
        assert!(unfit("", false).is_none());
        for (info, text) in [
            ("redis_version:5.0.14\r\n", "5.0.14"),
            ("redis_mode:standalone\r\nrole:slave\r\n", "replica"),
            ("redis_mode:cluster\r\n", "cluster"),
            ("redis_mode:sentinel\r\n", "Sentinel"),
            ("redis_version:7.2.4\r\nvalkey_version:8.1.1\r\nserver_mode:cluster\r\n", "cluster"),
            ("redis_version:7.2.4\r\nvalkey_version:8.1.1\r\nserver_mode:sentinel\r\n", "Sentinel"),
        ] {
            assert!(unfit(info, false).unwrap().to_string().contains(text), "{info}");
        }
    }

    fn names(random: [u8; 32], prefix: &str) -> Vec<Vec<u8>> {
        vec![format!("{prefix}{:x}", random[0]).into_bytes()]
    }

    #[test]
    fn each_node_gets_a_key() {
        let node_of = |key: &[u8]| Some(if key.ends_with(b"0") { "a".into() } else { "b".into() });
        let drawn = draw_for_each(vec!["a".into(), "b".into()], |random| names(random, "s:"), node_of).unwrap();
        assert_eq!(drawn.len(), 2);
        // A new node has replaced all others.
        let drawn = draw_for_each(vec!["gone".into()], |random| names(random, "{"), |_| Some("new".into())).unwrap();
        assert_eq!(drawn.len(), 1);
        // The map of the cluster is unknown.
        let drawn = draw_for_each(vec!["a".into(), "b".into()], |random| names(random, "s:"), |_| None).unwrap();
        assert_eq!(drawn.len(), 1);
    }

    #[test]
    fn a_prefix_with_a_part_in_braces_needs_one_draw() {
        let draws = std::cell::Cell::new(0);
        let names = |random| {
            draws.set(draws.get() + 1);
            names(random, "{app}:")
        };
        let drawn = draw_for_each(vec!["a".into(), "b".into()], names, |_| Some("a".into())).unwrap();
        assert_eq!((drawn.len(), draws.get()), (1, 1));
    }
}
