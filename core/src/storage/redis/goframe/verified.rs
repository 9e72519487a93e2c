//! The operations on what was verified to be a session, and those that do not depend on the format.
//!
//! A key may hold anything, and only one place may decide whether that is a session: what is served must be what a logout ends. So a
//! script that finds a text that was not verified yet returns it and does nothing. It is called again with the revision of the
//! text that was verified here.

use super::{
    count::{count, page},
    format::{GoFormat, GoFrame},
    json,
    session::{check_commit, check_record, digits, idle_seconds, whole_seconds},
    tombstone::Tombstone,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::{Access, Commit},
    storage::{
        Created, Found, Removed, ScanCursor, Scanned, StorageError, StorageErrorKind, Touched,
        redis::{
            errors::Answered,
            layout::{CREATING, Claim, ENDING, Layout, PREPARED_FOR, PageOf, RENEWING, Renewal, TOUCHING},
            servers::{Answer, Effect, Script, Servers},
        },
    },
};

/// Attempts before giving up. An attempt fails if others have changed the session.
const ATTEMPTS: usize = 1000;

impl<F> Layout for GoFrame<F>
where
    Self: GoFormat,
{
    const KEY_SCHEME: KeyScheme = KeyScheme::RawIds;
    const REPLACES_PREPARED: bool = false;

    fn name(&self, key: &StoreKey) -> Vec<u8> {
        self.names(key).map(|[name, _]| name).unwrap_or_default()
    }

    fn name_of_tombstone(&self, key: &StoreKey) -> Option<Vec<u8>> {
        self.names(key).map(|[_, tombstone]| tombstone)
    }

    fn check(&self, commit: &Commit) -> Answered<()> {
        check_commit(commit)
    }

    async fn create(&self, servers: &Servers, key: &StoreKey, record: &Record, now: Timestamp) -> Answered<Created> {
        check_record(record)?;
        self.limits.check_record(record).map_err(|limit| StorageError::limit(limit, CREATING))?;
        let seconds = whole_seconds(record.expires_at().since(now));
        self.store(servers, key, &record.entries, None, seconds).await
    }

    async fn touch(&self, servers: &Servers, key: &StoreKey, access: &Access) -> Answered<Touched> {
        let Some(names) = self.names(key) else { return Ok(Touched::Gone) };
        let (script, idle) = (&Self::scripts().touch, idle_seconds(access).to_string());
        match run(servers, TOUCHING, script, &names, &[idle.as_bytes()], Effect::Read).await? {
            Outcome::Done(mut answer) => Ok(Touched::Done(access.now + answer.left()?)),
            Outcome::Renewed(_) | Outcome::Gone => Ok(Touched::Gone),
        }
    }

    async fn remove(&self, servers: &Servers, key: &StoreKey) -> Answered<Removed> {
        let Some(names) = self.names(key) else { return Ok(Removed::Absent) };
        Ok(match run(servers, ENDING, &Self::scripts().remove, &names, &[], Effect::Repeatable).await? {
            Outcome::Done(_) => Removed::Done,
            Outcome::Renewed(tombstone) => Removed::Renewed(tombstone.to),
            Outcome::Gone => Removed::Absent,
        })
    }

    async fn find(&self, _servers: &Servers, _principal: &str, _now: Timestamp) -> Answered<Vec<Found>> {
        Err(StorageError::unsupported("listing the sessions of a principal in GoFrame's format"))
    }

    async fn find_page(
        &self,
        servers: &Servers,
        principal: &str,
        _page: PageOf,
        now: Timestamp,
    ) -> Answered<Vec<Found>> {
        self.find(servers, principal, now).await
    }

    async fn count(&self, servers: &Servers, _now: Timestamp) -> Answered<u64> {
        count::<Self>(servers, &self.prefix).await
    }

    async fn scan(&self, servers: &Servers, after: Option<&ScanCursor>, _now: Timestamp) -> Answered<Scanned> {
        page::<Self>(servers, &self.prefix, after).await
    }

    /// GoFrame could see the prepared session, but nobody knows its id yet.
    async fn prepare(&self, servers: &Servers, renewal: &Renewal<'_>, record: &Record) -> Answered<Created> {
        let changes = Some(&*renewal.commit.changes);
        self.store(servers, renewal.to, &record.entries, changes, PREPARED_FOR.as_secs()).await
    }

    async fn claim(&self, servers: &Servers, renewal: &Renewal<'_>, revision: u64) -> Answered<Claim> {
        let [name, tombstone_name] = self.names_to_store(renewal.from, RENEWING)?;
        let tombstone = Tombstone { to: *renewal.to, at: renewal.commit.access.now }.encode();
        let names: [&[u8]; 2] = [&name, &tombstone_name];
        let answer = Self::leave_tombstone(servers, &names, digits(revision).as_bytes(), &tombstone).await?;
        // If the session is gone or was renewed, the next read tells.
        Ok(if answer.case == 0 { Claim::Done } else { Claim::Changed })
    }

    async fn activate(&self, servers: &Servers, to: &StoreKey, access: &Access) -> Answered<Option<Timestamp>> {
        let Some([name, tombstone]) = self.names(to) else { return Ok(None) };
        let timeout = access.extend.as_ref().map_or(access.bounds.idle_timeout, |extend| extend.idle_timeout);
        let (script, seconds) = (&Self::scripts().activate, whole_seconds(timeout).to_string());
        let args = [seconds.as_bytes()];
        let mut answer = servers.call(RENEWING, script, &[&name, &tombstone], &args, Effect::Repeatable).await?;
        if answer.case == 0 { Ok(Some(access.now + answer.left()?)) } else { Ok(None) }
    }

    /// A touch of zero seconds shows the tombstone, and changes nothing that GoFrame may have stored there since.
    async fn was_moved(&self, servers: &Servers, renewal: &Renewal<'_>) -> Answered<bool> {
        let Some(names) = self.names(renewal.from) else { return Ok(false) };
        let outcome = run(servers, RENEWING, &Self::scripts().touch, &names, &[b"0"], Effect::Repeatable).await?;
        Ok(matches!(outcome, Outcome::Renewed(tombstone) if tombstone.to == *renewal.to))
    }
}

/// What a script has done.
enum Outcome {
    Done(Answer),
    /// There is no session, but the tombstone of its renewal.
    Renewed(Tombstone),
    Gone,
}

/// Runs `remove` or `touch` on the value under the first of `names`, if it is a session.
async fn run(
    servers: &Servers,
    operation: &'static str,
    script: &'static Script,
    [name, tombstone]: &[Vec<u8>; 2],
    args: &[&[u8]],
    effect: Effect,
) -> Answered<Outcome> {
    // No text has this revision, and every hash has it.
    let mut revision = Vec::new();
    for _ in 0..ATTEMPTS {
        let args = [&[revision.as_slice()], args].concat();
        let mut answer = servers.call(operation, script, &[name, tombstone], &args, effect).await?;
        match answer.case {
            0 => return Ok(Outcome::Done(answer)),
            1 => return Ok(Outcome::Gone),
            2 => return Ok(Outcome::Renewed(answer.tombstone()?)),
            3 => {
                let _left = answer.left()?;
                revision = answer.bytes()?;
                if !json::is_session(&answer.bytes()?) {
                    let tombstone = answer.optional_bytes().and_then(|bytes| Tombstone::decode(&bytes));
                    return Ok(tombstone.map_or(Outcome::Gone, Outcome::Renewed));
                }
            }
            _ => return Err(answer.malformed()),
        }
    }
    Err(StorageError::new(StorageErrorKind::Other, operation))
}
