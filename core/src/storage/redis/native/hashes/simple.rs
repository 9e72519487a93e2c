//! Simple changes of a hash. They are most of all changes, and are decided by the header field alone.

use redis::Value;

use super::{
    super::{
        context::Context,
        header::{Header, LEN, counted},
        known::Known,
        script_args::{self, bound},
        scripts::{HASH_CHANGE, HASH_REPLACE},
    },
    fields::Fields,
    value::changed_to,
};
use crate::{
    Limits, StoreKey,
    record::{Commit, Snapshot},
    storage::redis::{
        errors::Answered,
        layout::{COMMITTING, Change},
        servers::{Script, Servers, malformed},
    },
};

/// Lua puts a bound on the arguments of one command, so a change with more edits is not simple.
const MOST_EDITS: usize = 256;

/// A simple change.
pub(super) struct Simple<'a> {
    fields: Fields<'a>,
    how: How<'a>,
}

enum How<'a> {
    /// Entries that were read are set, if the session has not changed.
    Replace { known: Known<'a>, header: Header, head: Vec<u8>, expiry: String },
    /// Entries are set and removed, if the session is alive and has room.
    Change { packed: Vec<u8> },
}

impl<'a> Simple<'a> {
    /// The change, if it is a simple one.
    pub(super) fn of(context: &Context, commit: &'a Commit, limits: &Limits) -> Option<Self> {
        let changes = &commit.changes;
        if changes.is_cleared()
            || changes.principal().is_some()
            || changes.lifespan().is_some()
            || !(1..=MOST_EDITS).contains(&changes.edit_count())
        {
            return None;
        }
        let fields = Fields::of(changes);
        let read = commit.base.as_ref().and_then(|base| Some((base, Known::of(base)?)));
        if let Some((base, known)) = read
            && let Some(before) = known.after(commit)
            && let Some(bytes) = bytes_after(&before, base, commit)
            && limits.check_total(before.entries as usize, bytes).is_ok()
        {
            let header = Header { revision: context.revisions.next(), bytes: counted(bytes), ..before };
            let principal = known.stored.beginning().get(LEN..).unwrap_or_default();
            let head = [&header.encode(), principal].concat();
            let expiry = known.new_expiry(&header, commit.access.now).map(|expiry| expiry.to_string());
            let expiry = expiry.unwrap_or_default();
            return Some(Self { fields, how: How::Replace { known, header, head, expiry } });
        }
        if commit.expect.is_some() {
            return None;
        }
        let mut packed = script_args::access(&commit.access).to_vec();
        for number in [fields.sets.len(), limits.max_entries, limits.max_record_bytes] {
            packed.extend(bound(number));
        }
        packed.extend(context.revisions.next().to_le_bytes());
        Some(Self { fields, how: How::Change { packed } })
    }

    pub(super) fn script(&self) -> &'static Script {
        match self.how {
            How::Replace { .. } => &HASH_REPLACE,
            How::Change { .. } => &HASH_CHANGE,
        }
    }

    pub(super) fn args(&self) -> Vec<&[u8]> {
        let mut args = match &self.how {
            How::Replace { known, head, expiry, .. } => vec![known.stored.beginning(), head, expiry.as_bytes()],
            How::Change { packed } => vec![packed.as_slice()],
        };
        args.extend(self.fields.args());
        args
    }

    /// Reads the answer. `None` if nothing was changed, so that `hash_commit.lua` has to decide.
    pub(super) async fn result(
        &self,
        context: &Context,
        servers: &Servers,
        key: &StoreKey,
        answer: Value,
    ) -> Answered<Option<Change>> {
        match (&self.how, answer) {
            (_, Value::Nil) => Ok(None),
            (How::Replace { header, .. }, Value::Okay) => {
                Ok(Some(context.changed(servers, key, header, header.revision).await))
            }
            (How::Change { .. }, Value::BulkString(head)) => {
                changed_to(context, servers, key, &head, COMMITTING).await.map(Some)
            }
            _ => Err(malformed(COMMITTING)),
        }
    }
}

/// The bytes of all entries after the commit, if it sets only entries that were read, and its condition holds for what was read.
fn bytes_after(before: &Header, base: &Snapshot, commit: &Commit) -> Option<usize> {
    if let Some(expect) = &commit.expect {
        let (held, expected) = (base.record.entries.get(&expect.key)?, expect.json.as_ref()?);
        if held.as_bytes() != expected.as_bytes() {
            return None;
        }
    }
    let mut bytes = before.bytes as usize;
    for (key, edit) in commit.changes.edits() {
        // An entry that is missing here may be there all the same, if it cannot be read.
        let (old, new) = (base.record.entries.get(key)?, edit?);
        bytes = (bytes + new.len()).checked_sub(old.as_bytes().len())?;
    }
    Some(bytes)
}
