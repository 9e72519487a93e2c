//! Iterating over all keys of the prefix: for sweeping, and to note sessions from before there was an index.

use std::{collections::HashSet, sync::Arc};

use redis::{Pipeline, Value};

use super::{
    format::Native,
    header::{Head, Header, Kind},
    index::{self, Part},
    script_args,
};
use crate::{
    StoreKey, Timestamp,
    record::Access,
    storage::{
        ScanCursor, Swept, TOMBSTONE_LIFETIME,
        redis::{
            connection::Node,
            errors::{Answered, Failure},
            servers::{Effect, Request, Scan, Servers},
        },
    },
};

const SWEEPING: &str = "sweeping the sessions in Redis";

/// What was found under a key.
pub(super) enum Seen {
    Session(StoreKey, Header),
    /// And where the session was renewed to.
    Tombstone(StoreKey, StoreKey),
    Ended(StoreKey),
    /// A sorted set of the index, by its name.
    Set(Vec<u8>),
    Foreign,
}

/// Reads the header of every key, at least once.
pub(super) struct Walk<'a, N> {
    layout: &'a N,
    servers: &'a Servers,
    operation: &'static str,
    now: Timestamp,
    scan: Scan<'a>,
}

impl<'a, N: Native> Walk<'a, N> {
    pub(super) async fn begin(
        layout: &'a N,
        servers: &'a Servers,
        operation: &'static str,
        now: Timestamp,
    ) -> Answered<Self> {
        let scan = Scan::begin(servers, operation, &layout.context().prefix, None).await?;
        Ok(Self { layout, servers, operation, now, scan })
    }

    /// The same, from where a page ended.
    pub(super) async fn resume(
        layout: &'a N,
        servers: &'a Servers,
        operation: &'static str,
        after: Option<&ScanCursor>,
        now: Timestamp,
    ) -> Answered<Self> {
        let scan = Scan::resume(servers, operation, &layout.context().prefix, None, after).await?;
        Ok(Self { layout, servers, operation, now, scan })
    }

    /// Where to [resume](Self::resume); `None` at the end.
    pub(super) fn cursor(&self) -> Answered<Option<ScanCursor>> {
        self.scan.cursor()
    }

    /// What is under the next keys, which may be none; `None` at the end.
    pub(super) async fn next(&mut self) -> Answered<Option<Vec<Seen>>> {
        let Self { layout, servers, operation, .. } = *self;
        let Some((node, mut names)) = self.scan.next().await? else { return Ok(None) };
        let prefix = &layout.context().prefix;
        let mut seen = Vec::with_capacity(names.len());
        names.retain(|name| match name.get(prefix.len()..).map_or(Part::None, index::part) {
            Part::None => true,
            Part::Set => {
                seen.push(Seen::Set(name.clone()));
                false
            }
            Part::Mark => false,
        });
        let answers = ask_headers::<N>(servers, &node, &names).await;
        let mut answers = answers.map_err(|failure| failure.while_doing(operation))?;
        for (name, answer) in
            names.iter().zip(&mut answers).filter(|(_, answer)| matches!(answer, Value::ServerError(_)))
        {
            // The key may be on another node by now.
            match servers.ask(Request::command(operation, name, N::read_header(name), Effect::Read)).await {
                Ok(found) => *answer = found,
                Err(error) if Failure::of(&error).is_some_and(Failure::is_wrong_type) => {}
                Err(error) => return Err(error),
            }
        }
        seen.extend(names.iter().zip(answers).filter_map(|(name, answer)| self.seen(name, &answer)));
        Ok(Some(seen))
    }

    /// What is under a key, as its header says; `None` if nobody has to know.
    fn seen(&self, name: &[u8], answer: &Value) -> Option<Seen> {
        let rest = name.get(self.layout.context().prefix.len()..);
        let key = rest.and_then(|rest| std::str::from_utf8(rest).ok()).and_then(StoreKey::parse);
        let head = match answer {
            Value::BulkString(bytes) => Head::decode(bytes),
            _ => None,
        };
        match (key, head) {
            (Some(key), Some(Head::Session(header))) if header.expires_at() <= self.now => Some(Seen::Ended(key)),
            (Some(key), Some(Head::Session(header))) if header.kind == Kind::Session => {
                Some(Seen::Session(key, header))
            }
            (_, Some(Head::Session(_))) => None,
            (Some(key), Some(Head::Tombstone(tombstone))) if tombstone.at + TOMBSTONE_LIFETIME <= self.now => {
                Some(Seen::Ended(key))
            }
            (Some(key), Some(Head::Tombstone(tombstone))) => Some(Seen::Tombstone(key, tombstone.to)),
            // It has ended since `SCAN` returned it.
            _ if matches!(answer, Value::Nil) || matches!(answer, Value::BulkString(b) if b.is_empty()) => None,
            _ => Some(Seen::Foreign),
        }
    }
}

/// The headers under these keys of a node. An answer may be an error.
async fn ask_headers<N: Native>(servers: &Servers, node: &Arc<Node>, names: &[Vec<u8>]) -> Result<Vec<Value>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut heads = Pipeline::with_capacity(names.len());
    heads.ignore_errors();
    for name in names {
        heads.add_command(N::read_header(name));
    }
    servers.ask_node(node, &heads).await
}

/// Removes sessions and tombstones that have ended but are still stored, and counts the rest.
pub(super) async fn sweep<N: Native>(layout: &N, servers: &Servers, now: Timestamp) -> Answered<Swept> {
    let mut swept = Swept::default();
    let (mut seen, mut ended) = (HashSet::new(), Vec::new());
    let mut walk = Walk::begin(layout, servers, SWEEPING, now).await?;
    while let Some(step) = walk.next().await? {
        for thing in step {
            match thing {
                Seen::Session(key, _) | Seen::Tombstone(key, _) => swept.kept += u64::from(seen.insert(key)),
                Seen::Ended(key) => ended.push(key),
                Seen::Set(name) => index::sweep_set(servers, &name, now).await?,
                Seen::Foreign => swept.foreign += 1,
            }
        }
    }
    let packed = script_args::access(&Access::passive(now));
    for key in ended {
        let name = layout.context().name(&key);
        let answer = servers.call(SWEEPING, &N::scripts().expire, &[&name], &[&packed], Effect::Repeatable).await?;
        swept.removed += u64::from(answer.case == 0);
    }
    Ok(swept)
}
