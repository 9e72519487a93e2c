//! A request whose id another request renewed.
//!
//! The old id is dead, and a client that received the other request's response holds a live one. So this request may
//! not touch the renewed session: anyone who knew the old id would get access to it. Nor may it send an id of its own,
//! which would displace the live one. But the other response may have been lost, as with a second click on "log in":
//!
//! | the request | result |
//! |---|---|
//! | only reads, or only renews | it sees no session, and nothing is stored |
//! | renews and sets a principal: a login | it joins the renewed session if that has the same principal, and sends its id |
//! | sets a principal, and cannot join | a new session from what it wrote, unless it used the old one |
//! | writes otherwise | nothing is stored, and the caller is told |
//! | destroys | the renewed session ends |
//!
//! To join, the request finds the new id in the tombstone of the renewal, sealed with the old one. The application sets
//! a principal after it has checked a password or similar, so merely knowing the old id joins nothing
//! ([R3](crate::design#r3)). A request that read the session when it already had that principal may know the name from
//! there, so it does not join either.
//!
//! A request that used the old session never begins a new one, so that nothing it read there comes back
//! ([S4](crate::design#s4)). Any other writing request begins a new one once that can displace no live id: the renewed
//! session has ended, or 30 seconds have passed (5 for a request that renews).

use std::sync::Arc;

use super::{
    Current, Machine, Origin, Progress, State, Step, View,
    progress::Loses,
    renewal::{OVERLAP, Overtaken, Part, Way},
    step::{Follow, Look},
};
use crate::{
    Error,
    observe::CommitOutcome,
    session::config::Config,
    storage::{Leads, Lookup, Tombstone, Trail},
};

impl Machine {
    /// The principal that logs in here, if that is proof enough to join its session.
    fn proven<'a>(&'a self, part: &Part) -> Option<&'a Arc<str>> {
        let pending = &self.current.pending;
        let who = pending.changes.new_principal()?.as_ref()?;
        (pending.renew && part.proves(who)).then_some(who)
    }

    /// What happens to the changes, by the table above. `Ok(None)` if there is nothing to ask now: the changes are
    /// dropped, or go into a new session.
    pub(super) fn after_overtaking(&mut self, progress: &mut Progress, config: &Config) -> Result<Option<Step>, Error> {
        let Current { state: State::Overtaken(overtaken), pending, .. } = &self.current else { return Ok(None) };
        let Overtaken { at, part, way, .. } = overtaken;
        let may_begin = matches!(part, Part::None) && pending.changes.has_content();
        let (logs_in, is_long_ago) = (pending.changes.logs_in(), overtaken.is_long_ago(self.request.began));
        // A login needs to know whether the session has its principal; a request that could begin a new one, whether it
        // lives.
        if self.proven(part).is_some() || may_begin && !logs_in && !is_long_ago {
            match way {
                Way::Follow(old) => {
                    let (key, now) = (config.keys.key_of(old), config.clock.now());
                    return Ok(Some(Step::Follow(Follow { key, old: old.clone(), now })));
                }
                Way::Look(id) => {
                    let access = config.lifetime.access(config.clock.now(), true);
                    return Ok(Some(Step::Recognise(Look { key: config.keys.key_of(id), id: id.clone(), access })));
                }
                Way::Closed | Way::Ended => {}
            }
        }
        let has_ended = matches!(way, Way::Ended);
        let displaces_nothing = has_ended || is_long_ago || pending.renew && self.request.began >= *at + OVERLAP;
        // Another id that the client presented may have been renewed, too.
        if may_begin
            && (logs_in || has_ended || is_long_ago)
            && let Some((next, at)) = self.presented.next_renewed()
        {
            self.presented.put_back(self.current.held.take().map(|held| held.id));
            self.current.overtake(next, at, Part::None);
            return self.after_overtaking(progress, config);
        }
        let Current { held, state, pending, .. } = &mut self.current;
        if may_begin && (logs_in || displaces_nothing) {
            // A logout must also end the session under the old id.
            self.presented.put_back(held.take().map(|held| held.id));
            (*state, pending.renew) = (State::Absent, false);
            return Ok(None);
        }
        let loses = Loses::of(!pending.changes.is_empty(), pending.renew || logs_in);
        pending.drop_writes();
        if let (State::Overtaken(overtaken), Some(held)) = (state, held) {
            // This may have changed by the next time something is stored.
            (overtaken.way, overtaken.trail) = (Way::Follow(held.id.clone()), Trail::default());
        }
        self.dropped = Some(CommitOutcome::Overtaken);
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

    /// Takes the answer to [`Step::Recognise`]. If the session under the new id has the principal that logs in here,
    /// this request continues with it.
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
            if let Some(id) = self.current_id_of(&snapshot.record, &step.id, &step.key, config) {
                self.current.state = State::Found(View::read(snapshot, Some(&[])));
                self.current.adopt(&id, step.key, Origin::Joined);
                self.current.pending.renew = false;
            } else if let State::Overtaken(overtaken) = &mut self.current.state {
                overtaken.way = Way::Closed;
            }
            return;
        }
        let State::Overtaken(overtaken) = &mut self.current.state else { return };
        overtaken.way = match lookup {
            Lookup::Found(snapshot) if config.lifetime.is_over(&snapshot.record, now) => Way::Ended,
            Lookup::Found(_) => Way::Closed,
            // Renewed again.
            Lookup::Renewed(_) => match overtaken.trail.follow(&step.key) {
                Ok(Leads::On) => Way::Follow(step.id.clone()),
                Ok(Leads::InACycle) => Way::Ended,
                Err(_) => Way::Closed,
            },
            Lookup::Absent => Way::Ended,
        };
    }
}
