//! The state of one session during one request, without I/O: the clock and the source of ids are those of the
//! [`Config`](super::Config). The machine is told what was presented and what was loaded, records reads and writes, and
//! says what to ask the storage.
//!
//! | file | what |
//! |---|---|
//! | `current` | the session the request works on: its id, what is known of it, the changes to store |
//! | `presented` | which of a client's ids counts |
//! | `read`, `write`, `login` | answers reads from what is known; records writes and logins |
//! | `next` | what to ask the storage next, at a save or at the end of the request |
//! | `answers` | what the storage's answer to each step changes |
//! | `tag_use` | notices that a session with a tag was touched |
//! | `update` | atomic change of one entry |
//! | `rotation`, `id_check` | which id is current, and new ids for the same session |
//! | `overtaken` | requests whose id another request renewed |
//! | `ending` | sessions to end, wherever they have moved |
//! | `elsewhere` | a session of another library, which may be taken over |
//! | `watching` | which session a caller of `ended` waits for |

mod answers;
mod current;
mod elsewhere;
mod ending;
mod id_check;
mod login;
mod next;
mod overtaken;
mod presented;
mod progress;
mod read;
mod renewal;
mod rotation;
mod step;
mod tag_use;
#[cfg(test)]
mod tests;
mod update;
#[cfg(feature = "tokio")]
mod watching;
mod write;

pub(super) use answers::Looked;
use current::{Current, Held, Origin, State, Tries, View};
#[cfg(feature = "import")]
pub(super) use elsewhere::DueElsewhere;
use elsewhere::Elsewhere;
use ending::Ending;
use presented::{Presented, Turn};
pub(super) use progress::Progress;
pub(super) use read::Loaded;
pub(super) use rotation::{ID_ENTRIES, Verdict};
pub(super) use step::{Create, Move, Need, Rotate, Step, Write};
pub(super) use update::{MAX_UPDATE_TRIES, Update};
#[cfg(feature = "tokio")]
pub(super) use watching::{Awaited, Unread, Whose};
#[cfg(feature = "import")]
pub(super) use write::check_key;

use super::{config::Config, delivery::Delivery, tags::TagUse};
use crate::{
    ClientInfo, Error, SessionId, StoreKey, Timestamp,
    observe::{CommitOutcome, RefusalReason, Refused},
};
use renewal::Part;

/// The state machine.
#[derive(Debug)]
pub(crate) struct Machine {
    life: Life,
    current: Current,
    presented: Presented,
    ending: Ending,
    elsewhere: Elsewhere,
    usage: Usage,
    request: Request,
    /// Whether this request saw a principal or set one.
    saw_principal: bool,
    /// Whether the application was told that something could not be stored.
    was_told: bool,
    /// Why changes were dropped, until that is reported.
    dropped: Option<CommitOutcome>,
    /// That this request has touched a session with a tag.
    tag_use: Option<Box<TagUse>>,
}

/// Whether there is a session to work on.
#[derive(Debug, Clone, Copy)]
enum Life {
    Open,
    /// The request is over: the session can only be read or destroyed ([S9](crate::design#s9)).
    Closed,
    /// There is no session behind this handle, for this reason.
    Detached(&'static str),
}

/// How the application has used its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Usage {
    Untouched,
    Used,
    /// It has read, which counts as activity.
    Read,
}

/// What is known about the request.
#[derive(Debug)]
struct Request {
    /// For generating ids.
    client: ClientInfo,
    /// When the request began.
    began: Timestamp,
    /// Whether it reads without extending the session.
    is_passive: bool,
    /// Whether the client has an expiry of its own that follows the session's, as with a persistent cookie.
    client_keeps_expiry: bool,
}

