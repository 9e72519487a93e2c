//! What a change of a session means for the index.

use super::{
    context::Context,
    header::{Header, Tag, tag_of},
    index::{Note, counts_until, forget},
};
use crate::{
    StoreKey, Timestamp,
    record::{Commit, Lifespan},
    storage::redis::{errors::Answered, layout::Change, servers::Servers},
};

/// A change that sets the principal of a session, or moves it, or neither.
pub(super) struct IndexedChange<'a> {
    pub(super) context: &'a Context,
    pub(super) servers: &'a Servers,
    pub(super) from: &'a StoreKey,
    pub(super) to: Option<&'a StoreKey>,
    /// The tag of the principal that the change sets.
    set: Option<Tag>,
    /// The tag of the principal before, as far as is known.
    before: Option<Tag>,
    until: Timestamp,
    now: Timestamp,
}

impl<'a> IndexedChange<'a> {
    pub(super) fn new(
        context: &'a Context,
        servers: &'a Servers,
        from: &'a StoreKey,
        to: Option<&'a StoreKey>,
        commit: &Commit,
    ) -> Self {
        let (base, access) = (commit.base.as_ref().map(|base| &base.record), &commit.access);
        let set = commit.changes.principal().map(tag_of);
        let is_indexed = set.is_some() || to.is_some();
        let before = base.filter(|_| is_indexed).map(|record| tag_of(record.principal.as_deref()));
        let until = match commit.changes.lifespan() {
            Some(Lifespan::Own { idle_timeout, until }) => counts_until(idle_timeout, Some(until), access.now),
            lifespan => {
                let idle = access.idle_timeout();
                let idle = base.map_or(idle, |record| record.idle_timeout.max(idle));
                // A remembered session may get a later deadline.
                let kept = base.filter(|record| lifespan.is_none() || !record.is_remembered);
                counts_until(idle, kept.and_then(|record| record.absolute_deadline), access.now)
            }
        };
        Self { context, servers, from, to, set, before, until, now: access.now }
    }

    /// Notes the session as it will be, if that is known.
    pub(super) async fn note(&self) -> Answered<()> {
        match self.set {
            Some(tag) => self.note_as(tag).await,
            None if self.to.is_some() => self.note_as(self.before.unwrap_or_default()).await,
            None => Ok(()),
        }
    }

    async fn note_as(&self, tag: Tag) -> Answered<()> {
        if tag == tag_of(None) {
            return Ok(());
        }
        Note::new(&self.context.prefix, self.to.unwrap_or(self.from), tag, self.until, self.now)
            .write(self.servers)
            .await
    }

    /// The tag that the session must have, because it was noted under its new key for this principal. Empty if any will do.
    pub(super) fn expected(&self) -> Vec<u8> {
        if self.to.is_some() && self.set.is_none() { self.before.unwrap_or_default().to_vec() } else { Vec::new() }
    }

    /// The session has this header with another tag, so it is noted for that principal.
    pub(super) async fn expect(&mut self, header: &Header) -> Answered<()> {
        self.before = Some(header.tag);
        self.until = self.until.max(counts_until(header.idle_timeout, header.absolute_deadline, self.now));
        self.note().await
    }

    /// If the change was made, the old key of a session that has moved is never used again.
    ///
    /// If only the principal has changed, its old entry stays until it is stale: another request may be changing it back.
    pub(super) async fn finish(&self, change: &Change) {
        if let (Change::Done { .. }, Some(_), Some(tag)) = (change, self.to, self.before) {
            forget(&self.context.prefix, self.servers, self.from, tag).await;
        }
    }
}
