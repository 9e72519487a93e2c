//! The state of one session during one request. No I/O, no clock, no randomness of its own: it is told what was presented
//! and what was loaded, it records reads and writes, and it says what must happen in the storage.
//!
//! `presented` says which of a client's ids counts, `writing` records, `reading` answers from what is known, `steps` leads
//! through the storage at the end, and `overtaken` is about requests whose id another one has renewed.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    config::Config,
    delivery::Delivery,
    overtaken::{Overtaken, Part},
    presented::{Presented, Turn},
};
use crate::{
    ClientInfo, Error, SessionId, StoreKey, Timestamp,
    record::Changes,
    storage::{Lookup, Snapshot, Trail},
};

/// The state machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The id the request works under: what the client presented, if it is well-formed, or what was issued since.
    pub(super) id: Option<SessionId>,
    /// What else the client presented.
    pub(super) presented: Presented,
    /// The key of `id`, computed when first needed.
    pub(super) key: Option<StoreKey>,
    /// When the request began to be interested in its session.
    pub(super) began: Timestamp,
    /// Whether `id` was given by the application, which then may create under it.
    pub(super) id_is_given: bool,
    pub(super) standing: Standing,
    /// What was done since the last commit.
    pub(super) changes: Changes,
    /// What is on its way to the storage.
    pub(super) in_flight: Option<Arc<Changes>>,
    pub(super) renew: bool,
    /// Whether the request goes on with a session that another one has renewed: its client then has to learn the id.
    pub(super) joins: bool,
    /// The new id under which a session was to be created or moved to, as long as what became of that is not known.
    pub(super) attempt: Option<Attempt>,
    /// Whether `destroy` came after the last step left for the storage.
    pub(super) destroyed_meanwhile: bool,
    /// The sessions to end, the next one last.
    pub(super) doomed: Vec<StoreKey>,
    /// The way of the one that is followed through its renewals, to end it or to join it.
    pub(super) trail: Trail,
    pub(super) passive: bool,
    /// Whether the application looked at the session at all.
    pub(super) used: bool,
    pub(super) read: bool,
    /// Whether this request has seen that somebody is logged in, or has logged somebody in.
    pub(super) saw_principal: bool,
    /// When the session ends, as far as this request has moved that.
    pub(super) extended_to: Option<Timestamp>,
    /// Whether the client has to learn `id`.
    pub(super) issued: bool,
    /// Whether the client keeps an expiry of its own, as with a persistent cookie, which follows the session's.
    pub(super) client_keeps_expiry: bool,
    pub(super) withdrawn: bool,
    /// Whether the application was told that something could not be stored.
    pub(super) was_told: bool,
    pub(super) closed: bool,
    pub(super) detached: Option<&'static str>,
    /// For making ids.
    pub(super) client: ClientInfo,
}

/// A create or a move that left for the storage and was not answered: its driver was dropped, or the storage failed.
///
/// It is tried again under the same id, so that there never are two sessions of it.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) id: SessionId,
    pub(super) tries: Tries,
}

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    First,
    Again,
    /// Something stands there, or the old id was renewed, at this time: it has to be looked at whether that is its own first try.
    Found(Timestamp),
}

/// What is known about the session in the storage.
#[derive(Debug)]
pub(super) enum Standing {
    /// Not looked up.
    Unknown,
    /// Written to in this request, so it exists, but not read.
    Written,
    Found(View),
    /// Never there, or expired; or ended by this request itself.
    Absent,
    /// Another request has renewed it.
    Overtaken(Overtaken),
    /// It was there and is not any more: what this request does to it is void.
    Lost,
}

/// What was read.
#[derive(Debug)]
pub(super) struct View {
    pub(super) snapshot: Snapshot,
    /// The keys that were asked for, if not all were read.
    pub(super) names: Option<BTreeSet<Box<str>>>,
    /// Whether a warning has been given that an entry is damaged.
    pub(super) damage_reported: bool,
}

impl View {
    /// All of a session.
    pub(super) const fn of(snapshot: Snapshot) -> Self {
        Self { snapshot, names: None, damage_reported: false }
    }

    pub(super) fn knows(&self, key: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(key))
    }
}

impl Machine {
    /// A session for a request that presented `id`; `malformed` if it presented something that cannot be an id.
    #[inline]
    pub(crate) fn new(id: Option<SessionId>, malformed: bool, client: ClientInfo, began: Timestamp) -> Self {
        Self {
            presented: Presented::new(malformed || id.is_some()),
            standing: if id.is_some() { Standing::Unknown } else { Standing::Absent },
            id,
            key: None,
            began,
            id_is_given: false,
            changes: Changes::default(),
            in_flight: None,
            renew: false,
            joins: false,
            attempt: None,
            destroyed_meanwhile: false,
            doomed: Vec::new(),
            trail: Trail::default(),
            passive: false,
            used: false,
            read: false,
            saw_principal: false,
            extended_to: None,
            issued: false,
            client_keeps_expiry: false,
            withdrawn: false,
            was_told: false,
            closed: false,
            detached: None,
            client,
        }
    }

    /// Adds what the request presented besides.
    pub(crate) fn with_others(mut self, others: Vec<SessionId>) -> Self {
        self.presented.add(others);
        self
    }

    /// Nothing lives under the presented id that was looked up; it was renewed at `renewed`, if that. The next one's turn.
    pub(super) fn pass_over(&mut self, renewed: Option<Timestamp>) {
        self.settle_in_flight();
        if self.id_is_given && renewed.is_none() {
            // A session may be created under it.
            self.standing = Standing::Absent;
            return;
        }
        self.key = None;
        match self.presented.pass(self.id.take(), renewed) {
            Turn::Next(id) => self.id = Some(id),
            Turn::Renewed(id, at) => self.overtaken(id, at, Part::None),
            Turn::Nobody => self.standing = Standing::Absent,
        }
    }

