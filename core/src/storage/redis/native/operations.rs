//! The operations of a storage, as far as the form of the value does not matter.

use redis::{Cmd, Value};

use super::{
    Native,
    body::{Body, Change, READING, or_wrong_type},
    find,
    header::Head,
    moving::{activated, move_between_nodes},
    packed, scan,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::{Access, Commit},
    storage::{
        Committed, Created, FORWARD_FOR, Found, Lookup, Moved, Removed, StorageError, Swept, Touched, Trace,
        redis::{
            layout::{Layout, Plain},
            server::Dialer,
            wire::{Nature, Wire, shape},
        },
    },
};

const TOUCHING: &str = "extending a session in Redis";
const ENDING: &str = "ending a session in Redis";

impl<B: Body> Layout for Native<B> {
    async fn load<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        let Some(command) = self.plain(key, names, access) else {
            return self.body.read(&self.common, wire, key, names, access).await;
        };
        match wire.command(READING, &self.common.name(key), command, Nature::Read).await {
            Ok(reply) => Ok(self.understood(key, reply, names, access)),
            Err(error) => or_wrong_type(error, key),
        }
    }

    async fn create<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Result<Created, StorageError> {
        let created = self.body.create(&self.common, wire, key, record, super::header::Kind::Session, now).await?;
        if created == Created::Done {
            self.common.recent.note(key, record.last_seen);
        }
        Ok(created)
    }

    async fn commit<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<Committed, StorageError> {
        Ok(match self.body.change(&self.common, wire, key, None, commit).await? {
            Change::Done { header, revision } => {
                self.common.recent.note(key, header.last_seen);
                Committed::Done { expires_at: header.expires_at(), revision }
            }
            Change::Moved(at) => Committed::Moved(at),
            Change::Conflict(current) => Committed::Conflict(current),
            Change::Gone | Change::Taken | Change::Unreadable => Committed::Gone,
        })
    }

    async fn touch<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        access: &Access,
    ) -> Result<Touched, StorageError> {
        let (name, packed) = (self.common.name(key), packed::access(access));
        let script = &self.body.scripts().touch;
        let mut answer = wire.script(TOUCHING, script, &[&name], &[&packed], Nature::Read).await?;
        if answer.case != 0 {
            return Ok(Touched::Gone);
        }
        let header = answer.header().ok_or_else(|| shape(TOUCHING))?;
        self.common.recent.note(key, header.last_seen);
        Ok(Touched::Done(header.expires_at()))
    }

    async fn move_to<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> Result<Moved, StorageError> {
        if wire.servers.are_a_cluster() {
            return move_between_nodes(self, wire, from, to, commit).await;
        }
        Ok(match self.body.change(&self.common, wire, from, Some(to), commit).await? {
            Change::Done { header, revision } => {
                self.common.recent.note(to, header.last_seen);
                Moved::Done { expires_at: header.expires_at(), revision }
            }
            Change::Moved(at) => Moved::Moved(at),
            Change::Taken => Moved::Taken,
            Change::Gone | Change::Conflict(_) => Moved::Gone,
            Change::Unreadable => {
                // It has moved, and is no use to anybody there.
                self.remove(wire, to).await?;
                Moved::Gone
            }
        })
    }

    async fn trace<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        now: Timestamp,
    ) -> Result<Option<Trace>, StorageError> {
        let name = self.common.name(key);
        let value = wire.command(READING, &name, self.body.trace(&name), Nature::Read).await?;
        let trace = match value {
            Value::BulkString(bytes) => match Head::decode(&bytes) {
                Some(Head::Trace(trace)) if now < trace.at + FORWARD_FOR => trace,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        if wire.servers.are_a_cluster() {
            // The renewal may be under way still, or its process may have died.
            activated(self, wire, &trace.to, &Access::passive(now)).await?;
        }
        Ok(Some(trace))
    }

    async fn remove<D: Dialer>(&self, wire: &Wire<'_, D>, key: &StoreKey) -> Result<Removed, StorageError> {
        let name = self.common.name(key);
        let packed = packed::access(&Access::passive(Timestamp::default()));
        let script = &self.body.scripts().remove;
        let mut answer = wire.script(ENDING, script, &[&name], &[&packed], Nature::Repeatable).await?;
        Ok(match answer.case {
            0 => Removed::Done,
            1 => Removed::Absent,
            _ => {
                let to = answer.bytes().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                Removed::Moved(StoreKey::from_bytes(to.ok_or_else(|| shape(ENDING))?))
            }
        })
    }

    async fn find<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        principal: &str,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        find::find(self, wire, principal, now).await
    }

    async fn sweep<D: Dialer>(&self, wire: &Wire<'_, D>, now: Timestamp) -> Result<Swept, StorageError> {
        scan::sweep(self, wire, now).await
    }
}

impl<B: Body> Plain for Native<B> {
    fn key_scheme(&self) -> KeyScheme {
        KeyScheme::Hashed
    }

    fn name(&self, key: &StoreKey) -> Vec<u8> {
        self.common.name(key)
    }

    /// It lies under the session's own key.
    fn name_of_trace(&self, _key: &StoreKey) -> Option<Vec<u8>> {
        None
    }

    fn plain(&self, key: &StoreKey, names: Option<&[&str]>, access: &Access) -> Option<Cmd> {
        (!self.common.recent.may_be_due(key, access)).then(|| self.body.plain(&self.common.name(key), names))
    }

    fn understood(&self, key: &StoreKey, reply: Value, names: Option<&[&str]>, access: &Access) -> Lookup {
        self.body.understood(&self.common, key, reply, names, access)
    }
}