impl Machine {
    /// A session for a request that presented these ids, in this order. `malformed` if it also presented something that
    /// cannot be an id.
    #[inline]
    pub(crate) fn new(
        id: Option<SessionId>,
        others: Vec<SessionId>,
        malformed: bool,
        client: ClientInfo,
        began: Timestamp,
    ) -> Self {
        Self {
            life: Life::Open,
            presented: Presented::new(malformed || id.is_some(), others),
            current: Current::presented(id),
            ending: Ending::default(),
            elsewhere: Elsewhere::Nowhere,
            usage: Usage::Untouched,
            request: Request { client, began, is_passive: false, client_keeps_expiry: false },
            saw_principal: false,
            was_told: false,
            dropped: None,
            tag_use: None,
        }
    }

    /// The same session, for work after the request; nothing if there is none.
    pub(crate) fn reopened(&mut self, began: Timestamp) -> Self {
        if let Life::Detached(why) = self.life {
            return Self::detached(why);
        }
        let nobody = Self::new(None, Vec::new(), false, ClientInfo::default(), began);
        Self { current: Current::reopened(self.id()), ..nobody }
    }

    /// A handle without a session: reads and writes are errors with this text.
    pub(crate) fn detached(why: &'static str) -> Self {
        let nobody = Self::new(None, Vec::new(), false, ClientInfo::default(), Timestamp::default());
        Self { life: Life::Detached(why), ..nobody }
    }

