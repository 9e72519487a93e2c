//! Changing a session in a hash.
//!
//! Most changes are decided by the header field alone:
//!
//! - Entries that were read are set, if the session has not changed: `hash_replace.lua`.
//! - Any others are set and removed, if the session is alive and has room: `hash_change.lua`.
//!
//! What these decline is decided by `hash_commit.lua`: another request has changed the session, it has ended, it may be over a limit,
//! it moves, it is cleared, it gets another principal, or there is a condition.

use redis::Value;

use super::{
    context::Context,
    hash_value::{changed, changed_to, field},
    header::{Header, LEN, counted, encode_tombstone, tag_of},
    known::Known,
    script_args::{self, bound},
    scripts::{HASH, HASH_CHANGE, HASH_REPLACE},
};
use crate::{
    Limits, StoreKey,
    record::{Commit, JsonText, Snapshot},
    storage::{
        StorageError, Tombstone,
        redis::{
            errors::Answered,
            layout::{COMMITTING, Change, RENEWING},
            servers::{Effect, Request, Script, Servers, malformed},
        },
    },
};

/// More arguments than this are left to the general script: Lua puts a bound on those of one command.
const MOST_EDITS: usize = 256;

/// Fields with the values they get.
type Sets<'a> = Vec<(Vec<u8>, &'a str)>;

/// A change, and what is needed to make it.
struct Changing<'a> {
    context: &'a Context,
    servers: &'a Servers,
    key: &'a StoreKey,
    name: &'a [u8],
    commit: &'a Commit,
    limits: &'a Limits,
    operation: &'static str,
}

/// Changes a session. If `to` is given, the session moves there.
pub(super) async fn change(
    context: &Context,
    servers: &Servers,
    key: &StoreKey,
    to: Option<&StoreKey>,
    commit: &Commit,
) -> Answered<Change> {
    let operation = if to.is_some() { RENEWING } else { COMMITTING };
    let (limits, name) = (&commit.limits.and(&context.limits), &context.name(key));
    limits.check_changes(&commit.changes).map_err(|limit| StorageError::limit(limit, operation))?;
    let changing = Changing { context, servers, key, name, commit, limits, operation };
    let is_simple = to.is_none()
        && !commit.changes.is_cleared()
        && commit.changes.principal().is_none()
        && (1..=MOST_EDITS).contains(&commit.changes.edit_count());
    if is_simple && let Some(change) = changing.at_once().await? {
        return Ok(change);
    }
    changing.in_general(to).await
}

