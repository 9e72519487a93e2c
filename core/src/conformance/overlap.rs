//! Two operations at the same time: whatever comes of it must be what comes of one after the other.

use std::{
    cell::Cell,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{Barrier, mpsc},
    task::{Context, Poll},
    thread::ScopedJoinHandle,
    time::Duration,
};

use super::{
    fixture::{Fixture, MINUTE},
    operation::{Answer, Operation, View},
    verdict::{Flaw, Verdict, must},
};
use crate::{AnyStorage, Storage, StorageError, StoreKey};

/// How long one operation is waited for while another one is held up: it may need what that one has locked, and nothing
/// tells that from being slow. A storage that keeps its contract passes however short or long this is.
const GRACE: Duration = Duration::from_millis(200);
/// How often two operations are started at almost the same moment, each time one of them a little later than before.
const RACES: u32 = 20;
const LATER: Duration = Duration::from_micros(50);
/// How many times one operation is suspended at most, each time a step later. None of a storage's should take so many.
const SUSPENSIONS: usize = 40;
/// Under how many keys a plan may work.
const KEYS: usize = 4;

/// Stores what has to be there before, under these keys, and gives the two operations.
pub(super) type Plan = fn(&Fixture, &[StoreKey; KEYS]) -> Verdict<[Operation; 2]>;

/// Carries out two operations and gives their answers, the first one's first.
type Run<'a> = &'a dyn Fn(&[Operation; 2]) -> Verdict<[Answer; 2]>;

/// What came of two operations.
#[derive(Debug, PartialEq)]
struct Outcome {
    answers: [String; 2],
    left: Vec<View>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answers {} and {}, and then {:?}", self.answers[0], self.answers[1], self.left)
    }
}

/// Carries out the two operations in every way they can overlap; what comes of it must come of one after the other, too.
pub(super) fn is_serialisable(fixture: &Fixture, plan: Plan) -> Verdict {
    let reference = fixture.reference();
    let on_reference = |first: usize| {
        outcome(&reference, plan, &|operations| {
            in_order(operations, first, |operation| operation.run(&*reference.storage))
        })
    };
    let allowed = [on_reference(0)?, on_reference(1)?];
    in_every_way(fixture, plan, &|how, outcome| {
        must!(
            allowed.contains(outcome),
            "{how}: {outcome}; one after the other it would have been {}, or {}",
            allowed[0],
            allowed[1]
        );
        Ok(())
    })
}

/// Carries out the two operations in every way they can overlap; no session may be left.
pub(super) fn leaves_no_session(fixture: &Fixture, plan: Plan) -> Verdict {
    in_every_way(fixture, plan, &|how, outcome| {
        let lives = |view: &View| matches!(view, View::Session { .. });
        must!(!outcome.left.iter().any(lives), "{how}: {outcome}; a session lives");
        Ok(())
    })
}

fn in_every_way(fixture: &Fixture, plan: Plan, judge: &dyn Fn(&str, &Outcome) -> Verdict) -> Verdict {
    let judge = |how: &str, run: Run<'_>| judge(how, &outcome(fixture, plan, run)?);
    for first in [0, 1] {
        let how = format!("with operation {} held up while it was applied", first + 1);
        judge(&how, &|operations| held_up(&*fixture.storage, operations, first))?;
    }
    for round in 0..RACES {
        for first in [0, 1] {
            let how = format!("with operation {} begun a moment before the other one", first + 1);
            judge(&how, &|operations| raced(&*fixture.storage, operations, first, LATER * round))?;
        }
    }
    let Some((storage, executor)) = &fixture.asynchronous else { return Ok(()) };
    for first in [0, 1] {
        for polls in 1..=SUSPENSIONS {
            let ended_early = Cell::new(false);
            let how = format!("with operation {} suspended after step {polls}", first + 1);
            judge(&how, &|operations| executor.wait(suspended(storage, operations, first, polls, &ended_early)))?;
            if ended_early.get() {
                break;
            }
        }
    }
    Ok(())
}

/// Drops the first operation after each of its steps: all of it must have happened, or nothing; or no session lives, and
/// asking again brings it to its end.
pub(super) fn is_whole_when_dropped(fixture: &Fixture, plan: Plan) -> Verdict {
    let Some((storage, executor)) = &fixture.asynchronous else { return Ok(()) };
    let reference = fixture.reference();
    let keys = reference.new_keys();
    let [operation, _] = plan(&reference, &keys)?;
    let before = left(&reference, &keys)?;
    operation.run(&*reference.storage)?;
    let after = left(&reference, &keys)?;
    for polls in 1..=SUSPENSIONS {
        let keys = fixture.new_keys();
        let [operation, _] = plan(fixture, &keys)?;
        let ended =
            executor.wait(async { Steps { future: pin!(operation.run_async(storage)), left: polls }.await.is_some() });
        let mut seen = settled(fixture, &keys)?;
        if seen.iter().all(|view| !matches!(view, View::Session { .. })) {
            operation.run(&*fixture.storage)?;
            seen = left(fixture, &keys)?;
        }
        must!(
            seen == before || seen == after,
            "dropped after step {polls} it left {seen:?}, which is neither what was there before, {before:?}, nor {after:?}"
        );
        if ended {
            break;
        }
    }
    Ok(())
}

