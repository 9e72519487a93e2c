//! An observer that keeps what it is told.

use std::sync::Mutex;

use gsession::{
    OnReuse, StoreKey,
    observe::{
        CallOutcome, CommitOutcome, Committed, EndReason, IdRotated, LoggedIn, LoginConfirmed, NearCacheRead, Observer,
        Operation, RefusalReason, Refused, SessionCreated, SessionEnded, SessionRenewed, StorageCalled, StorageSwept,
        TheftSuspected,
    },
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Created(StoreKey),
    LoggedIn(StoreKey, String),
    LoginConfirmed(StoreKey, String),
    Renewed(StoreKey, StoreKey),
    Rotated(StoreKey),
    Ended(StoreKey, EndReason),
    Refused(Option<StoreKey>, RefusalReason),
    Theft(StoreKey, OnReuse),
    Committed(Option<StoreKey>, CommitOutcome, u32),
    Swept { removed: u64 },
    NearCache(StoreKey, bool),
}

#[derive(Default)]
pub(crate) struct Recorder {
    told: Mutex<Vec<Told>>,
    calls: Mutex<Vec<(Operation, Option<StoreKey>, CallOutcome)>>,
}

impl Recorder {
    fn note(&self, told: Told) {
        self.told.lock().unwrap().push(told);
    }

    /// What was told since the last time.
    pub(crate) fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    /// The calls since the last time.
    pub(crate) fn take_calls(&self) -> Vec<(Operation, Option<StoreKey>, CallOutcome)> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

impl Observer for Recorder {
    fn session_created(&self, event: &SessionCreated) {
        self.note(Told::Created(event.key));
    }

    fn logged_in(&self, event: &LoggedIn<'_>) {
        self.note(Told::LoggedIn(event.key, event.principal.to_owned()));
    }

    fn login_confirmed(&self, event: &LoginConfirmed<'_>) {
        self.note(Told::LoginConfirmed(event.key, event.principal.to_owned()));
    }

    fn session_renewed(&self, event: &SessionRenewed) {
        self.note(Told::Renewed(event.from, event.to));
    }

    fn id_rotated(&self, event: &IdRotated) {
        self.note(Told::Rotated(event.key));
    }

    fn session_ended(&self, event: &SessionEnded) {
        self.note(Told::Ended(event.key, event.reason));
    }

    fn refused(&self, event: &Refused) {
        self.note(Told::Refused(event.key, event.reason));
    }

    fn theft_suspected(&self, event: &TheftSuspected) {
        self.note(Told::Theft(event.key, event.on_reuse));
    }

    fn committed(&self, event: &Committed) {
        self.note(Told::Committed(event.key, event.outcome, event.tries));
    }

    fn storage_called(&self, event: &StorageCalled) {
        self.calls.lock().unwrap().push((event.operation, event.key, event.outcome));
    }

    fn storage_swept(&self, event: &StorageSwept) {
        self.note(Told::Swept { removed: event.swept.removed });
    }

    fn near_cache_read(&self, event: &NearCacheRead) {
        self.note(Told::NearCache(event.key, event.is_hit));
    }
}
