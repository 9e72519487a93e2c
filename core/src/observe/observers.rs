//! The observers of a manager, and the log: each event is reported here.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tracing::{Level, level_filters::LevelFilter};

use super::{
    Committed, EndReason, IdRotated, LoggedIn, LoginConfirmed, Observer, RefusalReason, Refused, SessionCreated,
    SessionEnded, SessionRenewed, StorageCalled, StorageSwept, TARGET, TheftSuspected,
};
use crate::{OnReuse, StoreKey, storage::Swept};

/// The observers of a manager. `None` if there are none, so that a request pays for one comparison.
#[derive(Clone, Default)]
pub(crate) struct Observers(Option<Arc<[Arc<dyn Observer>]>>);

impl Observers {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>) -> Self {
        Self((!observers.is_empty()).then(|| observers.into()))
    }

    /// Whether anybody may be told of what is logged at this level: quick, so that a request that nobody observes pays nothing else.
    #[inline]
    pub(crate) fn hear(&self, level: Level) -> bool {
        self.0.is_some() || level <= LevelFilter::current()
    }

    fn tell(&self, tell: impl Fn(&dyn Observer)) {
        self.0.iter().flat_map(|observers| observers.iter()).for_each(|observer| guarded(|| tell(&**observer)));
    }

    pub(crate) fn created(&self, key: StoreKey) {
        tracing::debug!(target: TARGET, ?key, "a session was created");
        self.tell(|observer| observer.session_created(&SessionCreated { key }));
    }

    pub(crate) fn logged_in(&self, key: StoreKey, principal: &str) {
        tracing::info!(target: TARGET, ?key, "a user has logged in");
        self.tell(|observer| observer.logged_in(&LoggedIn { key, principal }));
    }

    pub(crate) fn login_confirmed(&self, key: StoreKey, principal: &str) {
        tracing::info!(target: TARGET, ?key, "a user has confirmed a login");
        self.tell(|observer| observer.login_confirmed(&LoginConfirmed { key, principal }));
    }

    pub(crate) fn renewed(&self, from: StoreKey, to: StoreKey) {
        tracing::debug!(target: TARGET, ?from, ?to, "a session was renewed");
        self.tell(|observer| observer.session_renewed(&SessionRenewed { from, to }));
    }

    pub(crate) fn rotated(&self, key: StoreKey) {
        tracing::debug!(target: TARGET, ?key, "the id of a session was rotated");
        self.tell(|observer| observer.id_rotated(&IdRotated { key }));
    }

    pub(crate) fn ended(&self, key: StoreKey, reason: EndReason) {
        log_end(key, reason);
        self.tell(|observer| observer.session_ended(&SessionEnded { key, reason }));
    }

    pub(crate) fn refused(&self, refused: &Refused) {
        let Refused { key, reason } = refused;
        match reason {
            // The state machine has logged it, with the time of the renewal.
            RefusalReason::Renewed => {}
            RefusalReason::Malformed => tracing::debug!(target: TARGET, "a request presented what cannot be an id"),
            RefusalReason::Unknown => {
                tracing::debug!(target: TARGET, ?key, "a request presented an id that opens nothing");
            }
            RefusalReason::TooManySessions => {
                tracing::info!(target: TARGET, "a login was refused, because its user has too many sessions");
            }
            RefusalReason::NotTakenOver => {
                tracing::debug!(target: TARGET, "a request presented a cookie of another library, which was not taken over");
            }
        }
        self.tell(|observer| observer.refused(refused));
    }

    /// The state machine has logged it.
    pub(crate) fn theft_suspected(&self, key: StoreKey, on_reuse: OnReuse) {
        self.tell(|observer| observer.theft_suspected(&TheftSuspected { key, on_reuse }));
    }

    pub(crate) fn committed(&self, committed: &Committed) {
        let Committed { key, outcome, tries } = committed;
        tracing::trace!(target: TARGET, ?key, outcome = outcome.as_str(), tries, "a commit has ended");
        self.tell(|observer| observer.committed(committed));
    }

    pub(super) fn called(&self, called: &StorageCalled) {
        self.tell(|observer| observer.storage_called(called));
    }

    pub(crate) fn swept(&self, swept: Swept) {
        log_sweep(swept);
        self.tell(|observer| observer.storage_swept(&StorageSwept { swept, is_counted: true }));
    }
}

/// Calls an observer. What it panics with must not cost a session its data, nor a client its answer.
pub(super) fn guarded(call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        tracing::error!(target: TARGET, "an observer of sessions has panicked");
    }
}

/// What a storage or time does is no news; what a person does is.
pub(super) fn log_end(key: StoreKey, reason: EndReason) {
    const ENDED: &str = "a session has ended";
    match reason {
        EndReason::Expired | EndReason::Evicted => {
            tracing::debug!(target: TARGET, ?key, reason = reason.as_str(), "{ENDED}");
        }
        _ => tracing::info!(target: TARGET, ?key, reason = reason.as_str(), "{ENDED}"),
    }
}

pub(super) fn log_sweep(swept: Swept) {
    let Swept { removed, kept, foreign } = swept;
    tracing::debug!(target: TARGET, removed, kept, foreign, "expired sessions were removed");
}
