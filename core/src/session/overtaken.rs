//! A request whose id another request has renewed.
//!
//! The old id is dead, and a client that gets the answer of the other request holds a living one. So this request may neither
//! touch the renewed session, which would give whoever knew the old id a part in it, nor send an id of its own, which would
//! displace the other one. But that answer may have got lost, as with a second click on "log in":
//!
//! | what it does | what becomes of it |
//! |---|---|
//! | only reads, or only renews | it sees no session, and nothing is stored |
//! | renews and sets a principal: it logs somebody in | it joins the renewed session, if that is the same user's, and sends its id |
//! | sets a principal, and cannot join | a new session from what it wrote, unless it had a part in the old one |
//! | writes otherwise | nothing is stored, and whoever closes is told |
//! | destroys | the renewed session ends |
//!
//! To join, the request finds the new id in the trace of the renewal, sealed with the old one. A principal is what the
//! application knows after it has checked a password or the like, so whoever merely knew the old id joins nothing (R3). A
//! request that read the session while it already belonged to that user may have the name from there, so it does not join
//! either.
//!
//! A new session is never begun by a request that had a part in the old one: what it has read of it must not come back (S4).
//! Any other writing request begins one, too, once that can displace no live id: the renewed session has ended, or 30 seconds
//! have passed (5 for a request that renews).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    config::Config,
    delivery::Saved,
    machine::{Machine, Standing, View},
    steps::{Progress, Step},
};
use crate::{
    Error, SessionId, StoreKey, Timestamp,
    storage::{Leads, Lookup, Trace, Trail},
};

/// How long after a renewal a request with the old id is assumed to have been sent before the new id arrived.
const RENEWAL_GRACE: Duration = Duration::from_secs(30);
/// Two renewals at most this far apart count as overlapping, and one of them wins (S5). It covers the time to store and the
/// difference between the clocks of two machines.
const OVERLAP: Duration = Duration::from_secs(5);

/// What is known of the renewal.
#[derive(Debug)]
pub(super) struct Overtaken {
    /// When it was.
    at: Timestamp,
    part: Part,
    way: Way,
}

/// What the request had to do with the session before.
#[derive(Debug)]
pub(super) enum Part {
    /// Nothing: it learns of the session and of its renewal at once.
    None,
    /// It has read it, as this principal's.
    Read(Option<Arc<str>>),
    /// It has written to it.
    Wrote,
}

/// How far it is known what has become of the session.
#[derive(Debug)]
enum Way {
    /// It has been renewed under this id: its trace says to which.
    Follow(SessionId),
    /// It may live under this id.
    Look(SessionId),
    /// It lives, and is not for this request; or its trace cannot be read.
    Closed,
    /// It has ended.
    Ended,
}

impl Part {
    pub(super) fn of(standing: &Standing) -> Self {
        match standing {
            Standing::Found(view) => Self::Read(view.snapshot.record.principal.clone()),
            Standing::Written => Self::Wrote,
            _ => Self::None,
        }
    }

    /// Whether a request that says now that the session is `principal`'s can only know it from a login.
    fn proves(&self, principal: &str) -> bool {
        match self {
            Self::None => true,
            Self::Read(before) => before.as_deref() != Some(principal),
            Self::Wrote => false,
        }
    }
}

impl Overtaken {
    /// Whether a request that began then may do as if there were no session.
    pub(super) fn is_as_good_as_none(&self, began: Timestamp) -> bool {
        matches!(self.part, Part::None) && self.is_long_ago(began)
    }

    fn is_long_ago(&self, began: Timestamp) -> bool {
        began >= self.at + RENEWAL_GRACE
    }
}

impl Machine {
    /// Another request has renewed the session under `id`.
    pub(super) fn overtaken(&mut self, id: SessionId, at: Timestamp, part: Part) {
        self.settle_in_flight();
        (self.key, self.trail) = (None, Trail::default());
        self.standing = Standing::Overtaken(Overtaken { at, part, way: Way::Follow(id.clone()) });
        self.id = Some(id);
    }

