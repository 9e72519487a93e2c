//! The operations of a storage in GoFrame's format, as far as the form of the value does not matter.

use std::time::Duration;

use redis::{Cmd, Value};

use super::{
    GoFrame,
    form::{CREATING, Change, Form, RENEWING, idle_seconds, whole_seconds},
    judged::{Outcome, judged},
    trace::Trace,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::{Access, Applied, Commit},
    storage::{
        Committed, Created, Found, Lookup, Moved, Removed, StorageError, StorageErrorKind, Swept, Touched,
        redis::{
            layout::{Layout, Plain},
            server::Dialer,
            wire::{Nature, Wire, shape},
        },
    },
};

const TOUCHING: &str = "extending a session of GoFrame's in Redis";
const ENDING: &str = "ending a session of GoFrame's in Redis";
/// How long a session on its way to another node lies there.
const PREPARED_FOR: u64 = 60;
/// Tries to move a session that others keep changing.
const TRIES: usize = 100;

/// What GoFrame's format has no place for.
fn refuse(principal: Option<Option<&str>>, deadline: Option<Timestamp>) -> Result<(), StorageError> {
    if principal.flatten().is_some() {
        return Err(StorageError::unsupported("keeping a session's principal in GoFrame's format"));
    }
    if deadline.is_some() {
        return Err(StorageError::unsupported("keeping a session's absolute lifetime in GoFrame's format"));
    }
    Ok(())
}

#[allow(private_bounds, reason = "which forms there are is this module's business")]
impl<F: Form> GoFrame<F> {
    /// Moves between nodes of a cluster, in the steps of `native/moving.rs`. What is prepared could be seen by GoFrame, but
    /// nobody knows its id yet.
    async fn move_between_nodes<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> Result<Moved, StorageError> {
        let passive = Access { extend: None, ..commit.access };
        let trace = Trace { to: *to, at: commit.access.now };
        for _ in 0..TRIES {
            let snapshot = match self.form.read(&self.common, wire, from, None, &passive).await? {
                Lookup::Found(snapshot) => snapshot,
                Lookup::Moved(at) => return self.moved_before(wire, from, to, at, &commit.access).await,
                Lookup::Absent => return Ok(Moved::Gone),
            };
            let record = match snapshot.record.apply(commit).map_err(|limit| StorageError::limit(limit, RENEWING))? {
                Applied::Changed(record) => record,
                Applied::Expired | Applied::Conflict(_) => return Ok(Moved::Gone),
            };
            if !self.form.create(&self.common, wire, to, &record.entries, Some(&commit.changes), PREPARED_FOR).await? {
                return Ok(Moved::Taken);
            }
            let claimed = self.form.claim(&self.common, wire, from, snapshot.revision, &trace).await?;
            if claimed.case == 0 {
                return self.activated(wire, to, &commit.access).await;
            }
            // Changed, gone or renewed meanwhile: the next read tells which.
            self.remove(wire, to).await?;
        }
        Err(StorageError::new(StorageErrorKind::Other, "renewing a session that others keep changing"))
    }

    async fn activated<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        to: &StoreKey,
        access: &Access,
    ) -> Result<Moved, StorageError> {
        let Some([name, trace]) = self.common.names(to) else { return Ok(Moved::Gone) };
        let timeout = access.extend.as_ref().map_or(access.bounds.idle_timeout, |extend| extend.idle_timeout);
        let seconds = whole_seconds(timeout).to_string();
        let keys: [&[u8]; 2] = [&name, &trace];
        let mut answer = wire
            .script(RENEWING, &self.form.scripts().activate, &keys, &[seconds.as_bytes()], Nature::Repeatable)
            .await?;
        if answer.case != 0 {
            return Ok(Moved::Gone);
        }
        let left = answer.left().ok_or_else(|| shape(RENEWING))?;
        Ok(Moved::Done { expires_at: access.now + left, revision: 0 })
    }

    /// The session has been renewed: perhaps by an earlier try of this very move, whose answer was lost.
    async fn moved_before<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        from: &StoreKey,
        to: &StoreKey,
        at: Timestamp,
        access: &Access,
    ) -> Result<Moved, StorageError> {
        let Some(names) = self.common.names(from) else { return Ok(Moved::Gone) };
        // A touch that moves nothing: it shows the trace, and leaves alone what GoFrame may have put there since.
        let touch = &self.form.scripts().touch;
        match judged(wire, RENEWING, touch, &names, &[b"0"], Nature::Repeatable).await? {
            Outcome::Moved(trace) if trace.to == *to => {}
            _ => return Ok(Moved::Moved(at)),
        }
        // What it has stored is there, but perhaps not all that is asked for now.
        Ok(match self.activated(wire, to, access).await? {
            Moved::Done { .. } => Moved::Taken,
            other => other,
        })
    }
}

