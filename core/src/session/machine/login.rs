//! Recording a login.

use std::sync::Arc;

use super::{Machine, State};
use crate::{
    Changes, Error, Record,
    record::{
        Encoded, Expect, Lifespan,
        reserved::{LABEL, LOGIN, LoginFacts, TAG, text_of},
    },
    session::{config::Config, login::Login},
};

impl Machine {
    /// Whether a login can be recorded now.
    pub(crate) fn check_login(&self, login: &Login, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        Ok(config.limits.check_principal(Some(&login.principal))?)
    }

    /// The session is renewed, becomes this principal's and lives for `lifespan`. `facts` are the encoded facts, `label` is the encoded
    /// label, and `tag` the encoded tag.
    pub(crate) fn log_in(
        &mut self,
        login: &Login,
        facts: &Encoded,
        label: Option<&Encoded>,
        tag: Option<&Encoded>,
        lifespan: Lifespan,
        config: &Config,
    ) -> Result<(), Error> {
        self.check_login(login, config)?;
        let pending = &self.current.pending;
        let before = (pending.changes.clone(), pending.renew);
        (self.current.pending.renew, self.current.pending.confirms) = (true, None);
        let changes = &mut self.current.pending.changes;
        changes.set_principal(Some((&*login.principal).into()));
        // Without having read the session: what an earlier login has set must not stay.
        changes.set_lifespan(lifespan);
        changes.set_bytes(LOGIN, &facts.text);
        for (key, value) in [(LABEL, label), (TAG, tag)] {
            match value {
                Some(value) => changes.set_bytes(key, &value.text),
                None => changes.remove(key),
            }
        }
        self.bound_login(before, config)
    }

    /// The session is renewed, and its login is that of these encoded facts. Everything else about it stays, after [`want`](Self::want) of
    /// all.
    pub(crate) fn confirm_login(&mut self, facts: &Encoded, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        let (State::Found(view), Some(principal)) = (&self.current.state, self.principal()) else {
            return Err(Error::Gone);
        };
        // Another request may log the user out of the session, or somebody else in, without a new id.
        let stored = view.snapshot.record.entries.get(LOGIN);
        let confirms = Some(Expect { key: LOGIN.into(), json: stored });
        let Record { is_remembered, idle_timeout, absolute_deadline, .. } = view.snapshot.record;
        let pending = &self.current.pending;
        let before = (pending.changes.clone(), pending.renew);
        let lifespan = pending.changes.lifespan().unwrap_or(match absolute_deadline {
            Some(until) if is_remembered => Lifespan::Own { idle_timeout, until },
            _ => Lifespan::Managers,
        });
        (self.current.pending.renew, self.current.pending.confirms) = (true, confirms);
        let changes = &mut self.current.pending.changes;
        changes.set_principal(Some(principal));
        changes.set_lifespan(lifespan);
        changes.set_bytes(LOGIN, &facts.text);
        self.bound_login(before, config)
    }

    /// Takes back the login that was just recorded if it makes the session too large.
    fn bound_login(&mut self, before: (Changes, bool), config: &Config) -> Result<(), Error> {
        if let Err(limit) = self.check_total(config) {
            (self.current.pending.changes, self.current.pending.renew) = before;
            self.current.pending.confirms = None;
            return Err(limit.into());
        }
        self.note_write();
        self.saw_principal = true;
        Ok(())
    }

    /// Takes a login that could not be stored out of what is to be stored. Other writes stay, and so does an attempt that may have
    /// succeeded unnoticed.
    pub(crate) fn withdraw_login(&mut self) {
        let pending = &mut self.current.pending;
        pending.settle();
        pending.changes.withdraw_login();
        (pending.renew, pending.confirms) = (false, None);
    }

    /// Sets the label; `None` removes it.
    pub(crate) fn set_label(&mut self, label: Option<&Encoded>, config: &Config) -> Result<(), Error> {
        self.check_open()?;
        let changes = &mut self.current.pending.changes;
        let before = changes.edit_of(LABEL);
        match label {
            Some(label) => changes.set_bytes(LABEL, &label.text),
            None => changes.remove(LABEL),
        }
        if let Err(limit) = self.check_total(config) {
            self.current.pending.changes.restore(LABEL, before);
            return Err(limit.into());
        }
        self.note_write();
        Ok(())
    }

    /// What is kept of the login, after [`want`](Self::want) of it; `None` if the session is nobody's.
    pub(crate) fn login(&self) -> Option<LoginFacts> {
        self.principal()?;
        LoginFacts::of(self.value(LOGIN)?.as_str())
    }

    /// The label, likewise.
    pub(super) fn label(&self) -> Option<Arc<str>> {
        text_of(self.value(LABEL)?.as_str())
    }

    /// The tag, likewise.
    pub(super) fn tag(&self) -> Option<Arc<str>> {
        text_of(self.value(TAG)?.as_str())
    }
}
