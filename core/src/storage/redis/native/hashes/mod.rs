//! The hash layout: a hash for each session, with a field for each entry.
//!
//! | field | content |
//! |---|---|
//! | `m` | the header (62 bytes) and the principal |
//! | `:` and the entry's key | the entry's JSON text |
//!
//! A read fetches only the entries that are asked for. A commit sends what the request did, and a script does it.

mod fields;
mod general;
mod simple;
mod value;

use redis::{Cmd, Value};

use super::{
    context::Context,
    format::{Native, or_wrong_type, wrong_type},
    header::{Head, Header, Kind},
    index,
    indexed_change::IndexedChange,
    script_args,
    scripts::{HASH, Scripts},
};
use fields::{HEAD, TAG, field};
use simple::Simple;
use value::{found, pairs};

use crate::{
    Record, StoreKey, Timestamp,
    record::{Access, Commit},
    storage::{
        Created, Lookup, StorageError,
        redis::{
            errors::Answered,
            layout::{COMMITTING, CREATING, Change, Format, LayoutSettings, Names, READING, RENEWING},
            servers::{Effect, Request, Servers},
        },
    },
};

/// The layout of [`RedisHashStorage`](super::super::RedisHashStorage): a hash for each session.
#[derive(Debug)]
pub struct Hashes {
    context: Context,
}

impl Native for Hashes {
    fn context(&self) -> &Context {
        &self.context
    }

    fn scripts() -> &'static Scripts {
        &HASH
    }

    fn read_header(name: &[u8]) -> Cmd {
        let mut command = Cmd::with_capacity(3, 96);
        command.arg("HGET").arg(name).arg(HEAD);
        command
    }

    fn read_tombstone(name: &[u8]) -> Cmd {
        Self::read_header(name)
    }

    async fn store(
        &self,
        servers: &Servers,
        key: &StoreKey,
        record: &Record,
        kind: Kind,
        now: Timestamp,
    ) -> Answered<Created> {
        self.context.limits.check_record(record).map_err(|limit| StorageError::limit(limit, CREATING))?;
        let mut fields = Vec::with_capacity(2 * record.entries.len());
        for (key, json) in record.entries.iter() {
            fields.push(field(key));
            fields.push(json.as_bytes().to_vec());
        }
        let mut head = Header::of(record, self.context.revisions.next(), kind).encode().to_vec();
        head.extend_from_slice(record.principal.as_deref().unwrap_or_default().as_bytes());
        let (expiry, replaceable) = script_args::expiry(kind, record, now);
        let (name, access, expiry) =
            (self.context.name(key), script_args::access(&Access::passive(now)), expiry.to_string());
        let mut args: Vec<&[u8]> = vec![&access, &head, replaceable, expiry.as_bytes()];
        args.extend(fields.iter().map(Vec::as_slice));
        let answer = servers.call(CREATING, &HASH.create, &[&name], &args, Effect::Once).await?;
        Ok(if answer.case == 0 { Created::Done } else { Created::Exists })
    }
}

impl Format for Hashes {
    fn new(settings: LayoutSettings) -> Answered<Self> {
        Ok(Self { context: Context::new(&settings)? })
    }

    fn plain_read(&self, key: &StoreKey, name: &[u8], names: Names<'_>, access: &Access) -> Option<Cmd> {
        if self.context.recently_touched.may_be_due(key, access) {
            return None;
        }
        let mut command = Cmd::with_capacity(3, 128);
        match names {
            None => {
                command.arg("HGETALL").arg(name);
            }
            Some(names) => {
                command.arg("HMGET").arg(name).arg(HEAD);
                for name in names {
                    command.arg(field(name));
                }
                if access.extend.is_some() {
                    command.arg(TAG);
                }
            }
        }
        Some(command)
    }

    fn decode(&self, key: &StoreKey, reply: Value, names: Names<'_>, access: &Access) -> Lookup {
        let (head, fields) = match (reply, names) {
            (Value::Array(values), Some(names)) => {
                let mut values = values.into_iter();
                let head = values.next();
                let named = names.iter().map(|name| Value::BulkString(field(name)));
                let mut fields: Vec<_> = named.zip(values.by_ref()).collect();
                if let Some(tag @ Value::BulkString(_)) = values.next() {
                    fields.push((Value::BulkString(TAG.to_vec()), tag));
                }
                (head, fields)
            }
            (reply, None) => {
                let Some(pairs) = pairs(reply) else { return wrong_type(key) };
                if pairs.is_empty() {
                    return Lookup::Absent;
                }
                let is_head = |field: &Value| matches!(field, Value::BulkString(field) if field == HEAD);
                let head = pairs.iter().find(|(field, _)| is_head(field)).map(|(_, head)| head.clone());
                (head, pairs)
            }
            _ => return wrong_type(key),
        };
        match head {
            Some(Value::BulkString(head)) => found(&self.context, key, head, fields, names.is_none(), false, access),
            Some(Value::Nil) => Lookup::Absent,
            _ => wrong_type(key),
        }
    }

    async fn load(&self, servers: &Servers, key: &StoreKey, names: Names<'_>, access: &Access) -> Answered<Lookup> {
        let name = self.context.name(key);
        if let Some(command) = self.plain_read(key, &name, names, access) {
            return match servers.ask(Request::command(READING, &name, command, Effect::Read)).await {
                Ok(reply) => Ok(self.decode(key, reply, names, access)),
                Err(error) => or_wrong_type(error, key),
            };
        }
        let packed = script_args::access(access);
        // Without any field the script reads all. It may touch the session.
        let fields: Vec<Vec<u8>> = match names {
            Some(names) => names.iter().map(|name| field(name)).chain([TAG.to_vec()]).collect(),
            None => Vec::new(),
        };
        let args: Vec<&[u8]> = std::iter::once(&packed[..]).chain(fields.iter().map(Vec::as_slice)).collect();
        let mut answer = servers.call(READING, &HASH.read, &[&name], &args, Effect::Read).await?;
        match answer.case {
            0 => Ok(Lookup::Absent),
            1 => {
                let (extended, head) = (answer.number()? == 1, answer.bytes()?);
                let fields = answer.next().and_then(pairs).ok_or_else(|| answer.malformed())?;
                let before = Head::decode(&head);
                let lookup = found(&self.context, key, head, fields, names.is_none(), extended, access);
                if extended && let Some(Head::Session(before)) = before {
                    index::keep_read(&self.context.prefix, servers, key, &before, &lookup).await;
                }
                Ok(lookup)
            }
            _ => Ok(wrong_type(key)),
        }
    }

    async fn change(
        &self,
        servers: &Servers,
        key: &StoreKey,
        to: Option<&StoreKey>,
        commit: &Commit,
    ) -> Answered<Change> {
        let operation = if to.is_some() { RENEWING } else { COMMITTING };
        let limits = commit.limits.and(&self.context.limits);
        limits.check_changes(&commit.changes).map_err(|limit| StorageError::limit(limit, operation))?;
        let indexed = IndexedChange::new(&self.context, servers, key, to, commit);
        indexed.note().await?;
        if to.is_none()
            && let Some(simple) = Simple::of(&self.context, commit, &limits)
        {
            let (name, args) = (self.context.name(key), simple.args());
            let keys: [&[u8]; 1] = [&name];
            let request = Request::script(operation, simple.script(), &keys, &args, Effect::Once);
            let answer = servers.ask(request).await?;
            if let Some(change) = simple.result(&self.context, servers, key, answer).await? {
                return Ok(change);
            }
        }
        general::change(indexed, commit, &limits, operation).await
    }
}
