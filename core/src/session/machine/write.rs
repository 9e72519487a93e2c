//! Recording writes. Nothing here waits.

use std::sync::Arc;

use super::{Current, Elsewhere, Held, Life, Machine, State, Usage};
use crate::{
    Error, InvalidId, LimitExceeded, LoginError, SessionId,
    observe::EndReason,
    record::{
        Encoded, Entries, Lifespan,
        reserved::{LABEL, LOGIN, TAG, is_reserved},
    },
    session::config::Config,
};

impl Machine {
    pub(crate) fn set(&mut self, key: &str, value: &Encoded, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        check_key(key)?;
        config.limits.check_encoded(key, value)?;
        let changes = &mut self.current.pending.changes;
        let before = changes.edit_of(key);
        changes.set_bytes(key, &value.text);
        if let Err(limit) = self.check_total(config) {
            self.current.pending.changes.restore(key, before);
            return Err(limit.into());
        }
        self.note_write();
        Ok(())
    }

    pub(super) fn note_write(&mut self) {
        self.use_as(Usage::Used);
        self.was_told = false;
    }

    /// Sets all of the entries, or none.
    pub(crate) fn set_many<K: AsRef<str>>(&mut self, entries: &[(K, Encoded)], config: &Config) -> Result<(), Error> {
        let before = self.current.pending.changes.clone();
        for (key, value) in entries {
            if let Err(error) = self.set(key.as_ref(), value, config) {
                self.current.pending.changes = before;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Checks the limits of the whole session, as far as it is known. The storage checks again on commit.
    pub(super) fn check_total(&self, config: &Config) -> Result<(), LimitExceeded> {
        let changes = &self.current.pending.changes;
        let held = match &self.current.state {
            State::Found(view) => &view.snapshot.record.entries,
            _ => &Entries::EMPTY,
        };
        // An upper bound is cheap, and nearly always enough.
        let entries = held.len() + changes.edit_count();
        let bytes = held.text_bytes() + changes.edit_bytes();
        if config.limits.check_total(entries, bytes).is_ok() {
            return Ok(());
        }
        changes.apply_to(held, &config.limits).map(drop)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Result<(), Error> {
        self.check_open()?;
        check_key(key)?;
        self.note_write();
        self.current.pending.changes.remove(key);
        Ok(())
    }

    pub(crate) fn clear(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.note_write();
        self.current.pending.changes.clear();
        Ok(())
    }

    pub(crate) fn set_principal(&mut self, principal: Option<Arc<str>>, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        if principal.as_deref() == Some("") {
            return Err(LoginError::EmptyPrincipal.into());
        }
        config.limits.check_principal(principal.as_deref())?;
        self.note_write();
        self.saw_principal |= principal.is_some();
        let changes = &mut self.current.pending.changes;
        // What is kept of a login belongs to that login, and so does the wish to be remembered.
        changes.remove(LOGIN);
        changes.set_lifespan(Lifespan::Managers);
        changes.remove(TAG);
        if principal.is_none() {
            changes.remove(LABEL);
        }
        changes.set_principal(principal);
        Ok(())
    }

    pub(crate) fn renew(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.note_write();
        self.current.pending.renew = true;
        Ok(())
    }

    /// Ends the session, even after the end of the request. Later writes go into a new one.
    pub(crate) fn destroy(&mut self, reason: EndReason, config: &Config) {
        if let Life::Detached(why) = self.life {
            tracing::error!("a session cannot be destroyed: {why}");
            return;
        }
        self.use_as(Usage::Used);
        self.elsewhere.end();
        let session = std::mem::take(&mut self.current);
        let client_holds_id = self.presented.anything || session.held.as_ref().is_some_and(Held::is_news);
        // Which of the presented ids the client meant, or will come back with, is unknown.
        let presented = self.presented.take_all().map(|id| config.keys.key_of(&id));
        self.ending.begin(presented.chain(session.key_to_end(config)), client_holds_id, reason);
    }

    /// Uses an id that the application chooses, whether the storage knows it or not.
    pub(crate) fn set_id(&mut self, id: SessionId, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        if self.was_used() {
            return Err(Error::AlreadyUsed);
        }
        if config.rotation.every.is_some() {
            return Err(Error::IdsRotate);
        }
        if id.has_rotated() || config.parse(id.as_str()).as_ref() != Ok(&id) {
            return Err(InvalidId::Refused.into());
        }
        self.elsewhere = Elsewhere::Nowhere;
        // The client's ids are no longer looked up. It learns the given id once a session is stored under it.
        let Current { held, state, .. } = &mut self.current;
        let client_has_it = held.as_ref().is_some_and(|held| held.id == id && !held.is_news());
        self.presented.pass_all(held.take().map(|held| held.id));
        (*held, *state) = (Some(Held::given(id, client_has_it)), State::Unknown);
        Ok(())
    }
}

/// Refuses the keys of our own entries.
pub(in crate::session) fn check_key(key: &str) -> Result<(), Error> {
    if is_reserved(key.as_bytes()) { Err(Error::ReservedKey { key: key.into() }) } else { Ok(()) }
}
