//! The session a request works on.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    id_check::IdCheck,
    renewal::{Overtaken, Part},
};
use crate::{
    SessionId, StoreKey, Timestamp,
    record::{Changes, Expect, Snapshot},
    session::config::Config,
};

/// The session a request works on. The default is none.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub(super) held: Option<Held>,
    pub(super) state: State,
    pub(super) pending: Pending,
    /// When the session ends, if this request has moved its deadline.
    pub(super) expires_at: Option<Timestamp>,
    /// Whether it is remembered, as far as this request knows.
    pub(super) is_remembered: bool,
    pub(super) id_check: IdCheck,
}

/// The id a request works under.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) id: SessionId,
    /// Computed on first use.
    key: Option<StoreKey>,
    pub(super) origin: Origin,
}

/// Where the id comes from, and so who knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The client presented it.
    Client,
    /// The application chose it. A session may be created under it.
    Application { client_has_it: bool },
    /// The application goes on with a session after its request, for which it was checked.
    Reopened,
    /// Another request renewed the session to this id, and this request continues with it. The client learns the id
    /// once something is stored.
    Joined,
    /// This request stored the session under it. The client must learn it.
    Issued,
}

/// What is known about the session in the storage.
#[derive(Debug, Default)]
pub(super) enum State {
    /// Not looked up.
    Unknown,
    /// It exists, because this request wrote to it, but it was not read.
    Written,
    Found(View),
    /// It never existed, it expired, or this request ended it.
    #[default]
    Absent,
    /// Another request renewed it.
    Overtaken(Overtaken),
    /// It existed and has ended. What this request does to it has no effect.
    Lost,
}

/// What was read.
#[derive(Debug)]
pub(super) struct View {
    pub(super) snapshot: Snapshot,
    /// The keys that were read, unless all were.
    pub(super) names: Option<BTreeSet<Box<str>>>,
    /// Whether a damaged entry was already reported.
    pub(super) damage_reported: bool,
}

/// The changes to store.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Recorded since the last commit.
    pub(super) changes: Changes,
    /// On its way to the storage.
    pub(super) in_flight: Option<Arc<Changes>>,
    /// Whether the session gets a new id.
    pub(super) renew: bool,
    /// The login that is confirmed: it must still be stored as it was read.
    pub(super) confirms: Option<Expect>,
    /// The new id for a create or move whose outcome is unknown.
    pub(super) attempt: Option<Attempt>,
}

/// A create or a move that was sent to the storage but got no answer: its driver was dropped, or the storage failed.
///
/// The retry uses the same id, so there are never two sessions.
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
    /// A session exists, or the old id was renewed, since this time. It may be the result of this request's own first
    /// try.
    Found(Timestamp),
}

impl Current {
    /// The session of the id that a client has presented, if it has.
    #[inline]
    pub(super) fn presented(id: Option<SessionId>) -> Self {
        let state = if id.is_some() { State::Unknown } else { State::Absent };
        // Field by field, because a default would be moved as a whole, in every request.
        Self {
            held: id.map(Held::presented),
            state,
            pending: Pending::default(),
            expires_at: None,
            is_remembered: false,
            id_check: IdCheck::default(),
        }
    }

    /// A session that is known to exist, opened once more; nothing without an id.
    pub(super) fn reopened(id: Option<SessionId>) -> Self {
        let state = if id.is_some() { State::Written } else { State::Lost };
        let held = id.map(|id| Held { id, key: None, origin: Origin::Reopened });
        Self { held, state, ..Self::default() }
    }

    /// The key of the session's id.
    #[inline]
    pub(super) fn key(&mut self, config: &Config) -> Option<StoreKey> {
        let held = self.held.as_mut()?;
        Some(*held.key.get_or_insert_with(|| config.keys.key_of(&held.id)))
    }

    /// The session's key, if it was needed before.
    pub(super) fn known_key(&self) -> Option<StoreKey> {
        self.held.as_ref()?.key
    }

    /// From now on, the session is stored under this id.
    pub(super) fn adopt(&mut self, id: &SessionId, key: StoreKey, origin: Origin) {
        self.held = Some(Held { id: id.clone(), key: Some(key), origin });
        self.id_check = IdCheck::default();
    }

    /// Another request renewed the session that had `id`.
    pub(super) fn overtake(&mut self, id: SessionId, at: Timestamp, part: Part) {
        self.pending.settle();
        self.state = State::Overtaken(Overtaken::new(id.clone(), at, part));
        self.held = Some(Held::presented(id));
    }

    /// The key under which to end the session, if it may exist.
    pub(super) fn key_to_end(mut self, config: &Config) -> Option<StoreKey> {
        match &self.pending.attempt {
            // A move that happened unnoticed can be found from the old key, a create only from its own.
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

    /// Whether the application chose this id, so that a session may be created under it.
    pub(super) const fn is_given(&self) -> bool {
        matches!(self.origin, Origin::Application { .. })
    }

    /// Whether the client must learn it.
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
    /// All entries of a session.
    pub(super) const fn of(snapshot: Snapshot) -> Self {
        Self { snapshot, names: None, damage_reported: false }
    }

    /// The result of reading the entries `asked`, or all of them.
    pub(super) fn read(snapshot: Snapshot, asked: Option<&[&str]>) -> Self {
        // A read of all entries is complete: the storage has none that it left out.
        let names = asked.filter(|_| !snapshot.complete).map(|asked| {
            let mut names = BTreeSet::new();
            // `collect` would put them into a list first.
            names.extend(asked.iter().map(|&name| name.into()));
            names
        });
        Self { snapshot, names, damage_reported: false }
    }

    /// A second read adds to the first.
    pub(super) fn add(&mut self, later: Snapshot, asked: Option<&[&str]>) {
        match (&mut self.names, asked.filter(|_| !later.complete)) {
            (Some(known), Some(asked)) => known.extend(asked.iter().map(|&name| name.into())),
            (None, _) => {}
            (names, None) => *names = None,
        }
        self.snapshot.merge(later, asked);
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

    /// Makes changes pending again that were rejected, or whose outcome is unknown.
    pub(super) fn settle(&mut self) {
        if let Some(in_flight) = self.in_flight.take() {
            let later = std::mem::replace(&mut self.changes, Arc::unwrap_or_clone(in_flight));
            self.changes.then(later);
        }
    }

    /// Drops the changes, but remembers an attempt that may have succeeded.
    pub(super) fn drop_writes(&mut self) {
        self.in_flight = None;
        self.changes = Changes::default();
        self.renew = false;
        self.confirms = None;
    }

    /// A create or a move under `id` is sent to the storage.
    pub(super) fn attempt(&mut self, id: &SessionId) {
        let tries = if self.attempt.is_some() { Tries::Again } else { Tries::First };
        self.attempt = Some(Attempt { id: id.clone(), tries });
    }

    /// Since `at`, something is in the way of a create or a move. On a second try, it may be the result of the first.
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
