//! Commits and moves: a session changes, and may get another key.
//!
//! The first tries change it without reading it: if the request has read a short session, the whole is replaced unless it has changed
//! since; otherwise what the request did is appended to the log. If the stored session is not what this assumes, it is read, rebuilt here, and replaced if it has not changed since.

use std::time::Duration;

use super::{
    database::Database,
    failure::{Answered, Meaning},
    operation::Operation,
    statements::Changing,
    store::Store,
    stored::{FullRow, Kind, RowHeader, Stored, counted, hash_of},
    times::{access_args, lifespan_args, stored_span},
    values::{Arg, Row, Step},
};
use crate::{
    Limits, StoreKey, Timestamp,
    record::{Applied, Commit, JsonText, LimitExceeded, Snapshot, reserved::OF_LISTS},
    storage::{StorageError, StorageErrorKind, TOMBSTONE_LIFETIME},
};

/// Attempts to rebuild a session before giving up. An attempt fails if another commit was faster.
const ATTEMPTS: u32 = 1000;
/// From this attempt on, it pauses before the next one, and longer from time to time.
const PATIENT: u32 = 10;
/// The unit of the pauses.
const PAUSE: Duration = Duration::from_micros(200);
/// Sessions of up to this many bytes are written as a whole after they were read. This keeps their logs short.
const SHORT: usize = 1024;

/// What became of a change.
pub(super) enum Changed {
    /// It was made. The revision is 0 if the request does not know the session as it is now.
    Done(RowHeader),
    Gone,
    Renewed(Timestamp),
    Taken,
    Conflict(Option<JsonText>),
}

/// A change of the session under a key.
pub(super) struct Change<'a, D> {
    pub(super) store: &'a Store<D>,
    pub(super) key: &'a StoreKey,
    /// Where it moves to.
    pub(super) to: Option<&'a StoreKey>,
    pub(super) commit: &'a Commit,
    pub(super) operation: Operation,
}

/// An attempt to make it.
enum Attempt {
    /// The changes are added to the log of a session that may not be known.
    Append { frame: Vec<u8>, if_revision: Option<u64> },
    /// The session is replaced if it has this revision.
    Replace { if_revision: u64, record: Vec<u8>, entries: i64, bytes: i64, kind: Kind },
}

