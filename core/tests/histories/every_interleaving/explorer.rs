//! Goes through every order in which the storage operations of several requests can happen.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::turnstile::{TIME, Turnstile};

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

const FAULTS: [Fate; 4] = [Fate::FailsBefore, Fate::FailsAfter, Fate::DroppedBefore, Fate::DroppedAfter];

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

    pub(crate) fn choose(&mut self, of: usize) -> usize {
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
pub(crate) type Request = Pin<Box<dyn Future<Output = ()>>>;

/// Runs requests in the order that is chosen, with at most so many faults.
pub(crate) fn run(turnstile: &Turnstile, requests: Vec<Request>, mut faults: usize, choices: &mut Choices) {
    let mut requests: Vec<Option<Request>> = requests.into_iter().map(Some).collect();
    let poll = |number: usize, request: &mut Request| {
        Turnstile::let_in(number);
        request.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    };
    loop {
        for (number, place) in requests.iter_mut().enumerate() {
            let Some(request) = place else { continue };
            if !turnstile.is_waiting(number) && poll(number, request) == Poll::Ready(()) {
                *place = None;
            }
        }
        let waiting = turnstile.waiting();
        if waiting.is_empty() {
            return;
        }
        let mut options: Vec<(usize, Fate)> = waiting.iter().map(|&(number, _)| (number, Fate::Done)).collect();
        if faults > 0 {
            // Time does not fail.
            let failing = waiting.iter().filter(|(_, operation)| *operation != TIME);
            options.extend(failing.flat_map(|&(number, _)| FAULTS.map(|fate| (number, fate))));
        }
        let (number, fate) = options[choices.choose(options.len())];
        faults -= usize::from(fate != Fate::Done);
        turnstile.grant(number, fate);
        if fate == Fate::DroppedAfter
            && let Some(request) = &mut requests[number]
        {
            // It takes its step and stands still.
            assert!(poll(number, request).is_pending(), "a request went on after it was dropped");
        }
        if matches!(fate, Fate::DroppedBefore | Fate::DroppedAfter) {
            requests[number] = None;
        }
    }
}
