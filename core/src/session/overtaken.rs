//! A request whose id another request has renewed.
//!
//! The old id is dead, and a client that gets the answer of the other request holds a living one. So this request may neither
//! touch the renewed session, which would give whoever knew the old id a part in it, nor send an id of its own, which would
//! displace the other one. But that answer may have got lost, as with a second click on "log in":
//!
//! | what it does | what becomes of it |
//! |---|---|
//! | only reads | it sees no session |
//! | sets a principal: it logs somebody in | it joins the renewed session, if that is the same user's, and sends its id |
//! | sets a principal, and cannot join | a new session from what it wrote, if it never had a part in the old one |
//! | renews and writes | likewise, if it was sent after the renewal |
//! | writes otherwise | nothing is stored, and closing is an error |
//! | destroys | the renewed session ends |
//!
//! To join, the request finds the new id in the trace of the renewal, sealed with the old one. A principal is what the
//! application knows after it has checked a password or the like, so whoever merely knew the old id joins nothing (R3).

use std::sync::Arc;

use super::{
    config::Config,
    delivery::Saved,
    machine::{Machine, Standing, View},
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

/// How far a login has come on its way to the renewed session.
#[derive(Debug)]
enum Way {
    /// The session has been renewed under this id: its trace says to which.
    Follow(SessionId),
    /// It may live under this id.
    Look(SessionId),
    /// It is somebody else's, or nowhere to be found.
    Ends,
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
        let (at, had_part) = (*at, *had_part);
        let logs_in = self.changes.logs_in();
        match way {
            Way::Follow(old) if logs_in => {
                return Ok(Some(Step::Follow { key: config.keys.key_of(old), old: old.clone(), now }));
            }
            Way::Look(id) if logs_in => {
                let access = config.lifetime.access(now, true);
                return Ok(Some(Step::Recognise { key: config.keys.key_of(id), id: id.clone(), access }));
            }
            Way::Ends if logs_in && !had_part => {
                if let Some((next, at)) = self.presented.next_renewed() {
                    let id = self.id.take();
                    self.presented.put_back(id);
                    self.overtaken(next, at, false);
                    return self.after_overtaking(progress, now, config);
                }
            }
            Way::Follow(_) | Way::Look(_) | Way::Ends => {}
        }
        let begins_anew = !had_part && (logs_in || self.renew && self.began >= at);
        if begins_anew && self.changes.has_content() {
            if !self.id_is_given {
                // A logout has to end what is under it, too.
                let id = self.id.take();
                self.presented.put_back(id);
            }
            (self.standing, self.renew) = (Standing::Absent, false);
            return Ok(None);
        }
        let loses = !self.changes.is_empty();
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
            overtaken.way = opened.map_or(Way::Ends, Way::Look);
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
            Lookup::Found(_) | Lookup::Absent => overtaken.way = Way::Ends,
        }
    }
}

impl Progress {
    /// What was written cannot be stored. A save says so; at the end of a request nobody would hear it, so it is an error if
    /// anything is lost by it.
    pub(super) fn lose(&mut self, loses: bool) -> Result<(), Error> {
        self.saved = Saved::Gone;
        if loses && self.closing { Err(Error::Gone) } else { Ok(()) }
    }
}
