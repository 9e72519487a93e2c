//! A request whose id another request has renewed.
//!
//! The old id is dead, and a client that gets the answer of the other request holds a living one. So this request may neither
//! touch the renewed session, which would give whoever knew the old id a part in it, nor send an id of its own, which would
//! displace the other one. But that answer may have got lost, as with a second click on "log in":
//!
//! | what it does | what becomes of it |
//! |---|---|
//! | only reads, or only renews | it sees no session, and nothing is stored |
//! | sets a principal: it logs somebody in | it joins the renewed session, if that is the same user's, and sends its id |
//! | sets a principal, and cannot join | a new session from what it wrote |
//! | renews and writes | likewise, if it was sent after the renewal |
//! | writes otherwise | nothing is stored, and whoever closes is told |
//! | destroys | the renewed session ends |
//!
//! A new session is never begun by a request that had a part in the old one: what it has read of it must not come back (S4). Any
//! other request begins one as soon as nothing can be displaced: because the renewed session has ended, or because the renewal was
//! so long ago that the client would hold the new id if its answer had arrived.
//!
//! To join, the request finds the new id in the trace of the renewal, sealed with the old one. A principal is what the
//! application knows after it has checked a password or the like, so whoever merely knew the old id joins nothing (R3).

use std::sync::Arc;

use super::{
    config::Config,
    delivery::Saved,
    machine::{Machine, RENEWAL_GRACE, Standing, View},
    steps::{Progress, Step},
};
use crate::{
    Error, SessionId, StoreKey, Timestamp,
    storage::{Lookup, Trace},
};

/// What is known of the renewal.
#[derive(Debug)]
pub(super) struct Overtaken {
    /// When it was.
    at: Timestamp,
    /// Whether the request had read the session before, or written to it.
    had_part: bool,
    way: Way,
}

/// How far it is known what has become of the session.
#[derive(Debug)]
enum Way {
    /// It has been renewed under this id: its trace says to which.
    Follow(SessionId),
    /// It may live under this id.
    Look(SessionId),
    /// It lives, and is not the session of the one who logs in here; or its trace cannot be read.
    Closed,
    /// It has ended.
    Ended,
}

impl Machine {
    /// Another request has renewed the session under `id`.
    pub(super) fn overtaken(&mut self, id: SessionId, at: Timestamp, had_part: bool) {
        self.settle_in_flight();
        self.key = None;
        self.standing = Standing::Overtaken(Overtaken { at, had_part, way: Way::Follow(id.clone()) });
        self.id = Some(id);
    }

    /// What is to be done about what this request wrote, as the table says. `Ok(None)` if there is nothing to ask now: the
    /// changes are dropped, or belong to a new session.
    pub(super) fn after_overtaking(
        &mut self,
        progress: &mut Progress,
        now: Timestamp,
        config: &Config,
    ) -> Result<Option<Step>, Error> {
        let Standing::Overtaken(Overtaken { at, had_part, way }) = &self.standing else { return Ok(None) };
        let logs_in = self.changes.logs_in();
        let has_content = self.changes.has_content();
        let is_long_ago = self.began >= *at + RENEWAL_GRACE;
        // Whoever could begin anew wants to know whether the session lives; whoever logs in, whether it is his.
        if logs_in || has_content && !had_part && !is_long_ago {
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
        let displaces_nothing = is_long_ago || matches!(way, Way::Ended);
        let begins_anew = logs_in || displaces_nothing || self.renew && self.began >= *at;
        if begins_anew && has_content && !had_part {
            (self.standing, self.renew) = (Standing::Absent, false);
            return Ok(None);
        }
        let loses = Loses::of(!self.changes.is_empty(), self.renew || logs_in);
        self.abandon();
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
        let Standing::Overtaken(overtaken) = &mut self.standing else { return };
        let who: Option<&Arc<str>> = self.changes.new_principal().and_then(Option::as_ref);
        match lookup {
            Lookup::Found(snapshot)
                if who.is_some()
                    && snapshot.record.principal.as_ref() == who
                    && !config.lifetime.is_over(&snapshot.record, now) =>
            {
                let names = if snapshot.complete { None } else { Some(std::collections::BTreeSet::new()) };
                self.standing = Standing::Found(View { snapshot, names });
                (self.id, self.key, self.id_is_given) = (Some(id.clone()), Some(key), false);
                (self.renew, self.joins) = (false, true);
            }
            // Renewed once more.
            Lookup::Moved(_) => overtaken.way = Way::Follow(id.clone()),
            Lookup::Found(_) => overtaken.way = Way::Closed,
            Lookup::Absent => overtaken.way = Way::Ended,
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
    /// What was written cannot be stored, because another request has renewed the session. A save says so; at the end of a
    /// request, where nobody may look, a lost login is an error.
    pub(super) fn lose(&mut self, loses: Loses) -> Result<(), Error> {
        self.saved = Saved::Gone;
        self.conflict |= loses == Loses::Writes;
        if loses == Loses::Login && self.closing { Err(Error::Gone) } else { Ok(()) }
    }
}