impl<D: Database> Change<'_, D> {
    pub(super) async fn make(&self) -> Answered<Changed> {
        let limits = self.commit.limits.and(&self.store.content.limits);
        limits.check_changes(&self.commit.changes).map_err(|limit| self.over(limit))?;
        for attempt in [self.replacing_what_was_read(&limits)?, self.appending()?].into_iter().flatten() {
            if let Some(changed) = self.attempt(&attempt).await? {
                return Ok(changed);
            }
        }
        for tries in 0..ATTEMPTS {
            if let Some(late) = tries.checked_sub(PATIENT) {
                tokio::time::sleep(PAUSE * late.min(100)).await;
            }
            let (found, record) = match self.store.look_up(self.key, &self.commit.access, self.operation).await? {
                Stored::Session { revision, record } => (revision, record),
                // An earlier try of this same move was done, and its answer was lost. What that try stored is there, but it may lack
                // changes of this one.
                Stored::Tombstone(tombstone) if Some(&tombstone.to) == self.to => {
                    let is_there = self.target().await?.is_some_and(|header| header.kind != Kind::Tombstone);
                    return Ok(if is_there { Changed::Taken } else { Changed::Gone });
                }
                Stored::Tombstone(tombstone) => return Ok(Changed::Renewed(tombstone.at)),
                Stored::Nothing => return Ok(Changed::Gone),
            };
            if self.target().await?.is_some() {
                return Ok(Changed::Taken);
            }
            let record = match record.apply_within(self.commit, &limits).map_err(|limit| self.over(limit))? {
                Applied::Changed(record) => record,
                Applied::Expired => return Ok(Changed::Gone),
                Applied::Conflict(current) => return Ok(Changed::Conflict(current)),
            };
            if let Some(Changed::Done(header)) = self.attempt(&self.replacing(found, &record)?).await? {
                let is_known = self.commit.base.as_ref().is_some_and(|base| base.revision == found);
                let revision = if is_known { header.revision } else { 0 };
                return Ok(Changed::Done(RowHeader { revision, ..header }));
            }
        }
        Err(StorageError::new(StorageErrorKind::Other, "changing a session that others keep changing"))
    }

    fn over(&self, limit: LimitExceeded) -> StorageError {
        StorageError::limit(limit, self.operation.name)
    }

    /// The session as this request has read it, with the changes; if it is short.
    fn replacing_what_was_read(&self, limits: &Limits) -> Answered<Option<Attempt>> {
        let Some(base) = self.known_base() else { return Ok(None) };
        let bytes = base.record.entries.text_bytes() + self.commit.changes.edit_bytes();
        if self.store.content.appends && bytes > SHORT {
            return Ok(None);
        }
        // If it has ended or is too large, then perhaps only as this request knows it.
        match base.record.apply_within(self.commit, limits) {
            Ok(Applied::Changed(record)) => self.replacing(base.revision, &record).map(Some),
            _ => Ok(None),
        }
    }

    /// The changes alone, if they may be appended.
    fn appending(&self) -> Answered<Option<Attempt>> {
        let changes = &self.commit.changes;
        // A list may become a session by that, which shows only when it is read.
        let unlists = changes.edits().any(|(key, json)| json.is_none() && OF_LISTS.contains(&key));
        if !self.store.content.appends || unlists {
            return Ok(None);
        }
        let if_revision = match (&self.commit.expect, self.known_base()) {
            (None, _) => None,
            // The condition holds if it held when the session was read, and nothing has changed since.
            (Some(_), Some(base)) => Some(base.revision),
            (Some(_), None) => return Ok(None),
        };
        let mut frame = Vec::new();
        if !changes.is_empty() {
            let failed = |error| StorageError::new(StorageErrorKind::Other, self.operation.name).with_source(error);
            changes.encode(&mut frame).map_err(failed)?;
        }
        Ok(Some(Attempt::Append { frame, if_revision }))
    }

    /// What the request has read, if its revision is known, and the condition of the commit, if it has one, holds for it.
    fn known_base(&self) -> Option<&Snapshot> {
        let base = self.commit.base.as_ref().filter(|base| base.complete && base.revision != 0)?;
        let holds = self.commit.expect.as_ref().is_none_or(|expect| {
            let held = base.record.entries.get(&expect.key);
            held.as_ref().map(JsonText::as_bytes) == expect.json.as_ref().map(JsonText::as_bytes)
        });
        holds.then_some(base)
    }

    fn replacing(&self, if_revision: u64, record: &crate::Record) -> Answered<Attempt> {
        let (entries, bytes) = (counted(record.entries.len()), counted(record.entries.text_bytes()));
        let kind = Kind::of(record);
        let record = self.store.content.encode(record, self.operation.name)?;
        Ok(Attempt::Replace { if_revision, record, entries, bytes, kind })
    }

    /// What lives where the session moves to.
    async fn target(&self) -> Answered<Option<RowHeader>> {
        match self.to {
            Some(to) => self.store.read_living_header(to, self.commit.access.now, self.operation).await,
            None => Ok(None),
        }
    }

    /// Changes the session like this. `None` if the session is not what the attempt assumes.
    async fn attempt(&self, attempt: &Attempt) -> Answered<Option<Changed>> {
        let statements = &self.store.statements;
        let revision = self.store.revisions.next();
        let commit = self.commit;
        let texts = match attempt {
            Attempt::Append { .. } if commit.base.is_none() => &statements.append,
            Attempt::Append { .. } => &statements.append_known,
            Attempt::Replace { .. } => &statements.replace,
        };
        let mut args = vec![Arg::Bytes(self.key.as_bytes())];
        args.extend(access_args(&commit.access));
        args.push(Arg::Number(revision.cast_signed()));
        match attempt {
            Attempt::Append { frame, if_revision } => self.append_args(&mut args, frame, *if_revision),
            Attempt::Replace { if_revision, record, entries, bytes, kind } => args.extend([
                Arg::Number(if_revision.cast_signed()),
                Arg::Bytes(record),
                Arg::Number(*entries),
                Arg::Number(*bytes),
                Arg::Number(kind.number()),
                Arg::Bytes(&[]),
            ]),
        }
        let principal = commit.changes.principal();
        let hash = principal.flatten().map(hash_of);
        let is_login = self.to.is_some() || principal.is_some() || commit.changes.lifespan().is_some();
        if is_login {
            args.extend(lifespan_args(commit));
            args.extend([Arg::Flag(principal.is_some()), Arg::BytesOrNull(hash.as_ref().map(<[u8; 32]>::as_slice))]);
        }
        let Some(row) = self.run(texts, args, is_login).await? else { return Ok(None) };
        self.read(row, attempt, revision).await.map(Some)
    }

    fn append_args<'a>(&self, args: &mut Vec<Arg<'a>>, frame: &'a [u8], if_revision: Option<u64>) {
        let (changes, limits) = (&self.commit.changes, self.commit.limits.and(&self.store.content.limits));
        let is_of_list = changes.edits().any(|(key, _)| OF_LISTS.contains(&key));
        args.extend([
            Arg::Number(counted(changes.edit_count())),
            Arg::Number(counted(changes.edit_bytes())),
            Arg::Number(counted(limits.max_entries)),
            Arg::Number(counted(limits.max_record_bytes)),
            Arg::Bytes(frame),
            Arg::Number(if is_of_list { Kind::List.number() } else { Kind::Session.number() }),
            Arg::Number(if_revision.unwrap_or(0).cast_signed()),
        ]);
    }

    async fn run(&self, texts: &Changing, args: Vec<Arg<'_>>, is_login: bool) -> Answered<Option<Row>> {
        let Some(to) = self.to else {
            let text = if is_login { &texts.login } else { &texts.plain };
            let rows = self.store.run(self.operation, &[Step::new(text, args)]).await;
            return rows.map(|rows| rows.into_iter().next());
        };
        // Arguments for all statements; each uses the ones it names.
        let mut args = args;
        args.extend([
            Arg::Bytes(to.as_bytes()),
            Arg::Number(stored_span(TOMBSTONE_LIFETIME)),
            Arg::Bytes(self.commit.sealed.as_bytes()),
        ]);
        let steps: Vec<Step<'_>> = texts.moving.iter().map(|text| Step::new(text, args.clone())).collect();
        for _ in 0..2 {
            let moved = self.store.try_run(self.operation, &steps).await?;
            match moved {
                Ok(rows) => return Ok(rows.into_iter().next()),
                // What is there has ended, or it would have been seen.
                Err(failure) if failure.meaning() == Some(Meaning::Taken) => {
                    let now = args.get(1).copied();
                    let args = [Some(Arg::Bytes(to.as_bytes())), now].into_iter().flatten().collect();
                    self.store.run(self.operation, &[Step::new(&self.store.statements.clear, args)]).await?;
                }
                Err(failure) => return Err(self.store.failed(failure, self.operation)),
            }
        }
        Ok(None)
    }

    /// What the row says that a change has returned.
    async fn read(&self, mut row: Row, attempt: &Attempt, revision: u64) -> Answered<Changed> {
        let failed = |failure: super::failure::Failure| failure.while_doing(self.operation.name);
        let header = match attempt {
            // A request that has not read the session learns only now whether it is readable.
            Attempt::Append { .. } if self.commit.base.is_none() => {
                let whole = FullRow::read(&mut row).map_err(failed)?;
                let header = RowHeader { kind: whole.header.kind, revision, record: whole.header.record.clone() };
                if self.store.content.readable(self.key, whole).is_none() {
                    if let Some(to) = self.to {
                        // It has moved, and nobody can use it there.
                        self.store.remove(to).await?;
                    }
                    return Ok(Changed::Gone);
                }
                header
            }
            Attempt::Append { .. } | Attempt::Replace { .. } => RowHeader::read(&mut row).map_err(failed)?,
        };
        // Others may have changed what is appended to.
        let is_known = !matches!(attempt, Attempt::Append { if_revision: None, .. });
        Ok(Changed::Done(RowHeader { revision: if is_known { revision } else { 0 }, ..header }))
    }
}
