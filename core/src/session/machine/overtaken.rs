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
//! To join, the request finds the new id in the tombstone of the renewal, sealed with the old one. A principal is what the
//! application knows after it has checked a password or the like, so whoever merely knew the old id joins nothing ([R3](crate::design#r3)). A
//! request that read the session while it already belonged to that user may have the name from there, so it does not join
//! either.
//!
//! A new session is never begun by a request that had a part in the old one: what it has read of it must not come back ([S4](crate::design#s4)).
//! Any other writing request begins one, too, once that can displace no live id: the renewed session has ended, or 30 seconds
//! have passed (5 for a request that renews).

use std::sync::Arc;

use super::{
    Current, Machine, Origin, Progress, State, Step, View,
    progress::Loses,
    renewal::{OVERLAP, Overtaken, Part, Way},
    step::{Follow, Look},
};
use crate::{
    Error, Timestamp,
    session::config::Config,
    storage::{Leads, Lookup, Tombstone, Trail},
};

impl Machine {
    /// The principal of the one who logs in here, if that is proof enough to join his session.
    fn proven<'a>(&'a self, part: &Part) -> Option<&'a Arc<str>> {
        let pending = &self.current.pending;
        let who = pending.changes.new_principal()?.as_ref()?;
        (pending.renew && part.proves(who)).then_some(who)
    }

    /// What is to be done about what this request wrote, as the table says. `Ok(None)` if there is nothing to ask now: the
    /// changes are dropped, or belong to a new session.
    pub(super) fn after_overtaking(
        &mut self,
        progress: &mut Progress,
        now: Timestamp,
        config: &Config,
    ) -> Result<Option<Step>, Error> {
        let Current { state: State::Overtaken(overtaken), pending, .. } = &self.current else { return Ok(None) };
        let Overtaken { at, part, way, .. } = overtaken;
        let may_begin = matches!(part, Part::None) && pending.changes.has_content();
        let (logs_in, is_long_ago) = (pending.changes.logs_in(), overtaken.is_long_ago(self.request.began));
        // Whoever logs in wants to know whether it is his session; whoever could begin a new one, whether it lives.
        if self.proven(part).is_some() || may_begin && !logs_in && !is_long_ago {
            match way {
                Way::Follow(old) => {
                    return Ok(Some(Step::Follow(Follow { key: config.keys.key_of(old), old: old.clone(), now })));
                }
                Way::Look(id) => {
                    let access = config.lifetime.access(now, true);
                    return Ok(Some(Step::Recognise(Look { key: config.keys.key_of(id), id: id.clone(), access })));
                }
                Way::Closed | Way::Ended => {}
            }
        }
        let has_ended = matches!(way, Way::Ended);
        let displaces_nothing = has_ended || is_long_ago || pending.renew && self.request.began >= *at + OVERLAP;
        // What the client presented besides may have been renewed, too.
        if may_begin
            && (logs_in || has_ended || is_long_ago)
            && let Some((next, at)) = self.presented.next_renewed()
        {
            self.presented.put_back(self.current.held.take().map(|held| held.id));
            self.current.overtake(next, at, Part::None);
            return self.after_overtaking(progress, now, config);
        }
        let Current { held, state, pending, .. } = &mut self.current;
        if may_begin && (logs_in || displaces_nothing) {
            // A logout has to end what is under the old id, too.
            self.presented.put_back(held.take().map(|held| held.id));
            (*state, pending.renew) = (State::Absent, false);
            return Ok(None);
        }
        let loses = Loses::of(!pending.changes.is_empty(), pending.renew || logs_in);
        pending.drop_writes();
        if let (State::Overtaken(overtaken), Some(held)) = (state, held) {
            // What is true now may have changed when something is stored next.
            (overtaken.way, overtaken.trail) = (Way::Follow(held.id.clone()), Trail::default());
        }
        progress.lose(loses).map(|()| None)
    }

    /// Takes the answer to [`Step::Follow`].
    pub(crate) fn followed(&mut self, step: &Follow, tombstone: Option<Tombstone>, config: &Config) {
        if self.was_destroyed_meanwhile() {
            return;
        }
        let opened = tombstone.and_then(|tombstone| {
            let id = tombstone.sealed.open(&tombstone.to, &step.old)?;
            (config.keys.key_of(&id) == tombstone.to).then_some(id)
        });
        if let State::Overtaken(overtaken) = &mut self.current.state {
            overtaken.way = opened.map_or(Way::Closed, Way::Look);
        }
    }

    /// Takes the answer to [`Step::Recognise`]. If what lives under the new id is the session of the one who logs in here, this
    /// request goes on with it.
    pub(crate) fn recognised(&mut self, step: &Look, lookup: Lookup, config: &Config) {
        if self.was_destroyed_meanwhile() {
            return;
        }
        let State::Overtaken(Overtaken { part, .. }) = &self.current.state else { return };
        let who = self.proven(part).cloned();
        let now = step.access.now;
        if let Lookup::Found(snapshot) = &lookup
            && !config.lifetime.is_over(&snapshot.record, now)
            && who.is_some()
            && snapshot.record.principal == who
        {
            let Lookup::Found(snapshot) = lookup else { return };
            let view = if snapshot.complete { View::of(snapshot) } else { View::partial(snapshot) };
            self.current.state = State::Found(view);
            self.current.adopt(&step.id, step.key, Origin::Joined);
            self.current.pending.renew = false;
            return;
        }
        let State::Overtaken(overtaken) = &mut self.current.state else { return };
        overtaken.way = match lookup {
            Lookup::Found(snapshot) if config.lifetime.is_over(&snapshot.record, now) => Way::Ended,
            Lookup::Found(_) => Way::Closed,
            // Renewed once more.
            Lookup::Renewed(_) => match overtaken.trail.follow(&step.key) {
                Ok(Leads::On) => Way::Follow(step.id.clone()),
                Ok(Leads::InACircle) => Way::Ended,
                Err(_) => Way::Closed,
            },
            Lookup::Absent => Way::Ended,
        };
    }
}
