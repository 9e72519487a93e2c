//! Goes through every order in which the storage operations of several requests can happen.

use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use gsession::{
    AsyncStorage, KeyScheme, Record, Storage, StorageError, StorageErrorKind, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Found, Lookup, Moved, Removed, Swept, Touched},
};

use crate::{
    expected::{Data, Expected},
    programs::Action,
};

/// What becomes of an operation, and of the request that waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done and answered.
    Done,
    /// The storage fails before it does anything.
    FailsBefore,
    /// It is done, and the answer is lost.
    FailsAfter,
    /// The request is dropped before.
    DroppedBefore,
    /// It is done, and the request is dropped.
    DroppedAfter,
}

/// The operation of a request that is none: time passes.
pub(crate) const TIME: &str = "time";

const FAULTS: [Fate; 4] = [Fate::FailsBefore, Fate::FailsAfter, Fate::DroppedBefore, Fate::DroppedAfter];

/// One step of a schedule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) request: usize,
    pub(crate) operation: &'static str,
    pub(crate) fate: Fate,
    /// Whether it changed something.
    pub(crate) changed: bool,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, operation, fate, changed } = self;
        write!(
            f,
            "request {request}: {operation}, {fate:?}{}",
            if *changed { ", and it changes something" } else { "" }
        )
    }
}

thread_local! {
    /// The request that is being polled.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

#[derive(Default)]
struct State {
    /// At which operation each request stands.
    waiting: Vec<Option<&'static str>>,
    /// Which request may take its step now, and what becomes of it.
    granted: Option<(usize, Fate)>,
    steps: Vec<Step>,
    /// The keys of the session that all requests began with.
    keys: Vec<StoreKey>,
    expected: Expected,
}

/// Lets requests take one step at a time; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Turnstile(Arc<Mutex<State>>);

impl Turnstile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this request's turn.
    pub(crate) async fn step(&self, operation: &'static str) -> Fate {
        poll_fn(|_| {
            let (request, mut state) = (CURRENT.get(), self.state());
            match state.granted.take_if(|(granted, _)| *granted == request) {
                Some((_, fate)) => {
                    state.steps.push(Step { request, operation, fate, changed: false });
                    Poll::Ready(fate)
                }
                None => {
                    state.waiting[request] = Some(operation);
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The step that is being taken has changed something: what a request has written is stored under `key`, where a session
    /// was before, or is now.
    fn changed(&self, stored: Option<(StoreKey, StoreKey)>) {
        let mut state = self.state();
        let State { steps, expected, keys, .. } = &mut *state;
        let Some(step) = steps.last_mut() else { return };
        step.changed = true;
        if let Some((from, to)) = stored
            && keys.contains(&from)
        {
            expected.store(step.request, step.fate == Fate::Done);
            keys.push(to);
        }
    }

    /// A request has done something that is not stored yet.
    pub(crate) fn pend(&self, request: usize, action: Action) {
        self.state().expected.pend(request, action);
    }

    pub(crate) fn expected(&self) -> Data {
        self.state().expected.data().clone()
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.state().steps.clone()
    }

    /// An operation in its turn. `changes` says of an answer whether it has changed something, and `stored` from which key to
    /// which that was.
    async fn through<T>(
        &self,
        operation: &'static str,
        stored: Option<(StoreKey, StoreKey)>,
        run: impl FnOnce() -> Result<T, StorageError>,
        changes: impl FnOnce(&T) -> bool,
    ) -> Result<T, StorageError> {
        let failed = || Err(StorageError::new(StorageErrorKind::Unavailable, operation));
        let fate = self.step(operation).await;
        if fate == Fate::FailsBefore {
            return failed();
        }
        let answer = run()?;
        if changes(&answer) {
            self.changed(stored);
        }
        match fate {
            Fate::FailsAfter => failed(),
            // The explorer drops it now.
            Fate::DroppedAfter => std::future::pending().await,
            _ => Ok(answer),
        }
    }
}

/// A storage each of whose operations waits for its turn.
pub(crate) struct Stepping<S> {
    pub(crate) storage: Arc<S>,
    pub(crate) turnstile: Turnstile,
}

impl<S: Storage> AsyncStorage for Stepping<S> {
    async fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.turnstile.through("load", None, || self.storage.load(key, access), |_| false).await
    }

    async fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        let create = || self.storage.create(key, record, now);
        self.turnstile.through("create", None, create, |created| *created == Created::Done).await
    }

    async fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        let run = || self.storage.commit(key, commit);
        self.turnstile
            .through("commit", Some((*key, *key)), run, |committed| matches!(committed, Committed::Done { .. }))
            .await
    }

    async fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        self.turnstile.through("touch", None, || self.storage.touch(key, access), |_| false).await
    }

    async fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        let run = || self.storage.move_to(from, to, commit);
        self.turnstile.through("move", Some((*from, *to)), run, |moved| matches!(moved, Moved::Done { .. })).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.turnstile.through("remove", None, || self.storage.remove(key), |removed| *removed == Removed::Done).await
    }

    async fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.turnstile.through("find", None, || self.storage.find(principal, now), |_| false).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.storage.sweep(now)
    }

    fn key_scheme(&self) -> KeyScheme {
        self.storage.key_scheme()
    }
}

