//! Answers reads from what is known, or says what to load first.

use std::sync::Arc;

use super::{
    Life, Machine, State, Usage, View,
    rotation::NotCurrent,
    step::{Need, Write},
};
use crate::{
    Error,
    observe::Refused,
    record::{Entries, JsonText},
    session::{config::Config, info::SessionInfo},
    storage::{Access, Lookup},
};

/// What a read has shown of the client's id.
pub(crate) enum Loaded {
    /// Nothing that is to be reported.
    Known,
    /// It opens nothing.
    Refused(Refused),
    /// It seems to be one from before a rotation. This has to be asked.
    Suspicious(Box<Write>),
}

impl Loaded {
    fn of(refused: Option<Refused>) -> Self {
        refused.map_or(Self::Known, Self::Refused)
    }
}

impl Machine {
    /// Notes that the entries `names` are read (`None`: all of them, and the metadata). Returns what to load for that,
    /// if anything.
    pub(crate) fn want(&mut self, names: Option<&[&str]>, config: &Config) -> Result<Option<Need>, Error> {
        if let Life::Detached(why) = self.life {
            return Err(Error::Detached(why));
        }
        self.use_as(Usage::Read);
        if self.knows(names) {
            return Ok(None);
        }
        Ok(self.need(config))
    }

    /// What to load of the session.
    pub(super) fn need(&mut self, config: &Config) -> Option<Need> {
        let access = self.access(config);
        let checks_id = matches!(self.current.state, State::Unknown) && self.checks_id(config);
        self.current.key(config).map(|key| Need { key, access, checks_id })
    }

    /// Whether the entries `names`, or all of them and the metadata, are known, so that nothing needs to be loaded.
    pub(crate) fn knows(&self, names: Option<&[&str]>) -> bool {
        match &self.current.state {
            State::Unknown | State::Written => false,
            State::Absent | State::Overtaken(_) | State::Lost => true,
            State::Found(view) => match names {
                None => view.names.is_none(),
                Some(names) => names.iter().all(|name| view.knows(name) || self.written(name).is_some()),
            },
        }
    }

    /// An access by this request, now.
    pub(super) fn access(&self, config: &Config) -> Access {
        config.lifetime.access(config.clock.now(), self.request.is_passive)
    }

    /// Takes the storage's answer to a [`Need`] of the entries `names`, or of all.
    pub(crate) fn loaded(&mut self, lookup: Lookup, names: Option<&[&str]>, need: &Need, config: &Config) -> Loaded {
        if self.current.known_key() != Some(need.key) {
            // The session was destroyed, or got a new id, while it was being read.
            return Loaded::Known;
        }
        if let Lookup::Found(snapshot) = &lookup
            && need.checks_id
            && !need.access.has_ended(&snapshot.record, snapshot.record.last_seen)
            && let Err(why) = self.check_id(&snapshot.record, need, config)
        {
            return match why {
                NotCurrent::Unknown => Loaded::of(self.pass_over(None)),
                NotCurrent::Outlasted => {
                    self.lose();
                    Loaded::Known
                }
                NotCurrent::Reused(issue) => Loaded::Suspicious(Self::suspicion(issue, need)),
            };
        }
        match (lookup, &mut self.current.state) {
            // A storage may answer by the stored deadlines alone, although the settings have become stricter since.
            (Lookup::Found(snapshot), state) if !need.access.has_ended(&snapshot.record, snapshot.record.last_seen) => {
                self.saw_principal |= snapshot.record.principal.is_some();
                self.current.is_remembered = snapshot.record.is_remembered;
                let extended = snapshot.extended;
                #[cfg(feature = "import")]
                let expires_at = snapshot.record.expires_at();
                if extended {
                    self.current.expires_at = Some(snapshot.record.expires_at());
                }
                match state {
                    State::Found(view) => view.add(snapshot, names),
                    _ => *state = State::Found(View::read(snapshot, names)),
                }
                #[cfg(feature = "import")]
                self.note_taken_over(expires_at);
                if extended {
                    self.note_tag_use(&need.access);
                }
            }
            // Another request has renewed or ended the session since this one used it.
            (Lookup::Renewed(at), State::Found(_) | State::Written) => self.lose_to_renewal(at),
            (Lookup::Absent | Lookup::Found(_), State::Found(_) | State::Written) => self.lose(),
            (Lookup::Renewed(at), _) => return Loaded::of(self.pass_over(Some(at))),
            (Lookup::Absent | Lookup::Found(_), _) => return Loaded::of(self.pass_over(None)),
        }
        Loaded::Known
    }

    /// What this request wrote under `key`; `None` if nothing.
    fn written(&self, key: &str) -> Option<Option<JsonText>> {
        let pending = &self.current.pending;
        pending.changes.get(key).or_else(|| pending.in_flight.as_ref().and_then(|changes| changes.get(key)))
    }

    /// The value under `key`, after [`want`](Self::want).
    pub(crate) fn value(&self, key: &str) -> Option<JsonText> {
        match self.written(key) {
            Some(written) => written,
            None => match &self.current.state {
                State::Found(view) => view.snapshot.record.entries.get(key),
                _ => None,
            },
        }
    }

    /// All entries of the application as this request sees them, after [`want`](Self::want) of all.
    pub(crate) fn entries(&self, config: &Config) -> Result<Entries, Error> {
        let mut entries = match &self.current.state {
            State::Found(view) => view.snapshot.record.entries.clone(),
            _ => Entries::EMPTY,
        };
        let pending = &self.current.pending;
        for changes in pending.in_flight.as_deref().into_iter().chain([&pending.changes]) {
            entries = changes.apply_to(&entries, &config.limits)?;
        }
        Ok(entries.without_reserved())
    }

    /// The session's metadata, after [`want`](Self::want) of all; `None` if the storage has no session.
    pub(crate) fn info(&self) -> Option<SessionInfo> {
        match &self.current.state {
            State::Found(view) => {
                let record = &view.snapshot.record;
                Some(SessionInfo::new(record, self.principal(), self.label(), self.tag(), self.login()))
            }
            _ => None,
        }
    }

    /// The session's principal, after [`want`](Self::want) of all.
    pub(crate) fn principal(&self) -> Option<Arc<str>> {
        match (self.current.pending.new_principal(), &self.current.state) {
            (Some(principal), _) => principal.clone(),
            (None, State::Found(view)) => view.snapshot.record.principal.clone(),
            (None, _) => None,
        }
    }

    /// Warns of a damaged entry. Only once: a request may read several, and each one often.
    pub(crate) fn report_damage(&mut self, entry: &str) {
        let key = self.current.known_key();
        let State::Found(view) = &mut self.current.state else { return };
        if !std::mem::replace(&mut view.damage_reported, true) {
            tracing::warn!(?key, entry, "a session entry in the storage is not JSON; it counts as absent");
        }
    }
}
