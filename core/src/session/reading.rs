//! Answering reads from what is known, or saying what has to be read first.

use std::sync::Arc;

use super::{
    config::Config,
    delivery::SessionInfo,
    machine::{Machine, Standing},
};
use crate::{
    Error, StoreKey, Timestamp,
    record::{Entries, JsonText},
    storage::{Access, Lookup},
};

/// What has to be read from the storage.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) key: StoreKey,
    pub(crate) access: Access,
}

impl Machine {
    fn check_attached(&self) -> Result<(), Error> {
        self.detached.map_or(Ok(()), |why| Err(Error::Detached(why)))
    }

    /// Notes that the entries `names` are read (`None`: all of them, and the facts about the session), and says whether the
    /// storage has to be asked for them.
    pub(crate) fn want(
        &mut self,
        names: Option<&[&str]>,
        now: Timestamp,
        config: &Config,
    ) -> Result<Option<Need>, Error> {
        self.check_attached()?;
        self.used = true;
        self.read = true;
        let known = match &self.standing {
            Standing::Unknown | Standing::Written => false,
            Standing::Absent | Standing::Overtaken(_) | Standing::Lost => true,
            Standing::Found(view) => match names {
                None => view.names.is_none(),
                Some(names) => names.iter().all(|name| view.knows(name) || self.written(name).is_some()),
            },
        };
        if known {
            return Ok(None);
        }
        let access = config.lifetime.access(now, self.passive);
        Ok(self.key(config).map(|key| Need { key, access }))
    }

    /// Takes what the storage answered to a [`Need`].
    pub(crate) fn loaded(&mut self, lookup: Lookup, names: Option<&[&str]>, need: &Need, config: &Config) {
        if self.key != Some(need.key) {
            // The session was destroyed, or got a new id, while its old place was being read.
            return;
        }
        let lookup = match lookup {
            Lookup::Found(snapshot) if config.lifetime.is_over(&snapshot.record, need.access.now) => Lookup::Absent,
            lookup => lookup,
        };
        if let Lookup::Found(snapshot) = &lookup
            && snapshot.extended
        {
            self.extended_to = Some(snapshot.record.expires_at());
        }
        let complete = matches!(&lookup, Lookup::Found(snapshot) if snapshot.complete);
        self.found(lookup, names);
        if let Standing::Found(view) = &mut self.standing {
            // Who asks for all is given all: a storage that leaves some out has no more.
            if complete || names.is_none() {
                view.names = None;
            } else if let (Some(known), Some(names)) = (&mut view.names, names) {
                known.extend(names.iter().map(|&name| name.into()));
            }
        }
    }

    /// What this request has written under `key`: `None` if nothing.
    fn written(&self, key: &str) -> Option<Option<Arc<str>>> {
        self.changes.get(key).or_else(|| self.in_flight.as_ref().and_then(|changes| changes.get(key)))
    }

    /// The value under `key`, after [`want`](Self::want).
    pub(crate) fn value(&self, key: &str) -> Option<JsonText> {
        match self.written(key) {
            Some(written) => written.map(JsonText::written),
            None => match &self.standing {
                Standing::Found(view) => view.snapshot.record.entries.get(key),
                _ => None,
            },
        }
    }

    /// All entries as this request sees them, after [`want`](Self::want) of all.
    pub(crate) fn entries(&self, config: &Config) -> Result<Entries, Error> {
        let mut entries = match &self.standing {
            Standing::Found(view) => view.snapshot.record.entries.clone(),
            _ => Entries::EMPTY,
        };
        for changes in self.in_flight.as_deref().into_iter().chain([&self.changes]) {
            entries = changes.apply_to(&entries, &config.limits)?;
        }
        Ok(entries)
    }

    /// The facts about the session, after [`want`](Self::want) of all; `None` if there is none in the storage.
    pub(crate) fn info(&self) -> Option<SessionInfo> {
        match &self.standing {
            Standing::Found(view) => {
                let mut info = SessionInfo::of(&view.snapshot.record);
                if let Some(principal) = self.changes.new_principal() {
                    info.principal.clone_from(principal);
                }
                Some(info)
            }
            _ => None,
        }
    }

    /// Whether somebody is or was logged in, as far as this request knows; `true` if it has not looked.
    pub(crate) fn may_be_logged_in(&self) -> bool {
        self.saw_principal || matches!(self.standing, Standing::Unknown | Standing::Written)
    }

    /// Whose session this is, after [`want`](Self::want) of all.
    pub(crate) fn principal(&self) -> Option<Arc<str>> {
        match (self.changes.new_principal(), &self.standing) {
            (Some(principal), _) => principal.clone(),
            (None, Standing::Found(view)) => view.snapshot.record.principal.clone(),
            (None, _) => None,
        }
    }
}
