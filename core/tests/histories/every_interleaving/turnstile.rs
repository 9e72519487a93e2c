//! Lets requests take one step at a time, and watches what each step does.

use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use gsession::{Clock as _, ManualClock, StoreKey, Timestamp};

use super::{
    explorer::Fate,
    lineage::{Data, Lineage, Pending},
    programs::{Action, Who},
};

/// The operation of a request that is none: time passes.
pub(crate) const TIME: &str = "time";

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

/// What a step has changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    Created {
        key: StoreKey,
        now: Timestamp,
    },
    /// What a request has written is stored in the session that was under `from` and is under `to`.
    Stored {
        from: StoreKey,
        to: StoreKey,
        now: Timestamp,
    },
    Ended {
        key: StoreKey,
    },
}

/// A request under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doing {
    pub(crate) presented: Vec<StoreKey>,
    pub(crate) user: Option<Who>,
    /// Under which the request has stored something itself.
    own: Vec<StoreKey>,
    pending: Pending,
    is_closed: bool,
    /// Whether it knows of a session that it has read or stored.
    has_part: bool,
    /// What a logout that was asked for has to end.
    doomed: Vec<StoreKey>,
    pub(crate) stores: u64,
    pub(crate) faults: usize,
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
    doing: Vec<Doing>,
    lineages: Vec<Lineage>,
    /// Rules that were broken on the way.
    broken: Vec<String>,
}

/// Lets requests take one step at a time; clones are the same.
#[derive(Clone)]
pub(crate) struct Turnstile {
    state: Arc<Mutex<State>>,
    clock: ManualClock,
}

