//! The session that a request works on.

use std::{collections::BTreeSet, sync::Arc};

use super::renewal::{Overtaken, Part};
use crate::{
    SessionId, StoreKey, Timestamp,
    record::{Changes, Snapshot},
    session::config::Config,
};

/// The session that a request works on. The default is that it has none.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub(super) held: Option<Held>,
    pub(super) state: State,
    pub(super) pending: Pending,
    /// When the session ends, as far as this request has moved that.
    pub(super) expires_at: Option<Timestamp>,
}

/// The id that a request works under.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) id: SessionId,
    /// Computed when first needed.
    key: Option<StoreKey>,
    pub(super) origin: Origin,
}

/// Where the id is from, and so who knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The client has presented it.
    Client,
    /// The application has chosen it, and a session may be created under it.
    Application { client_has_it: bool },
    /// Another request has renewed the session to it, and this one goes on with that session. The client learns the id as
    /// soon as something is stored.
    Joined,
    /// The session was stored under it by this request, and the client has to learn it.
    Issued,
}

/// What is known about the session in the storage.
#[derive(Debug, Default)]
pub(super) enum State {
    /// Not looked up.
    Unknown,
    /// Written to in this request, so it exists, but not read.
    Written,
    Found(View),
    /// Never there, or expired; or ended by this request itself.
    #[default]
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

/// What waits to be stored.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// What was done since the last commit.
    pub(super) changes: Changes,
    /// What is on its way to the storage.
    pub(super) in_flight: Option<Arc<Changes>>,
    /// Whether the session is to get a new id.
    pub(super) renew: bool,
    /// The new id under which a session was to be created or moved to, as long as what became of that is not known.
    pub(super) attempt: Option<Attempt>,
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
    /// Something is there, or the old id was renewed, at this time: it has to be looked at whether that is its own first try.
    Found(Timestamp),
}

impl Current {
    /// The session of the id that a client has presented, if it has.
    #[inline]
    pub(super) fn presented(id: Option<SessionId>) -> Self {
        let state = if id.is_some() { State::Unknown } else { State::Absent };
        Self { held: id.map(Held::presented), state, pending: Pending::default(), expires_at: None }
    }

    /// The key of the session's id.
    pub(super) fn key(&mut self, config: &Config) -> Option<StoreKey> {
        let held = self.held.as_mut()?;
        Some(*held.key.get_or_insert_with(|| config.keys.key_of(&held.id)))
    }

    /// Whether this is the key of the session's id, as far as that was needed.
    pub(super) fn has_key(&self, key: &StoreKey) -> bool {
        self.held.as_ref().is_some_and(|held| held.key.as_ref() == Some(key))
    }

    /// The session's key, if it is known already.
    pub(super) fn known_key(&self) -> Option<StoreKey> {
        self.held.as_ref()?.key
    }

    /// The session is stored under this id from now on.
    pub(super) fn adopt(&mut self, id: &SessionId, key: StoreKey, origin: Origin) {
        self.held = Some(Held { id: id.clone(), key: Some(key), origin });
    }

    /// Another request has renewed the session under `id`.
    pub(super) fn overtake(&mut self, id: SessionId, at: Timestamp, part: Part) {
        self.pending.settle();
        self.state = State::Overtaken(Overtaken::new(id.clone(), at, part));
        self.held = Some(Held::presented(id));
    }

    /// The key under which the session has to be ended, if it may exist.
    pub(super) fn key_to_end(mut self, config: &Config) -> Option<StoreKey> {
        match &self.pending.attempt {
            // A move that has happened unnoticed is found from its old key; a create only under its own.
            Some(attempt) if matches!(self.state, State::Absent) => Some(config.keys.key_of(&attempt.id)),
            _ => self.key(config),
        }
    }
}

impl Held {
    pub(super) const fn presented(id: SessionId) -> Self {
        Self { id, key: None, origin: Origin::Client }
    }

    pub(super) const fn given(id: SessionId, client_has_it: bool) -> Self {
        Self { id, key: None, origin: Origin::Application { client_has_it } }
    }

    /// Whether a session may be created under it.
    pub(super) const fn is_given(&self) -> bool {
        matches!(self.origin, Origin::Application { .. })
    }

    /// Whether the client has to learn it.
    pub(super) const fn is_news(&self) -> bool {
        matches!(self.origin, Origin::Application { client_has_it: false } | Origin::Issued)
    }
}

impl State {
    /// What the request has had to do with the session.
    pub(super) fn part(&self) -> Part {
        match self {
            Self::Found(view) => Part::Read(view.snapshot.record.principal.clone()),
            Self::Written => Part::Wrote,
            _ => Part::None,
        }
    }
}

impl View {
    /// All of a session.
    pub(super) const fn of(snapshot: Snapshot) -> Self {
        Self { snapshot, names: None, damage_reported: false }
    }

    /// No entry of a session yet.
    pub(super) const fn partial(snapshot: Snapshot) -> Self {
        Self { snapshot, names: Some(BTreeSet::new()), damage_reported: false }
    }

    pub(super) fn knows(&self, key: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(key))
    }
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.in_flight.is_none() && !self.renew
    }

    /// The principal that this request has set, or that it has set to none.
    pub(super) fn new_principal(&self) -> Option<&Option<Arc<str>>> {
        self.changes.new_principal().or_else(|| self.in_flight.as_ref()?.new_principal())
    }

    /// The changes leave for the storage; what is written meanwhile is kept apart.
    pub(super) fn take_off(&mut self) -> Arc<Changes> {
        let changes = Arc::new(std::mem::take(&mut self.changes));
        self.in_flight = Some(Arc::clone(&changes));
        changes
    }

    /// Changes whose fate is not known, or that were refused, are pending again.
    pub(super) fn settle(&mut self) {
        if let Some(in_flight) = self.in_flight.take() {
            let later = std::mem::replace(&mut self.changes, Arc::unwrap_or_clone(in_flight));
            self.changes.then(later);
        }
    }

    /// Nothing is written any more, but an attempt that may have succeeded is remembered.
    pub(super) fn drop_writes(&mut self) {
        self.in_flight = None;
        self.changes = Changes::default();
        self.renew = false;
    }

    /// A create or a move under `id` leaves for the storage.
    pub(super) fn attempt(&mut self, id: &SessionId) {
        let tries = if self.attempt.is_some() { Tries::Again } else { Tries::First };
        self.attempt = Some(Attempt { id: id.clone(), tries });
    }

    /// Something is in the way of a create or a move, since `at`. If it is the second try, that may be the first one.
    pub(super) fn may_be_own(&mut self, at: Timestamp) -> bool {
        match &mut self.attempt {
            Some(attempt) if attempt.tries == Tries::Again => {
                attempt.tries = Tries::Found(at);
                self.settle();
                true
            }
            _ => {
                self.attempt = None;
                false
            }
        }
    }
}