impl Changing<'_> {
    /// Makes a simple change. `None` if it was not made.
    async fn at_once(&self) -> Answered<Option<Change>> {
        if let Some(base) = &self.commit.base
            && let Some(known) = Known::of(base)
            && let Some(new) = self.header_after(base, &known)
        {
            return self.replace(&known, new).await;
        }
        if self.commit.expect.is_some() {
            return Ok(None);
        }
        self.change().await
    }

    /// The header after the change, if all that it changes was read: then the sizes are known, and so is whether the condition holds.
    fn header_after(&self, base: &Snapshot, known: &Known<'_>) -> Option<Header> {
        if let Some(expect) = &self.commit.expect {
            let (held, expected) = (base.record.entries.get(&expect.key)?, expect.json.as_ref()?);
            if held.as_bytes() != expected.as_bytes() {
                return None;
            }
        }
        let before = known.after(&self.commit.access)?;
        let mut bytes = before.bytes as usize;
        for (key, edit) in self.commit.changes.edits() {
            // An entry that is missing here may be there all the same, if it cannot be read.
            let (old, new) = (base.record.entries.get(key)?, edit?);
            bytes = (bytes + new.len()).checked_sub(old.as_bytes().len())?;
        }
        self.limits.check_total(before.entries as usize, bytes).ok()?;
        Some(Header { revision: self.context.revisions.next(), bytes: counted(bytes), ..before })
    }

    /// Sets entries of a session that was read.
    async fn replace(&self, known: &Known<'_>, new: Header) -> Answered<Option<Change>> {
        let (sets, _) = self.fields();
        let before = known.stored.beginning();
        let after = [&new.encode(), before.get(LEN..).unwrap_or_default()].concat();
        let expiry =
            known.new_expiry(&new, self.commit.access.now).map(|expiry| expiry.to_string()).unwrap_or_default();
        let mut args: Vec<&[u8]> = Vec::with_capacity(3 + 2 * sets.len());
        args.extend([before, &after, expiry.as_bytes()]);
        args.extend(sets.iter().flat_map(|(field, json)| [field.as_slice(), json.as_bytes()]));
        match self.run(&HASH_REPLACE, &args).await? {
            Value::Okay => Ok(Some(self.context.changed(self.key, &new, new.revision))),
            Value::Nil => Ok(None),
            _ => Err(malformed(self.operation)),
        }
    }

    /// Sets and removes entries of a session that was not read, or not all of it.
    async fn change(&self) -> Answered<Option<Change>> {
        let (sets, removals) = self.fields();
        let mut packed = [0; 61];
        packed[..41].copy_from_slice(&script_args::access(&self.commit.access));
        packed[41..45].copy_from_slice(&bound(sets.len()));
        packed[45..49].copy_from_slice(&bound(self.limits.max_entries));
        packed[49..53].copy_from_slice(&bound(self.limits.max_record_bytes));
        packed[53..].copy_from_slice(&self.context.revisions.next().to_le_bytes());
        let mut args: Vec<&[u8]> = Vec::with_capacity(1 + 2 * sets.len() + removals.len());
        args.push(&packed);
        args.extend(sets.iter().flat_map(|(field, json)| [field.as_slice(), json.as_bytes()]));
        args.extend(removals.iter().map(Vec::as_slice));
        match self.run(&HASH_CHANGE, &args).await? {
            Value::BulkString(head) => changed_to(self.context, self.key, &head, self.operation).map(Some),
            Value::Nil => Ok(None),
            _ => Err(malformed(self.operation)),
        }
    }

    /// Runs a script of one session.
    async fn run(&self, script: &'static Script, args: &[&[u8]]) -> Answered<Value> {
        let keys = [self.name];
        self.servers.ask(Request::script(self.operation, script, &keys, args, Effect::Once)).await
    }

    /// The fields to set, and those to remove.
    fn fields(&self) -> (Sets<'_>, Vec<Vec<u8>>) {
        let changes = &self.commit.changes;
        let sets = changes.edits().filter_map(|(key, edit)| Some((field(key), edit?))).collect();
        let removals = changes.edits().filter(|(_, edit)| edit.is_none()).map(|(key, _)| field(key)).collect();
        (sets, removals)
    }

    /// Makes any change, by the script that knows all cases.
    async fn in_general(&self, to: Option<&StoreKey>) -> Answered<Change> {
        let Self { context, servers, key, commit, limits, operation, .. } = *self;
        let changes = &commit.changes;
        let principal = changes.principal();
        let (sets, removals) = self.fields();
        let condition = commit.expect.as_ref().map(|expect| (field(&expect.key), expect.json.as_ref()));
        let mut what = [0; 23];
        what[0] = u8::from(changes.is_cleared());
        what[1] = u8::from(principal.is_some());
        what[2] = match &condition {
            None => 0,
            Some((_, None)) => 1,
            Some((_, Some(_))) => 2,
        };
        what[3..7].copy_from_slice(&bound(sets.len()));
        what[7..11].copy_from_slice(&bound(limits.max_entries));
        what[11..15].copy_from_slice(&bound(limits.max_record_bytes));
        what[15..19].copy_from_slice(&bound(context.limits.max_entries));
        what[19..23].copy_from_slice(&bound(context.limits.max_record_bytes));

        let target = to.map(|to| context.name(to));
        let keys: Vec<&[u8]> = std::iter::once(self.name).chain(target.as_deref()).collect();
        let (access, revision) = (script_args::access(&commit.access), context.revisions.next().to_le_bytes());
        let tag = tag_of(principal.flatten());
        let tombstone = to.map(|to| encode_tombstone(&Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
        let (expected_field, expected) = match &condition {
            None => (&[][..], &[][..]),
            Some((field, json)) => (field.as_slice(), json.map_or(&[][..], JsonText::as_bytes)),
        };
        let mut args: Vec<&[u8]> = Vec::with_capacity(8 + 2 * sets.len() + removals.len());
        args.extend([
            &access[..],
            &revision,
            &what,
            principal.flatten().unwrap_or_default().as_bytes(),
            &tag,
            expected_field,
            expected,
            tombstone.as_ref().map_or(&[][..], |tombstone| &tombstone[..]),
        ]);
        args.extend(sets.iter().flat_map(|(field, json)| [field.as_slice(), json.as_bytes()]));
        args.extend(removals.iter().map(Vec::as_slice));
        let answer = servers.call(operation, &HASH.commit, &keys, &args, Effect::Once).await?;
        changed(context, to.unwrap_or(key), answer, limits, operation)
    }
}