    /// Checks that there is a session, and that writes to it can still be stored.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match self.life {
            Life::Open => Ok(()),
            Life::Closed => Err(Error::Closed),
            Life::Detached(why) => Err(Error::Detached(why)),
        }
    }

    /// The session's id, as far as is known without asking the storage.
    pub(crate) fn id(&mut self) -> Option<SessionId> {
        self.use_as(Usage::Used);
        match self.current.state {
            State::Unknown | State::Written | State::Found(_) => self.current.held.as_ref().map(|held| held.id.clone()),
            State::Absent | State::Overtaken(_) | State::Lost => None,
        }
    }

    fn use_as(&mut self, usage: Usage) {
        self.usage = self.usage.max(usage);
    }

    pub(crate) fn was_used(&self) -> bool {
        self.usage > Usage::Untouched
    }

    /// Whether storing the changes may need a new id for a new session.
    pub(crate) fn may_be_created(&self) -> bool {
        let may_begin = matches!(self.current.state, State::Unknown | State::Absent | State::Overtaken(_));
        self.current.pending.changes.has_content() && may_begin
    }

    /// Sets the client's details, unless they are known.
    pub(crate) fn set_client(&mut self, client: ClientInfo) {
        if self.request.client.is_empty() {
            self.request.client = client;
        }
    }

    pub(crate) const fn set_began(&mut self, began: Timestamp) {
        self.request.began = began;
    }

    pub(crate) const fn set_client_keeps_expiry(&mut self) {
        self.request.client_keeps_expiry = true;
    }

    pub(crate) const fn set_passive(&mut self, passive: bool) {
        self.request.is_passive = passive;
    }

    /// Whether another request has renewed the session.
    pub(crate) const fn is_overtaken(&self) -> bool {
        matches!(self.current.state, State::Overtaken(_))
    }

    /// Whether the session existed and has ended.
    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self.current.state, State::Lost | State::Overtaken(_))
    }

    /// Whether there are changes that are not stored yet.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.current.pending.is_empty() || self.has_to_end()
    }

    /// Notes that the application was told that something could not be stored.
    pub(crate) const fn tell(&mut self) {
        self.was_told = true;
    }

    /// Why changes were dropped, once.
    pub(crate) const fn take_dropped(&mut self) -> Option<CommitOutcome> {
        self.dropped.take()
    }

    /// Whether there are unsaved changes whose loss nothing would report.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.is_dirty() && !self.was_told
    }

    /// Whether the storage still has to be asked to end a session.
    pub(crate) fn has_to_end(&self) -> bool {
        self.ending.is_pending() || self.elsewhere == Elsewhere::ToEnd
    }

    /// The keys of the sessions that a login replaces: those that the storage still has to end, and the one that this request has had,
    /// although another request may have renewed it.
    pub(crate) fn replaced_by_login(&mut self, config: &Config) -> Vec<StoreKey> {
        let own = self.current.key(config);
        self.ending.keys().iter().copied().chain(own).collect()
    }

    /// Drops unsaved changes. A destroy stays.
    pub(crate) fn abandon(&mut self) {
        self.current.pending.drop_writes();
    }

    /// What the client must be told once nothing is left to store.
    pub(crate) fn delivery(&self) -> Delivery {
        if self.is_gone() {
            // The id this request knows is dead, and another response may bring the client a live one.
            return Delivery::Keep;
        }
        let Current { held, state, expires_at, is_remembered, .. } = &self.current;
        let is_remembered = *is_remembered;
        let is_news = held.as_ref().is_some_and(Held::is_news);
        let expires_at = match state {
            // A client that joins a session under a given id must learn it, even if the deadline did not move.
            State::Found(view) if is_news => expires_at.or_else(|| Some(view.snapshot.record.expires_at())),
            _ => *expires_at,
        };
        match (held, expires_at) {
            (Some(held), Some(expires_at)) if is_news => {
                Delivery::Send { id: held.id.clone(), expires_at, is_remembered }
            }
            // Never before the storage has confirmed the end.
            _ if self.ending.withdraws_id(matches!(state, State::Absent)) => Delivery::Withdraw,
            (Some(held), Some(expires_at)) if !self.current.id_check.is_leaving => {
                Delivery::Refresh { id: held.id.clone(), expires_at, is_remembered }
            }
            _ => Delivery::Keep,
        }
    }

    /// The response has left: nothing else can be stored, and no id can reach the client. Unsaved changes are dropped.
    /// A destroy stays.
    pub(crate) fn discard(&mut self) {
        if matches!(self.life, Life::Open) {
            self.abandon();
            self.life = Life::Closed;
        }
    }

    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self.life, Life::Closed)
    }

    /// Whether this may be the page of a logged-in user. `true` if this request did not look.
    pub(crate) const fn may_be_logged_in(&self) -> bool {
        self.saw_principal || matches!(self.current.state, State::Unknown | State::Written)
    }

    /// The presented id that was looked up opens no session; another request renewed it at `renewed`, if any did. The
    /// next id is tried. Returns the one that was passed over, to report it.
    fn pass_over(&mut self, renewed: Option<Timestamp>) -> Option<Refused> {
        let current = &mut self.current;
        current.pending.settle();
        if let Some(at) = renewed {
            tracing::debug!(key = ?current.known_key(), ?at, "a request presented an id that was renewed");
        } else if current.held.as_ref().is_some_and(Held::is_given) {
            // A session may be created under it.
            current.state = State::Absent;
            return None;
        }
        let key = current.known_key();
        match self.presented.pass(current.held.take().map(|held| held.id), renewed) {
            Turn::Next(id) => current.held = Some(Held::presented(id)),
            Turn::Renewed(id, at) => current.overtake(id, at, Part::None),
            Turn::Nobody => current.state = State::Absent,
        }
        let reason = if renewed.is_some() { RefusalReason::Renewed } else { RefusalReason::Unknown };
        Some(Refused { key, reason })
    }

    /// The key of the session that the request works on, also if it has ended.
    pub(crate) fn key(&mut self, config: &Config) -> Option<StoreKey> {
        self.current.key(config)
    }

    /// The session that this request has used has ended, for whatever reason: a logout, its expiry, an eviction.
    fn lose(&mut self) {
        tracing::debug!(key = ?self.current.known_key(), "a session ended while a request was using it");
        self.current.state = State::Lost;
    }

    /// Another request renewed the session that this one has used.
    fn lose_to_renewal(&mut self, at: Timestamp) {
        tracing::debug!(key = ?self.current.known_key(), ?at, "a session was renewed while a request was using it");
        match self.current.held.take() {
            Some(held) => self.current.overtake(held.id, at, self.current.state.part()),
            None => self.current.state = State::Lost,
        }
    }
}
