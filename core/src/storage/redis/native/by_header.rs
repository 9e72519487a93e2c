//! The operations that need only the header of a session: they are the same for strings and hashes.

use redis::Value;

use super::{
    count,
    format::Native,
    header::{Head, Header, Kind, encode_tombstone, tag_of},
    index, listing, pages, scan, script_args,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::Access,
    storage::{
        Created, Found, Removed, ScanCursor, Scanned, Swept, TOMBSTONE_LIFETIME, Tombstone, Touched,
        redis::{
            errors::Answered,
            layout::{Claim, ENDING, Layout, PageOf, READING, RENEWING, Renewal, TOUCHING},
            servers::{Effect, Request, Servers},
        },
    },
};

impl<N: Native> Layout for N {
    const KEY_SCHEME: KeyScheme = KeyScheme::Hashed;
    const REPLACES_PREPARED: bool = true;

    fn name(&self, key: &StoreKey) -> Vec<u8> {
        self.context().name(key)
    }

    async fn create(&self, servers: &Servers, key: &StoreKey, record: &Record, now: Timestamp) -> Answered<Created> {
        index::note(&self.context().prefix, servers, key, &Header::of(record, 0, Kind::Session), now).await?;
        let created = self.store(servers, key, record, Kind::Session, now).await?;
        if created == Created::Done {
            self.context().recently_touched.note(key, record.last_seen);
        }
        Ok(created)
    }

    async fn touch(&self, servers: &Servers, key: &StoreKey, access: &Access) -> Answered<Touched> {
        let (name, packed) = (self.name(key), script_args::access(access));
        let mut answer = servers.call(TOUCHING, &N::scripts().touch, &[&name], &[&packed], Effect::Read).await?;
        if answer.case != 0 {
            return Ok(Touched::Gone);
        }
        let header = answer.header()?;
        let before = self.context().recently_touched.note(key, header.last_seen);
        index::keep(&self.context().prefix, servers, key, before, &header).await;
        Ok(Touched::Done(header.expires_at()))
    }

    async fn remove(&self, servers: &Servers, key: &StoreKey) -> Answered<Removed> {
        let (name, packed) = (self.name(key), script_args::access(&Access::passive(Timestamp::default())));
        let mut answer = servers.call(ENDING, &N::scripts().remove, &[&name], &[&packed], Effect::Repeatable).await?;
        Ok(match answer.case {
            0 => {
                index::forget(&self.context().prefix, servers, key, answer.tag()?).await;
                Removed::Done
            }
            1 => Removed::Absent,
            _ => {
                let to = <[u8; 32]>::try_from(answer.bytes()?).map_err(|_| answer.malformed())?;
                Removed::Renewed(StoreKey::from_bytes(to))
            }
        })
    }

    async fn tombstone(&self, servers: &Servers, key: &StoreKey, now: Timestamp) -> Answered<Option<Tombstone>> {
        let name = self.name(key);
        let request = Request::command(READING, &name, N::read_tombstone(&name), Effect::Read);
        let Value::BulkString(bytes) = servers.ask(request).await? else { return Ok(None) };
        let Some(Head::Tombstone(tombstone)) = Head::decode(&bytes) else { return Ok(None) };
        if now >= tombstone.at + TOMBSTONE_LIFETIME {
            return Ok(None);
        }
        if servers.are_a_cluster() {
            // The renewal may still be in progress, or its process may have died.
            self.activate(servers, &tombstone.to, &Access::passive(now)).await?;
        }
        Ok(Some(tombstone))
    }

    /// Replaces a session of this revision by a tombstone: `claim.lua`.
    async fn claim(&self, servers: &Servers, renewal: &Renewal<'_>, revision: u64) -> Answered<Claim> {
        let Renewal { from, to, commit } = renewal;
        let (name, packed) = (self.name(from), script_args::access(&commit.access));
        let tombstone = encode_tombstone(&Tombstone::new(**to, commit.access.now, commit.sealed.clone()));
        let args: [&[u8]; 3] = [&packed, &revision.to_le_bytes(), &tombstone];
        let mut answer = servers.call(RENEWING, &N::scripts().claim, &[&name], &args, Effect::Repeatable).await?;
        Ok(match answer.case {
            0 => Claim::Done,
            2 => answer.time().map_or(Claim::Gone, Claim::Renewed),
            3 => Claim::Changed,
            _ => Claim::Gone,
        })
    }

    /// Makes a prepared session a session: `activate.lua`.
    async fn activate(&self, servers: &Servers, to: &StoreKey, access: &Access) -> Answered<Option<Timestamp>> {
        let (name, packed) = (self.name(to), script_args::access(access));
        let mut answer =
            servers.call(RENEWING, &N::scripts().activate, &[&name], &[&packed], Effect::Repeatable).await?;
        if answer.case == 0 { Ok(Some(answer.header()?.expires_at())) } else { Ok(None) }
    }

    /// `claim.lua` with a revision that no session has shows whether the tombstone under `from` leads to `to`.
    async fn was_moved(&self, servers: &Servers, renewal: &Renewal<'_>) -> Answered<bool> {
        Ok(matches!(self.claim(servers, renewal, 0).await?, Claim::Done))
    }

    async fn unlist(&self, servers: &Servers, from: &StoreKey, principal: Option<&str>) {
        index::forget(&self.context().prefix, servers, from, tag_of(principal)).await;
    }

    async fn find(&self, servers: &Servers, principal: &str, now: Timestamp) -> Answered<Vec<Found>> {
        listing::find(self, servers, principal, now).await
    }

    async fn find_page(
        &self,
        servers: &Servers,
        principal: &str,
        page: PageOf,
        now: Timestamp,
    ) -> Answered<Vec<Found>> {
        listing::find_page(self, servers, principal, page, now).await
    }

    async fn sweep(&self, servers: &Servers, now: Timestamp) -> Answered<Swept> {
        scan::sweep(self, servers, now).await
    }

    async fn count(&self, servers: &Servers, now: Timestamp) -> Answered<u64> {
        count::count(self, servers, now).await
    }

    async fn scan(&self, servers: &Servers, after: Option<&ScanCursor>, now: Timestamp) -> Answered<Scanned> {
        pages::page(self, servers, after, now).await
    }

    async fn prepare(&self, servers: &Servers, renewal: &Renewal<'_>, record: &Record) -> Answered<Created> {
        let now = renewal.commit.access.now;
        let header = Header::of(record, 0, Kind::Prepared);
        index::note(&self.context().prefix, servers, renewal.to, &header, now).await?;
        self.store(servers, renewal.to, record, Kind::Prepared, now).await
    }
}