impl<F: Form> Layout for GoFrame<F> {
    async fn load<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        self.form.read(&self.common, wire, key, names, access).await
    }

    async fn create<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Result<Created, StorageError> {
        refuse(Some(record.principal.as_deref()), record.absolute_deadline)?;
        self.common.limits.check_record(record).map_err(|limit| StorageError::limit(limit, CREATING))?;
        let seconds = whole_seconds(record.expires_at().since(now));
        let is_done = self.form.create(&self.common, wire, key, &record.entries, None, seconds).await?;
        Ok(if is_done { Created::Done } else { Created::Exists })
    }

    async fn commit<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<Committed, StorageError> {
        refuse(commit.changes.principal(), None)?;
        Ok(match self.form.change(&self.common, wire, key, None, commit).await? {
            Change::Done { left, revision } => Committed::Done { expires_at: commit.access.now + left, revision },
            Change::Moved(trace) => Committed::Moved(trace.at),
            Change::Conflict(current) => Committed::Conflict(current),
            Change::Gone | Change::Taken => Committed::Gone,
        })
    }

    async fn touch<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        access: &Access,
    ) -> Result<Touched, StorageError> {
        let Some(names) = self.common.names(key) else { return Ok(Touched::Gone) };
        let (touch, idle) = (&self.form.scripts().touch, idle_seconds(access).to_string());
        let Outcome::Done(mut answer) = judged(wire, TOUCHING, touch, &names, &[idle.as_bytes()], Nature::Read).await?
        else {
            return Ok(Touched::Gone);
        };
        let left: Duration = answer.left().ok_or_else(|| shape(TOUCHING))?;
        Ok(Touched::Done(access.now + left))
    }

    async fn move_to<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> Result<Moved, StorageError> {
        refuse(commit.changes.principal(), None)?;
        if wire.servers.are_a_cluster() {
            return self.move_between_nodes(wire, from, to, commit).await;
        }
        Ok(match self.form.change(&self.common, wire, from, Some(to), commit).await? {
            Change::Done { left, revision } => Moved::Done { expires_at: commit.access.now + left, revision },
            Change::Moved(trace) if trace.to == *to => {
                return self.moved_before(wire, from, to, trace.at, &commit.access).await;
            }
            Change::Moved(trace) => Moved::Moved(trace.at),
            Change::Taken => Moved::Taken,
            Change::Gone | Change::Conflict(_) => Moved::Gone,
        })
    }

    async fn remove<D: Dialer>(&self, wire: &Wire<'_, D>, key: &StoreKey) -> Result<Removed, StorageError> {
        let Some(names) = self.common.names(key) else { return Ok(Removed::Absent) };
        Ok(match judged(wire, ENDING, &self.form.scripts().remove, &names, &[], Nature::Repeatable).await? {
            Outcome::Done(_) => Removed::Done,
            Outcome::Moved(trace) => Removed::Moved(trace.to),
            Outcome::Gone => Removed::Absent,
        })
    }

    async fn find<D: Dialer>(
        &self,
        _wire: &Wire<'_, D>,
        _principal: &str,
        _now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        Err(StorageError::unsupported("listing the sessions of a principal in GoFrame's format"))
    }

    async fn sweep<D: Dialer>(&self, _wire: &Wire<'_, D>, _now: Timestamp) -> Result<Swept, StorageError> {
        // Redis does it.
        Ok(Swept::default())
    }
}

impl<F: Form> Plain for GoFrame<F> {
    fn key_scheme(&self) -> KeyScheme {
        KeyScheme::RawIds
    }

    fn name(&self, key: &StoreKey) -> Vec<u8> {
        self.common.names(key).map(|[name, _]| name).unwrap_or_default()
    }

    fn name_of_trace(&self, key: &StoreKey) -> Option<Vec<u8>> {
        self.common.names(key).map(|[_, trace]| trace)
    }

    /// There is none: when a session ends has to be asked for with it.
    fn plain(&self, _key: &StoreKey, _names: Option<&[&str]>, _access: &Access) -> Option<Cmd> {
        None
    }

    fn understood(&self, _key: &StoreKey, _reply: Value, _names: Option<&[&str]>, _access: &Access) -> Lookup {
        Lookup::Absent
    }
}
