//! The string layout: a string for each session.
//!
//! ```text
//! header (62 bytes) | the record, as the codec writes it | changes | changes | …
//! ```
//!
//! A short session that was read is written as a whole. Otherwise a commit appends what the request did, so it need not read the
//! session. When the log of changes has become longer than the rest, or the session may have reached a limit, the session is rebuilt
//! here.

mod changing;
mod general;
mod simple;
mod value;

use std::sync::Arc;

use redis::{Cmd, Value};

use super::{
    context::Context,
    format::{Native, or_wrong_type, wrong_type},
    header::{Head, Header, Kind, LEN, LONGEST_TOMBSTONE},
    index,
    indexed_change::IndexedChange,
    script_args,
    scripts::{STRING, Scripts},
};
use changing::Changing;
use simple::{Simple, Tried};
use value::{Stored, StringValues};

use crate::{
    BincodeCodec, Record, StoreKey, Timestamp,
    record::{Access, Commit, Snapshot, StoredValue},
    storage::{
        Created, Lookup,
        redis::{
            errors::{Answered, Failure},
            layout::{COMMITTING, CREATING, Change, Format, LayoutSettings, Names, READING, RENEWING},
            servers::{Effect, Request, Servers, malformed},
        },
    },
};

/// Values of up to this many bytes are kept with what was read, so that they can be compared when they are replaced. Of longer
/// ones only the header is kept.
const KEPT: usize = 4096;

/// The layout of [`RedisStorage`](super::super::RedisStorage): a string for each session.
#[derive(Debug)]
pub struct Strings {
    context: Context,
    values: StringValues,
    /// Whether changes may be appended as they are. A codec of the application, which may encrypt, has to see all that is stored.
    appends: bool,
}

impl Strings {
    fn found(&self, key: &StoreKey, mut value: Vec<u8>, extended: bool, access: &Access) -> Lookup {
        match self.values.look_up(key, &value, access) {
            Ok(Stored { header, mut record }) => {
                if extended {
                    record.extend(access);
                    header.with_times(&record).put_into(&mut value);
                }
                let stored = if value.len() <= KEPT {
                    StoredValue::whole_of(value)
                } else {
                    StoredValue::beginning_of(&value, LEN)
                };
                self.context.recently_touched.note(key, record.last_seen);
                let (revision, stored) = (header.revision, Some(stored));
                Lookup::Found(Snapshot { extended, revision, stored, ..Snapshot::complete(record) })
            }
            Err(none) => none.into(),
        }
    }
}

impl Native for Strings {
    fn context(&self) -> &Context {
        &self.context
    }

    fn scripts() -> &'static Scripts {
        &STRING
    }

    fn read_header(name: &[u8]) -> Cmd {
        get_range(name, LEN)
    }

    fn read_tombstone(name: &[u8]) -> Cmd {
        get_range(name, LONGEST_TOMBSTONE)
    }

    async fn store(
        &self,
        servers: &Servers,
        key: &StoreKey,
        record: &Record,
        kind: Kind,
        now: Timestamp,
    ) -> Answered<Created> {
        let name = self.context.name(key);
        let header = Header::of(record, self.context.revisions.next(), kind);
        let value = self.values.encode_checked(record, header, CREATING)?;
        let (expiry, replaceable) = script_args::expiry(kind, record, now);
        let mut command = Cmd::with_capacity(6, 128 + value.len());
        command.arg("SET").arg(&name).arg(&value).arg("NX").arg("PX").arg(expiry);
        match servers.ask(Request::command(CREATING, &name, command, Effect::Once)).await? {
            Value::Okay => return Ok(Created::Done),
            Value::Nil => {}
            _ => return Err(malformed(CREATING)),
        }
        // Something exists there. If it has ended, it is replaced.
        let access = script_args::access(&Access::passive(now));
        let expiry = expiry.to_string();
        let args: [&[u8]; 4] = [&access, &value, replaceable, expiry.as_bytes()];
        let answer = servers.call(CREATING, &STRING.create, &[&name], &args, Effect::Once).await?;
        Ok(if answer.case == 0 { Created::Done } else { Created::Exists })
    }
}

fn get_range(name: &[u8], bytes: usize) -> Cmd {
    let mut command = Cmd::with_capacity(4, 96);
    command.arg("GETRANGE").arg(name).arg(0).arg(bytes - 1);
    command
}

impl Format for Strings {
    fn new(settings: LayoutSettings) -> Answered<Self> {
        let context = Context::new(&settings)?;
        let appends = settings.codec.is_none();
        let codec = settings.codec.unwrap_or_else(|| Arc::new(BincodeCodec));
        Ok(Self { context, values: StringValues { codec, limits: settings.limits }, appends })
    }

    fn plain_read(&self, key: &StoreKey, name: &[u8], _names: Names<'_>, access: &Access) -> Option<Cmd> {
        if self.context.recently_touched.may_be_due(key, access) {
            return None;
        }
        let mut command = Cmd::with_capacity(2, 96);
        command.arg("GET").arg(name);
        Some(command)
    }

    fn decode(&self, key: &StoreKey, reply: Value, _names: Names<'_>, access: &Access) -> Lookup {
        match reply {
            Value::Nil => Lookup::Absent,
            Value::BulkString(value) => self.found(key, value, false, access),
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
        let mut answer = servers.call(READING, &STRING.read, &[&name], &[&packed], Effect::Read).await?;
        match answer.case {
            0 => Ok(Lookup::Absent),
            1 => {
                let (extended, value) = (answer.number()? == 1, answer.bytes()?);
                let before = Head::decode(&value);
                let lookup = self.found(key, value, extended, access);
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
        let changing = Changing::new(self, commit, if to.is_some() { RENEWING } else { COMMITTING })?;
        let indexed = IndexedChange::new(&self.context, servers, key, to, commit);
        indexed.note().await?;
        let mut earlier = None;
        if to.is_none()
            && let Some(simple) = Simple::of(&changing)?
        {
            let (name, args) = (self.context.name(key), simple.args());
            let keys: [&[u8]; 1] = [&name];
            let request = Request::script(COMMITTING, simple.script(), &keys, &args, Effect::Once);
            let answer = match servers.ask(request.or_by(simple.replacement())).await {
                // Something else has taken the place of the session: the general script says what that means.
                Err(error) if Failure::of(&error).is_some_and(Failure::is_wrong_type) => Value::Nil,
                answer => answer?,
            };
            match simple.result(self, servers, key, &changing, answer).await? {
                Tried::Made(change) => return Ok(change),
                Tried::ToBeRebuilt(answer) => earlier = Some(answer),
                Tried::Declined => {}
            }
        }
        general::change(&changing, indexed, earlier).await
    }
}