    /// A session that is none: reading and writing are errors with this text.
    pub(crate) fn detached(why: &'static str) -> Self {
        Self { detached: Some(why), ..Self::new(None, false, ClientInfo::default(), Timestamp::default()) }
    }

    pub(super) fn key(&mut self, config: &Config) -> Option<StoreKey> {
        if self.key.is_none() {
            self.key = self.id.as_ref().map(|id| config.keys.key_of(id));
        }
        self.key
    }

    /// Whether there is a session to write to, which can still be stored.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        match self.detached {
            Some(why) => Err(Error::Detached(why)),
            None if self.closed => Err(Error::Closed),
            None => Ok(()),
        }
    }

    /// The id under which the session lives, as far as is known without asking the storage.
    pub(crate) fn id(&mut self) -> Option<SessionId> {
        self.used = true;
        match self.standing {
            Standing::Unknown | Standing::Written | Standing::Found(_) => self.id.clone(),
            Standing::Absent | Standing::Overtaken(_) | Standing::Lost => None,
        }
    }

    pub(crate) const fn was_used(&self) -> bool {
        self.used
    }

    /// Whether storing what was written may need a new id for a new session.
    pub(crate) fn may_be_created(&self) -> bool {
        let may_begin = matches!(self.standing, Standing::Unknown | Standing::Absent | Standing::Overtaken(_));
        self.changes.has_content() && may_begin
    }

    /// Tells about the client, unless something is known already.
    pub(crate) fn set_client(&mut self, client: ClientInfo) {
        if self.client.is_empty() {
            self.client = client;
        }
    }

    pub(crate) const fn set_began(&mut self, began: Timestamp) {
        self.began = began;
    }

    pub(crate) const fn set_client_keeps_expiry(&mut self) {
        self.client_keeps_expiry = true;
    }

    pub(crate) const fn set_passive(&mut self, passive: bool) {
        self.passive = passive;
    }

    /// Whether another request has renewed the session.
    pub(crate) const fn is_overtaken(&self) -> bool {
        matches!(self.standing, Standing::Overtaken(_))
    }

    /// Whether the session was there and is not any more.
    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self.standing, Standing::Lost | Standing::Overtaken(_))
    }

    /// Whether something waits to be stored.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.changes.is_empty() || self.in_flight.is_some() || self.renew || self.is_doomed()
    }

    /// The application is told that something could not be stored.
    pub(crate) const fn tell(&mut self) {
        self.was_told = true;
    }

    /// Whether something waits to be stored of which nobody will hear.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.is_dirty() && !self.was_told
    }

    /// Whether the session was destroyed and the storage does not know yet.
    pub(crate) const fn is_doomed(&self) -> bool {
        !self.doomed.is_empty()
    }

    /// Drops what was written and not stored; a destroy stays.
    pub(crate) fn abandon(&mut self) {
        self.settle_in_flight();
        self.changes = Changes::default();
        self.renew = false;
    }

    /// What the client has to be told, once nothing is left to store.
    pub(crate) fn delivery(&self) -> Delivery {
        if self.is_gone() {
            // Whatever id this request knows is dead; another answer may be about to bring the client a living one.
            return Delivery::Keep;
        }
        let expires_at = match &self.standing {
            // A client that joined a session under a given id has to learn it, also if the deadline was not moved.
            Standing::Found(view) if self.issued => {
                self.extended_to.or_else(|| Some(view.snapshot.record.expires_at()))
            }
            _ => self.extended_to,
        };
        match (&self.id, expires_at) {
            (Some(id), Some(expires_at)) if self.issued => Delivery::Send { id: id.clone(), expires_at },
            // Never before the storage has confirmed the end.
            _ if self.withdrawn && !self.is_doomed() => Delivery::Withdraw,
            (Some(id), Some(expires_at)) => Delivery::Refresh { id: id.clone(), expires_at },
            _ => Delivery::Keep,
        }
    }

    /// The response has left: nothing more can be stored, and no id can reach the client. What was not stored is dropped; a
    /// destroy stays.
    pub(crate) fn discard(&mut self) {
        if !self.closed {
            self.abandon();
            self.closed = true;
        }
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// What reading the entries `asked` for, or all, has found.
    pub(super) fn found(&mut self, lookup: Lookup, asked: Option<&[&str]>) {
        self.saw_principal |= matches!(&lookup, Lookup::Found(snapshot) if snapshot.record.principal.is_some());
        match (lookup, &mut self.standing) {
            // A second read adds to the first.
            (Lookup::Found(later), Standing::Found(view)) => view.snapshot.merge(later, asked),
            (Lookup::Found(snapshot), _) => {
                self.standing = Standing::Found(View { names: Some(BTreeSet::new()), ..View::of(snapshot) });
            }
            // A session that was found before, or written to, has been renewed or ended by somebody else since.
            (Lookup::Moved(at), Standing::Found(_) | Standing::Written) => self.lose_to_renewal(at),
            (Lookup::Absent, Standing::Found(_) | Standing::Written) => self.standing = Standing::Lost,
            (Lookup::Moved(at), _) => self.pass_over(Some(at)),
            (Lookup::Absent, _) => self.pass_over(None),
        }
    }

    /// The session that this request has a part in was renewed by another one.
    pub(super) fn lose_to_renewal(&mut self, at: Timestamp) {
        match self.id.take() {
            Some(id) => self.overtaken(id, at, Part::of(&self.standing)),
            None => self.standing = Standing::Lost,
        }
    }
}