    /// The principal of the one who logs in here, if that is proof enough to join his session.
    fn proven<'a>(&'a self, part: &Part) -> Option<&'a Arc<str>> {
        let who = self.changes.new_principal()?.as_ref()?;
        (self.renew && part.proves(who)).then_some(who)
    }

    /// What is to be done about what this request wrote, as the table says. `Ok(None)` if there is nothing to ask now: the
    /// changes are dropped, or belong to a new session.
    pub(super) fn after_overtaking(
        &mut self,
        progress: &mut Progress,
        now: Timestamp,
        config: &Config,
    ) -> Result<Option<Step>, Error> {
        let Standing::Overtaken(overtaken) = &self.standing else { return Ok(None) };
        let Overtaken { at, part, way } = overtaken;
        let may_begin = matches!(part, Part::None) && self.changes.has_content();
        let (logs_in, is_long_ago) = (self.changes.logs_in(), overtaken.is_long_ago(self.began));
        // Whoever logs in wants to know whether it is his session; whoever could begin a new one, whether it lives.
        if self.proven(part).is_some() || may_begin && !logs_in && !is_long_ago {
            match way {
                Way::Follow(old) => {
                    return Ok(Some(Step::Follow { key: config.keys.key_of(old), old: old.clone(), now }));
                }
                Way::Look(id) => {
                    let access = config.lifetime.access(now, true);
                    return Ok(Some(Step::Recognise { key: config.keys.key_of(id), id: id.clone(), access }));
                }
                Way::Closed | Way::Ended => {}
            }
        }
        let has_ended = matches!(way, Way::Ended);
        // What the client presented besides may have been renewed, too.
        if may_begin
            && (logs_in || has_ended || is_long_ago)
            && let Some((next, at)) = self.presented.next_renewed(&mut self.id)
        {
            self.overtaken(next, at, Part::None);
            return self.after_overtaking(progress, now, config);
        }
        let displaces_nothing = has_ended || is_long_ago || self.renew && self.began >= *at + OVERLAP;
        if may_begin && (logs_in || displaces_nothing) {
            // A logout has to end what is under the old id, too.
            self.presented.put_back(self.id.take());
            (self.standing, self.renew, self.id_is_given) = (Standing::Absent, false, false);
            return Ok(None);
        }
        let loses = Loses::of(!self.changes.is_empty(), self.renew || logs_in);
        self.abandon();
        if let (Standing::Overtaken(overtaken), Some(id)) = (&mut self.standing, &self.id) {
            // What is true now may have changed when something is stored next.
            overtaken.way = Way::Follow(id.clone());
            self.trail = Trail::default();
        }
        progress.lose(loses).map(|()| None)
    }

    /// What the storage knows of a renewal.
    pub(super) fn followed(&mut self, old: &SessionId, trace: Option<Trace>, config: &Config) {
        let opened = trace.and_then(|trace| {
            let id = trace.sealed.open(&trace.to, old)?;
            (config.keys.key_of(&id) == trace.to).then_some(id)
        });
        if let Standing::Overtaken(overtaken) = &mut self.standing {
            overtaken.way = opened.map_or(Way::Closed, Way::Look);
        }
    }

    /// What lives under the new id. If it is the session of the one who logs in here, this request goes on with it.
    pub(super) fn recognised(
        &mut self,
        id: &SessionId,
        key: StoreKey,
        lookup: Lookup,
        now: Timestamp,
        config: &Config,
    ) {
        let Standing::Overtaken(Overtaken { part, .. }) = &self.standing else { return };
        let who = self.proven(part).cloned();
        let way = match lookup {
            Lookup::Found(snapshot) if config.lifetime.is_over(&snapshot.record, now) => Way::Ended,
            Lookup::Found(snapshot) if who.is_some() && snapshot.record.principal == who => {
                let names = if snapshot.complete { None } else { Some(BTreeSet::new()) };
                self.standing = Standing::Found(View { names, ..View::of(snapshot) });
                (self.id, self.key, self.id_is_given) = (Some(id.clone()), Some(key), false);
                (self.renew, self.joins) = (false, true);
                return;
            }
            Lookup::Found(_) => Way::Closed,
            // Renewed once more.
            Lookup::Moved(_) => match self.trail.follow(&key) {
                Ok(Leads::On) => Way::Follow(id.clone()),
                Ok(Leads::InACircle) => Way::Ended,
                Err(_) => Way::Closed,
            },
            Lookup::Absent => Way::Ended,
        };
        if let Standing::Overtaken(overtaken) = &mut self.standing {
            overtaken.way = way;
        }
    }
}

/// What a request loses whose changes cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loses {
    Nothing,
    /// Something it wrote.
    Writes,
    /// A login, or a renewal with what was written beside it: a success that must not be claimed.
    Login,
}

impl Loses {
    pub(super) const fn of(writes: bool, is_login: bool) -> Self {
        match (writes, is_login) {
            (false, _) => Self::Nothing,
            (true, false) => Self::Writes,
            (true, true) => Self::Login,
        }
    }
}

impl Progress {
    /// What was written cannot be stored, because another request has ended or renewed the session. A save says so; at the end of
    /// a request, where nobody may look, a lost login is an error.
    pub(super) fn lose(&mut self, loses: Loses) -> Result<(), Error> {
        self.saved = Saved::Gone;
        self.conflict |= loses == Loses::Writes;
        if loses == Loses::Login && self.closing { Err(Error::Gone) } else { Ok(()) }
    }
}