/// What was chosen at each step, of how many.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choices {
    made: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    pub(crate) fn replay(made: &[usize]) -> Self {
        Self { made: made.iter().map(|&choice| (choice, usize::MAX)).collect(), at: 0 }
    }

    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.made.len() {
            self.made.push((0, of));
        }
        self.at += 1;
        self.made[self.at - 1].0
    }

    /// Goes over to the next schedule. `false` if there is none.
    pub(crate) fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, of)) = self.made.pop() {
            if choice + 1 < of {
                self.made.push((choice + 1, of));
                return true;
            }
        }
        false
    }

    pub(crate) fn made(&self) -> Vec<usize> {
        self.made.iter().map(|(choice, _)| *choice).collect()
    }
}

/// Requests, as far as the explorer is concerned.
pub(crate) type Request<T> = Pin<Box<dyn Future<Output = T>>>;

/// Runs requests in the order that is chosen, with at most so many faults. Gives back what came of each in the order in which
/// they ended; those that were dropped are not among them.
pub(crate) fn run<T>(
    turnstile: &Turnstile,
    first: StoreKey,
    requests: Vec<Request<T>>,
    mut faults: usize,
    choices: &mut Choices,
) -> Vec<(usize, T)> {
    let mut requests: Vec<Option<Request<T>>> = requests.into_iter().map(Some).collect();
    turnstile.state().waiting = vec![None; requests.len()];
    turnstile.state().expected = Expected::new(requests.len());
    turnstile.state().keys = vec![first];
    let mut ended = Vec::new();
    loop {
        for (number, place) in requests.iter_mut().enumerate() {
            let Some(request) = place else { continue };
            if turnstile.state().waiting[number].is_some() {
                continue;
            }
            CURRENT.set(number);
            if let Poll::Ready(outcome) = request.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                ended.push((number, outcome));
                *place = None;
            }
        }
        let waiting: Vec<(usize, &str)> =
            turnstile.state().waiting.iter().enumerate().filter_map(|(number, at)| Some((number, (*at)?))).collect();
        if waiting.is_empty() {
            return ended;
        }
        let mut options: Vec<(usize, Fate)> = waiting.iter().map(|&(number, _)| (number, Fate::Done)).collect();
        if faults > 0 {
            // Time does not fail.
            let failing = waiting.iter().filter(|(_, operation)| *operation != TIME);
            options.extend(failing.flat_map(|&(number, _)| FAULTS.map(|fate| (number, fate))));
        }
        let (number, fate) = options[choices.choose(options.len())];
        faults -= usize::from(fate != Fate::Done);
        let operation = turnstile.state().waiting[number].take();
        if fate == Fate::DroppedBefore {
            requests[number] = None;
            let operation = operation.unwrap_or_default();
            turnstile.state().steps.push(Step { request: number, operation, fate, changed: false });
            continue;
        }
        turnstile.state().granted = Some((number, fate));
        if fate == Fate::DroppedAfter
            && let Some(request) = &mut requests[number]
        {
            CURRENT.set(number);
            // It takes its step and stands still.
            let polled = request.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending(), "a request went on after it was dropped");
            requests[number] = None;
        }
    }
}
