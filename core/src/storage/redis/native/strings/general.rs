//! Any change of a string, by the script that knows all cases: another request has changed the session, it has ended, its log is
//! long, it moves. The script may return the value instead of changing it. The session is then rebuilt here, and written if it has
//! not changed.

use super::{
    super::{
        header::{Header, Kind, encode_tombstone, tag_of},
        script_args,
        scripts::STRING,
    },
    Strings,
    changing::Changing,
    value::NoSession,
};
use crate::{
    StoreKey,
    record::Applied,
    storage::{
        StorageError, StorageErrorKind, Tombstone,
        redis::{
            errors::Answered,
            layout::Change,
            servers::{Answer, Effect, Servers},
        },
    },
};

/// Attempts to rebuild a session before giving up. An attempt fails if another commit was faster.
const ATTEMPTS: usize = 1000;

/// Makes any change. `earlier` is an answer that the script need not give again.
pub(super) async fn change(
    changing: &Changing<'_>,
    servers: &Servers,
    key: &StoreKey,
    to: Option<&StoreKey>,
    earlier: Option<Answer>,
) -> Answered<Change> {
    let Changing { strings, commit, limits, operation } = changing;
    let context = &strings.context;
    let name = context.name(key);
    let target = to.map(|to| context.name(to));
    let both_keys: [&[u8]; 2] = [&name, target.as_deref().unwrap_or_default()];
    let keys = if to.is_some() { &both_keys[..] } else { &both_keys[..1] };
    let tombstone = to.map(|to| encode_tombstone(&Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
    let tombstone = tombstone.as_ref().map_or(&[][..], |tombstone| &tombstone[..]);
    let access = script_args::access(&commit.access);
    let mut revision = context.revisions.next();

    // A condition on an entry holds if it held when the session was read, and the session has not changed.
    let read = commit.base.as_ref().map_or(0, |base| base.revision);
    let known = if commit.base.as_ref().is_some_and(|base| changing.holds_for(base)) { read } else { 0 };
    let whole = as_a_whole(changing, revision)?;
    let frame = changing.frame()?.unwrap_or_default();
    let mut costs = [u8::from(strings.appends); 17];
    costs[1..].copy_from_slice(&changing.costs());
    let tag = commit.changes.principal().map(tag_of);
    let tag = tag.as_ref().map_or(&[][..], |tag| &tag[..]);
    let must_be = if commit.expect.is_some() { b"1" } else { b"0" };
    let (known, next) = (known.to_le_bytes(), revision.to_le_bytes());
    let args: [&[u8]; 9] = [&access, &known, &next, &frame, &costs, tag, tombstone, &whole, must_be];
    let mut answer = match earlier {
        Some(answer) => answer,
        None => servers.call(operation, &STRING.commit, keys, &args, Effect::Once).await?,
    };

    for _ in 0..ATTEMPTS {
        if answer.case != 3 {
            break;
        }
        let stored = match strings.values.look_up(key, &answer.bytes()?, &commit.access) {
            Ok(stored) => stored,
            Err(NoSession::Renewed(at)) => return Ok(Change::Renewed(at)),
            Err(NoSession::Absent) => return Ok(Change::Gone),
        };
        let applied = stored.record.apply_within(commit, limits).map_err(|limit| changing.over(limit))?;
        let record = match applied {
            Applied::Changed(record) => record,
            Applied::Expired => return Ok(Change::Gone),
            Applied::Conflict(current) => return Ok(Change::Conflict(current)),
        };
        revision = context.revisions.next();
        let value = strings.values.encode_checked(&record, Header::of(&record, revision, Kind::Session), operation)?;
        let (known, next) = (stored.header.revision.to_le_bytes(), revision.to_le_bytes());
        let args: [&[u8]; 9] = [&access, &known, &next, &[], &costs, &[], tombstone, &value, b"1"];
        answer = servers.call(operation, &STRING.commit, keys, &args, Effect::Once).await?;
    }
    if answer.case == 3 {
        return Err(StorageError::new(StorageErrorKind::Other, "changing a session that others keep changing"));
    }
    changed(strings, to.unwrap_or(key), answer, read, revision)
}

/// The whole session after this commit, if it is short and was read. If not, nothing.
fn as_a_whole(changing: &Changing<'_>, revision: u64) -> Answered<Vec<u8>> {
    let Changing { strings, commit, limits, operation } = changing;
    let Some(base) = &commit.base else { return Ok(Vec::new()) };
    if !base.complete || base.revision == 0 || !changing.is_short(base) {
        return Ok(Vec::new());
    }
    // What was read may be out of date, so it is the server that refuses a change.
    match base.record.apply_within(commit, limits) {
        Ok(Applied::Changed(record)) => {
            strings.values.encode_checked(&record, Header::of(&record, revision, Kind::Session), operation)
        }
        _ => Ok(Vec::new()),
    }
}

/// The result of the general script, after which the session is under `key` with this `revision`. `read` is the revision that the
/// request has read.
fn changed(strings: &Strings, key: &StoreKey, mut answer: Answer, read: u64, revision: u64) -> Answered<Change> {
    Ok(match answer.case {
        0 => {
            let header = answer.header()?;
            // If others have changed the session since the request read it, the request does not know it as it is now.
            let is_known = answer.bytes()? == read.to_le_bytes();
            // The server appends without decoding. A request that has not read the session learns only now if it is readable.
            if let Some(before) = answer.optional_bytes()
                && strings.values.readable_header(key, &before).is_none()
            {
                return Ok(Change::Unreadable);
            }
            strings.context.changed(key, &header, if is_known { revision } else { 0 })
        }
        1 => Change::Gone,
        2 => Change::Renewed(answer.time()?),
        6 => Change::Taken,
        _ => return Err(answer.malformed()),
    })
}