fn outcome(fixture: &Fixture, plan: Plan, run: Run<'_>) -> Verdict<Outcome> {
    let keys = fixture.new_keys();
    let operations = plan(fixture, &keys)?;
    // The same whatever the keys of this round are.
    let answers = run(&operations)?.map(|answer| match answer {
        Answer::RenewedTo(to) => format!("RenewedTo({:?})", keys.iter().position(|key| *key == to)),
        answer => format!("{answer:?}"),
    });
    Ok(Outcome { answers, left: left(fixture, &keys)? })
}

fn left(fixture: &Fixture, keys: &[StoreKey; KEYS]) -> Verdict<Vec<View>> {
    keys.iter().map(|key| View::of(fixture, key, fixture.start + MINUTE)).collect()
}

/// What is left, once nothing changes any more: what was dropped may go on elsewhere.
fn settled(fixture: &Fixture, keys: &[StoreKey; KEYS]) -> Verdict<Vec<View>> {
    let mut seen = left(fixture, keys)?;
    loop {
        let again = left(fixture, keys)?;
        if again == seen {
            return Ok(seen);
        }
        seen = again;
    }
}

/// Runs `first` and then the other one; gives the answers in the order of the operations.
fn in_order(
    operations: &[Operation; 2],
    first: usize,
    mut run: impl FnMut(&Operation) -> Result<Answer, StorageError>,
) -> Verdict<[Answer; 2]> {
    let one = run(&operations[first])?;
    let other = run(&operations[1 - first])?;
    Ok(if first == 0 { [one, other] } else { [other, one] })
}

/// Holds up one operation between what it has read and what it writes, while the other one runs, or waits for it.
fn held_up(storage: &dyn Storage, operations: &[Operation; 2], first: usize) -> Verdict<[Answer; 2]> {
    let Some((paused, breakpoint)) = operations[first].with_breakpoint() else {
        return in_order(operations, first, |operation| operation.run(storage));
    };
    let other = &operations[1 - first];
    std::thread::scope(|scope| {
        let one = scope.spawn(|| {
            let answer = paused.run(storage);
            // It may never have reached the breakpoint.
            breakpoint.resume();
            answer
        });
        breakpoint.wait_until_hit();
        let (done, is_done) = mpsc::channel();
        let two = scope.spawn(move || {
            let answer = other.run(storage);
            // Nobody may be waiting any more.
            let _ = done.send(());
            answer
        });
        let _ = is_done.recv_timeout(GRACE);
        breakpoint.resume();
        let (one, two) = (joined(one)?, joined(two)?);
        Ok(if first == 0 { [one, two] } else { [two, one] })
    })
}

/// Starts both, the other one so much later.
fn raced(storage: &dyn Storage, operations: &[Operation; 2], first: usize, later: Duration) -> Verdict<[Answer; 2]> {
    let start = &Barrier::new(2);
    std::thread::scope(|scope| {
        let [one, two] = [0, 1].map(|number| {
            scope.spawn(move || {
                start.wait();
                if number != first {
                    std::thread::sleep(later);
                }
                operations[number].run(storage)
            })
        });
        Ok([joined(one)?, joined(two)?])
    })
}

fn joined(thread: ScopedJoinHandle<'_, Result<Answer, StorageError>>) -> Verdict<Answer> {
    Ok(thread.join().map_err(|panic| Flaw::panicked(&*panic))??)
}

/// Leaves one operation standing after some of its steps, while the other one runs, or waits for it.
async fn suspended(
    storage: &AnyStorage,
    operations: &[Operation; 2],
    first: usize,
    polls: usize,
    ended_early: &Cell<bool>,
) -> Verdict<[Answer; 2]> {
    let mut one = pin!(operations[first].run_async(storage));
    let mut two = pin!(operations[1 - first].run_async(storage));
    let early = Steps { future: one.as_mut(), left: polls }.await;
    ended_early.set(early.is_some());
    let overtaking = tokio::time::timeout(GRACE, two.as_mut()).await.ok();
    let (one, two) = match (early, overtaking) {
        (Some(one), Some(two)) => (one, two),
        (Some(one), None) => (one, two.await),
        (None, Some(two)) => (one.await, two),
        (None, None) => futures::future::join(one, two).await,
    };
    Ok(if first == 0 { [one?, two?] } else { [two?, one?] })
}

/// Drives a future for so many steps; `None` if that was not enough.
struct Steps<'a, F> {
    future: Pin<&'a mut F>,
    left: usize,
}

impl<F: Future> Future for Steps<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Poll::Ready(None) } else { Poll::Pending }
    }
}
