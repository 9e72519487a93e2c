//! Any change of a string, by the script that knows all cases: another request has changed the session, it has ended, its log is
//! long, it moves. The script may return the value instead of changing it. The session is then rebuilt here, and written if it has
//! not changed.

use super::{
    super::{
        header::{Header, Kind, encode_tombstone, tag_of},
        indexed_change::IndexedChange,
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

/// What the script is asked, besides what is the same in all attempts.
struct Attempt {
    /// The revision that is known, and the next one.
    known: u64,
    next: u64,
    frame: Vec<u8>,
    /// The tag of the new principal, or nothing.
    tag: Vec<u8>,
    /// The whole session, or nothing.
    whole: Vec<u8>,
    must_be_known: bool,
}

/// Makes any change. `earlier` is an answer that the script need not give again.
pub(super) async fn change(
    changing: &Changing<'_>,
    mut indexed: IndexedChange<'_>,
    mut earlier: Option<Answer>,
) -> Answered<Change> {
    let Changing { strings, commit, limits, operation } = changing;
    let IndexedChange { context, servers, from: key, to, .. } = indexed;
    let name = context.name(key);
    let target = to.map(|to| context.name(to));
    let both_keys: [&[u8]; 2] = [&name, target.as_deref().unwrap_or_default()];
    let keys = if to.is_some() { &both_keys[..] } else { &both_keys[..1] };
    let tombstone = to.map(|to| encode_tombstone(&Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
    let tombstone = tombstone.as_ref().map_or(&[][..], |tombstone| &tombstone[..]);
    let (access, lifespan) = (script_args::access(&commit.access), script_args::lifespan(commit.changes.lifespan()));
    let mut costs = [u8::from(strings.appends); 17];
    costs[1..].copy_from_slice(&changing.costs());

    // A condition on an entry holds if it held when the session was read, and the session has not changed.
    let read = commit.base.as_ref().map_or(0, |base| base.revision);
    let next = context.revisions.next();
    let mut attempt = Attempt {
        known: if commit.base.as_ref().is_some_and(|base| changing.holds_for(base)) { read } else { 0 },
        next,
        frame: changing.frame()?.unwrap_or_default(),
        tag: commit.changes.principal().map(tag_of).map_or_else(Vec::new, |tag| tag.to_vec()),
        whole: as_a_whole(changing, next)?,
        must_be_known: commit.expect.is_some(),
    };
    for _ in 0..ATTEMPTS {
        let mut answer = match earlier.take() {
            Some(answer) => answer,
            None => {
                let Attempt { known, next, frame, tag, whole, must_be_known } = &attempt;
                let (known, next) = (known.to_le_bytes(), next.to_le_bytes());
                let (must_be, expected) = (if *must_be_known { b"1" } else { b"0" }, indexed.expected());
                let args: [&[u8]; 11] =
                    [&access, &known, &next, frame, &costs, tag, tombstone, whole, must_be, &expected, &lifespan];
                servers.call(operation, &STRING.commit, keys, &args, Effect::Once).await?
            }
        };
        match answer.case {
            3 => {
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
                let (known, next) = (stored.header.revision, context.revisions.next());
                let header = Header::of(&record, next, Kind::Session);
                let whole = strings.values.encode_checked(&record, header, operation)?;
                attempt = Attempt { known, next, frame: Vec::new(), tag: Vec::new(), whole, must_be_known: true };
            }
            7 => indexed.expect(&answer.header()?).await?,
            _ => {
                let change = changed(strings, servers, to.unwrap_or(key), answer, read, attempt.next).await?;
                indexed.finish(&change).await;
                return Ok(change);
            }
        }
    }
    Err(StorageError::new(StorageErrorKind::Other, "changing a session that others keep changing"))
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
async fn changed(
    strings: &Strings,
    servers: &Servers,
    key: &StoreKey,
    mut answer: Answer,
    read: u64,
    revision: u64,
) -> Answered<Change> {
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
            strings.context.changed(servers, key, &header, if is_known { revision } else { 0 }).await
        }
        1 => Change::Gone,
        2 => Change::Renewed(answer.time()?),
        6 => Change::Taken,
        _ => return Err(answer.malformed()),
    })
}