impl Turnstile {
    pub(crate) fn new(requests: usize, clock: ManualClock, lineages: Vec<Lineage>) -> Self {
        let (waiting, doing) = (vec![None; requests], vec![Doing::default(); requests]);
        let state = State { waiting, doing, lineages, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on this request is polled.
    pub(crate) fn let_in(request: usize) {
        CURRENT.set(request);
    }

    /// Waits for this request's turn. Each step takes a moment, so that it is known what came before what.
    pub(crate) async fn step(&self, operation: &'static str) -> Fate {
        poll_fn(|_| {
            let (request, mut state) = (CURRENT.get(), self.state());
            match state.granted.take_if(|(granted, _)| *granted == request) {
                Some((_, fate)) => {
                    state.steps.push(Step { request, operation, fate, changed: false });
                    state.doing[request].faults += usize::from(fate != Fate::Done);
                    self.clock.advance(Duration::from_millis(1));
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

    /// At which operation each request stands, of those that stand.
    pub(crate) fn waiting(&self) -> Vec<(usize, &'static str)> {
        self.state().waiting.iter().enumerate().filter_map(|(number, at)| Some((number, (*at)?))).collect()
    }

    pub(crate) fn is_waiting(&self, request: usize) -> bool {
        self.state().waiting[request].is_some()
    }

    /// The request that stands may take its step, or falls over.
    pub(crate) fn grant(&self, request: usize, fate: Fate) {
        let mut state = self.state();
        let operation = state.waiting[request].take().unwrap_or_default();
        if fate == Fate::DroppedBefore {
            state.steps.push(Step { request, operation, fate, changed: false });
        } else {
            state.granted = Some((request, fate));
        }
    }

    /// The step that is being taken has changed something. `lives` says whether there is a session under a key now.
    pub(crate) fn did(&self, deed: Deed, lives: impl Fn(&StoreKey) -> bool) {
        let mut state = self.state();
        let State { steps, lineages, doing, broken, .. } = &mut *state;
        let Some(step) = steps.last_mut() else { return };
        step.changed = true;
        let (request, is_answered) = (step.request, step.fate == Fate::Done);
        let Doing { presented, own, pending, user, is_closed, has_part, stores, .. } = &mut doing[request];
        let mut breaks = |rule: &str| broken.push(format!("{rule} (request {request}: {deed:?})"));
        if *is_closed && !matches!(deed, Deed::Ended { .. }) {
            breaks("S9: a session was stored after its end");
        }
        match deed {
            Deed::Created { key, now } => {
                if presented.iter().any(&lives) {
                    breaks("S6: a session was begun although one lives under an id that was presented");
                }
                if *has_part {
                    breaks("S4: a session was begun by a request that had a part in one that is not its any more");
                }
                let mut data = Data::new();
                pending.store(request, &mut data, is_answered);
                // What was there has expired, or nothing could be begun under its key.
                lineages.retain(|lineage| !lineage.keys.contains(&key));
                lineages.push(Lineage::new(key, data, now));
                own.push(key);
                *stores += 1;
            }
            Deed::Stored { from, to, now } => {
                let place = presented.iter().position(|key| *key == from);
                let hidden = &presented[..place.unwrap_or_default()];
                if !own.contains(&from) && hidden.iter().any(&lives) {
                    breaks("S6: an id was used although a session lives under one that was presented before it");
                }
                let Some(lineage) = lineages.iter_mut().find(|lineage| lineage.keys.contains(&from)) else { return };
                let is_theirs = user.is_some_and(|user| lineage.is_of(user));
                if place.is_none() && !own.contains(&from) && !is_theirs {
                    breaks("R3: a session was stored by a request that had no part in it");
                }
                pending.store(request, &mut lineage.data, is_answered);
                lineage.saw(now);
                if from != to {
                    lineage.keys.push(to);
                }
                own.push(to);
                *stores += 1;
            }
            Deed::Ended { key } => {
                let lineage = lineages.iter_mut().find(|lineage| lineage.keys.contains(&key));
                lineage.into_iter().for_each(|lineage| lineage.is_ended = true);
            }
        }
        *has_part |= is_answered && !matches!(deed, Deed::Ended { .. });
    }

    /// The step that is being taken has found a session.
    pub(crate) fn found(&self, key: &StoreKey) {
        let mut state = self.state();
        let Some(&Step { request, fate: Fate::Done, .. }) = state.steps.last() else { return };
        let doing = &mut state.doing[request];
        doing.has_part |= doing.presented.contains(key);
    }

    /// A request is sent.
    pub(crate) fn begins(&self, request: usize, presented: Vec<StoreKey>, user: Option<Who>) {
        self.state().doing[request] = Doing { presented, user, ..Doing::default() };
    }

    /// A request does something.
    pub(crate) fn note(&self, request: usize, action: Action) {
        let mut state = self.state();
        let Doing { presented, own, doomed, pending, has_part, .. } = &mut state.doing[request];
        pending.note(action);
        if action == Action::Destroy {
            *has_part = false;
            *doomed = [presented.as_slice(), own.as_slice()].concat();
        }
    }

    pub(crate) fn with_pending(&self, request: usize, change: impl FnOnce(&mut Pending)) {
        change(&mut self.state().doing[request].pending);
    }

    pub(crate) fn closes(&self, request: usize) -> Doing {
        let doing = &mut self.state().doing[request];
        doing.is_closed = true;
        doing.clone()
    }

    /// A request was told that its logout is done.
    pub(crate) fn has_destroyed(&self, request: usize) {
        let now = self.clock.now();
        let mut state = self.state();
        let doomed = std::mem::take(&mut state.doing[request].doomed);
        let survivor = state
            .lineages
            .iter()
            .find(|lineage| lineage.lives(now) && lineage.keys.iter().any(|key| doomed.contains(key)));
        if let Some(survivor) = survivor {
            let why =
                format!("S4: a logout of request {request} was acknowledged, and this lives: {:?}", survivor.data);
            state.broken.push(why);
        }
    }

    /// The keys of the sessions of a user that live now, under which each began.
    pub(crate) fn living_of(&self, who: Who) -> Vec<StoreKey> {
        let now = self.clock.now();
        let state = self.state();
        let hers = state.lineages.iter().filter(|lineage| lineage.lives(now) && lineage.is_of(who));
        hers.filter_map(|lineage| lineage.keys.first().copied()).collect()
    }

    /// It was acknowledged that these sessions, which lived when that began, are ended.
    pub(crate) fn has_expelled(&self, request: usize, theirs: &[StoreKey]) {
        let now = self.clock.now();
        let mut state = self.state();
        let survivor = state
            .lineages
            .iter()
            .find(|lineage| lineage.lives(now) && lineage.keys.first().is_some_and(|key| theirs.contains(key)));
        if let Some(survivor) = survivor {
            let why = format!("S4: all sessions of a user were ended, and this lives: {:?} ({request})", survivor.data);
            state.broken.push(why);
        }
    }

    pub(crate) fn lineages(&self) -> Vec<Lineage> {
        self.state().lineages.clone()
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.state().steps.clone()
    }

    pub(crate) fn broken(&self) -> Option<String> {
        self.state().broken.first().cloned()
    }
}
