//! Recording writes. Nothing here waits.

use std::sync::Arc;

use super::{
    config::Config,
    machine::{Machine, Standing},
};
use crate::{
    Error, InvalidId, SessionId,
    record::{Changes, Encoded, Entries},
    storage::Trail,
};

impl Machine {
    pub(crate) fn set(&mut self, key: &str, value: &Encoded, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        config.limits.check_encoded(key, value)?;
        let before = self.changes.edit_of(key);
        self.changes.set(key, Arc::clone(&value.text));
        if let Err(limit) = self.check_total(config) {
            self.changes.restore(key, before);
            return Err(limit.into());
        }
        self.note_write();
        Ok(())
    }

    fn note_write(&mut self) {
        self.used = true;
        self.was_told = false;
    }

    /// Sets all of the entries, or none.
    pub(crate) fn set_many<K: AsRef<str>>(&mut self, entries: &[(K, Encoded)], config: &Config) -> Result<(), Error> {
        let before = self.changes.clone();
        for (key, value) in entries {
            if let Err(error) = self.set(key.as_ref(), value, config) {
                self.changes = before;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Checks the whole session against its limits, as far as it is known; the storage checks again on commit.
    fn check_total(&self, config: &Config) -> Result<(), crate::LimitExceeded> {
        let held = match &self.standing {
            Standing::Found(view) => &view.snapshot.record.entries,
            _ => &Entries::EMPTY,
        };
        // An upper bound is cheap, and nearly always enough.
        let entries = held.len() + self.changes.edit_count();
        let bytes = held.text_bytes() + self.changes.edit_bytes();
        if config.limits.check_total(entries, bytes).is_ok() {
            return Ok(());
        }
        self.changes.apply_to(held, &config.limits).map(drop)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Result<(), Error> {
        self.check_open()?;
        self.note_write();
        self.changes.remove(key);
        Ok(())
    }

    pub(crate) fn clear(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.note_write();
        self.changes.clear();
        Ok(())
    }

    pub(crate) fn set_principal(&mut self, principal: Option<Arc<str>>, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        config.limits.check_principal(principal.as_deref())?;
        self.note_write();
        self.saw_principal |= principal.is_some();
        self.changes.set_principal(principal);
        Ok(())
    }

    pub(crate) fn renew(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.note_write();
        self.renew = true;
        Ok(())
    }

    /// Ends the session, also after the end of the request. What is written afterwards belongs to a new one.
    pub(crate) fn destroy(&mut self, config: &Config) {
        if let Some(why) = self.detached {
            tracing::error!("a session cannot be destroyed: {why}");
            return;
        }
        self.used = true;
        self.withdrawn |= self.presented.anything || self.issued;
        // A move that has happened unnoticed is found from its old key; a create only under its own.
        let created = self.attempt.take().filter(|_| matches!(self.standing, Standing::Absent));
        let key = created.map(|attempt| config.keys.key_of(&attempt.id)).or_else(|| self.key(config));
        // Nobody knows which of what the client presented was meant, or what it will come back with.
        self.doomed.extend(self.presented.take_all().map(|id| config.keys.key_of(&id)));
        self.doomed.extend(key);
        self.trail = Trail::default();
        self.in_flight = None;
        self.destroyed_meanwhile = true;
        self.changes = Changes::default();
        (self.renew, self.joins) = (false, false);
        self.issued = false;
        self.extended_to = None;
        (self.id, self.key, self.id_is_given) = (None, None, false);
        self.standing = Standing::Absent;
    }

    /// Works under an id of the application's choosing, which the storage may know or not.
    pub(crate) fn set_id(&mut self, id: SessionId, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        if self.used {
            return Err(Error::AlreadyUsed);
        }
        if config.parse(id.as_str()).as_ref() != Ok(&id) {
            return Err(InvalidId::Refused.into());
        }
        // What the client holds is not looked at any more; it learns the given id as soon as a session stands under it.
        self.issued = self.id.as_ref() != Some(&id);
        self.presented.pass_all(self.id.take());
        (self.id, self.key, self.id_is_given) = (Some(id), None, true);
        self.standing = Standing::Unknown;
        Ok(())
    }
}
