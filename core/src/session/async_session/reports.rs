//! Reporting what the storage has confirmed ([S19](crate::design#s19)).
//!
//! Always after the machine has taken the answer, and without its lock: an observer must not come between a session and its data.

use tracing::Level;

use super::Shared;
use crate::{
    StoreKey,
    observe::{CommitOutcome, Committed, EndReason, Refused},
    record::Changes,
    session::machine::{Create, Looked, Move, Rotate, Write},
    storage::{Created, Moved},
};

impl Shared {
    /// `None` if this has not ended the session.
    pub(super) fn report_end(&self, key: StoreKey, ended: Option<EndReason>) {
        if let Some(reason) = ended {
            self.observers().ended(key, reason);
        }
    }

    pub(super) fn report_create(&self, step: &Create, created: Created) {
        if created == Created::Done {
            self.observers().created(step.key);
            if let Some(principal) = &step.record.principal {
                self.observers().logged_in(step.key, principal);
            }
        }
    }

    #[inline]
    pub(super) fn report_commit(&self, step: &Write, is_stored: bool, refused: Option<Refused>) {
        if is_stored && self.observers().hear(Level::INFO) {
            self.report_stored(step);
        }
        self.report_refusal(refused);
    }

    #[cold]
    fn report_stored(&self, step: &Write) {
        self.report_committed(Some(step.key), CommitOutcome::Stored, 1);
        self.report_login(step.key, &step.commit.changes);
    }

    pub(super) fn report_move(&self, step: &Move, moved: Moved, refused: Option<Refused>) {
        if matches!(moved, Moved::Done { .. }) {
            self.observers().renewed(step.from, step.to);
            match (&step.commit.expect, step.commit.changes.new_principal()) {
                // Only a confirmation depends on the login before it.
                (Some(_), Some(Some(principal))) => self.observers().login_confirmed(step.to, principal),
                _ => self.report_login(step.to, &step.commit.changes),
            }
        }
        self.report_refusal(refused);
    }

    pub(super) fn report_rotation(&self, step: &Rotate, is_stored: bool) {
        if is_stored && step.gives_id() {
            self.observers().rotated(step.write.key);
        }
    }

    /// An attempt whose answer was lost. What it was to store is still stored by a commit, which reports a login.
    pub(super) fn report_attempt(&self, key: StoreKey, looked: Looked) {
        match looked {
            Looked::Nothing => {}
            Looked::Created => self.observers().created(key),
            Looked::Renewed { from } => self.observers().renewed(from, key),
            Looked::Refused(refused) => self.observers().refused(&refused),
        }
    }

    #[inline]
    pub(super) fn report_dropped(&self, dropped: Option<CommitOutcome>) {
        if let Some(outcome) = dropped {
            self.report_decided(outcome, 1);
        }
    }

    /// Changes that are decided, after so many tries.
    #[cold]
    pub(super) fn report_decided(&self, outcome: CommitOutcome, tries: u32) {
        let key = self.machine.lock().key(&self.config);
        self.report_committed(key, outcome, tries);
    }

    fn report_committed(&self, key: Option<StoreKey>, outcome: CommitOutcome, tries: u32) {
        self.observers().committed(&Committed { key, outcome, tries });
    }

    fn report_login(&self, key: StoreKey, changes: &Changes) {
        if let Some(Some(principal)) = changes.new_principal() {
            self.observers().logged_in(key, principal);
        }
    }

    #[inline]
    fn report_refusal(&self, refused: Option<Refused>) {
        if let Some(refused) = refused {
            self.observers().refused(&refused);
        }
    }
}
