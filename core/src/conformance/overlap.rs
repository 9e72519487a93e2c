//! Runs two operations at the same time. The outcome must be the same as if one had run after the other.

use std::{
    cell::Cell,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Barrier, mpsc},
    task::{Context, Poll},
    thread::ScopedJoinHandle,
    time::{Duration, Instant},
};

use super::{
    fixture::{Fixture, MINUTE},
    operation::{Answer, Operation, View},
    verdict::{Flaw, Verdict, must},
};
use crate::{AnyStorage, Storage, StorageError, StoreKey};

/// How long to wait for an operation while the other one is paused. It may be waiting for a lock of the paused one, which looks
/// the same as being slow. A correct storage passes however short or long this is.
const GRACE: Duration = Duration::from_millis(200);
/// How long an operation that was dropped may stand still before what is seen of it counts as what it leaves.
const STANDSTILL: Duration = Duration::from_secs(2);
/// How often two operations are raced, each time with a longer head start for one of them.
const RACES: u32 = 20;
const LATER: Duration = Duration::from_micros(50);
/// The most times that an operation is suspended, each time one step later. No operation should take that many steps.
const SUSPENSIONS: usize = 40;
/// The number of keys that a plan may use.
const KEYS: usize = 4;

/// Prepares the storage under these keys, and returns the two operations.
pub(super) type Plan = fn(&Fixture, &[StoreKey; KEYS]) -> Verdict<[Operation; 2]>;

/// Runs two operations and returns their answers in the order of the operations.
type Run<'a> = &'a dyn Fn(&[Operation; 2]) -> Verdict<[Answer; 2]>;

/// The outcome of two operations.
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

/// Runs the two operations in every way they can overlap. Each outcome must be possible for one after the other, too.
pub(super) fn is_serialisable(fixture: &Fixture, plan: Plan) -> Verdict {
    let reference = fixture.reference();
    let on_reference = |first: usize| {
        outcome(&reference, plan, &|operations| {
            in_order(operations, first, |operation| operation.run(&reference.storage))
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

/// Runs the two operations in every way they can overlap. No session may be left.
pub(super) fn leaves_no_session(fixture: &Fixture, plan: Plan) -> Verdict {
    in_every_way(fixture, plan, &|how, outcome| {
        let lives = |view: &View| matches!(view, View::Session { .. });
        must!(!outcome.left.iter().any(lives), "{how}: {outcome}; a session is still alive");
        Ok(())
    })
}

fn in_every_way(fixture: &Fixture, plan: Plan, judge: &dyn Fn(&str, &Outcome) -> Verdict) -> Verdict {
    let judge = |how: &str, run: Run<'_>| judge(how, &outcome(fixture, plan, run)?);
    for first in [0, 1] {
        let how = format!("with operation {} paused in Record::apply", first + 1);
        judge(&how, &|operations| paused(&fixture.storage, operations, first))?;
    }
    for round in 0..RACES {
        for first in [0, 1] {
            let how = format!("with operation {} started a moment before the other one", first + 1);
            judge(&how, &|operations| raced(&fixture.storage, operations, first, LATER * round))?;
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

/// Drops the first operation after each of its steps. It must have taken effect as a whole or not at all. Or there is no
/// session, and repeating the operation completes it.
pub(super) fn is_whole_when_dropped(fixture: &Fixture, plan: Plan) -> Verdict {
    let Some((storage, executor)) = &fixture.asynchronous else { return Ok(()) };
    let reference = fixture.reference();
    let keys = reference.new_keys();
    let [operation, _] = plan(&reference, &keys)?;
    let before = left(&reference, &keys)?;
    operation.run(&reference.storage)?;
    let after = left(&reference, &keys)?;
    for polls in 1..=SUSPENSIONS {
        let keys = fixture.new_keys();
        let [operation, _] = plan(fixture, &keys)?;
        let ended =
            executor.wait(async { Steps { future: pin!(operation.run_async(storage)), left: polls }.await.is_some() });
        let is_empty = |seen: &[View]| seen.iter().all(|view| !matches!(view, View::Session { .. }));
        let mut seen = settled(fixture, &keys, |seen| is_empty(seen) || seen == before || seen == after)?;
        if is_empty(&seen) {
            operation.run(&fixture.storage)?;
            seen = left(fixture, &keys)?;
        }
        must!(
            seen == before || seen == after,
            "dropped after step {polls} it left {seen:?}, which is neither the state before, {before:?}, nor the state after, {after:?}"
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
    // Independent of the keys of this round.
    let answers = run(&operations)?.map(|answer| match answer {
        Answer::RenewedTo(to) => format!("RenewedTo({:?})", keys.iter().position(|key| *key == to)),
        answer => format!("{answer:?}"),
    });
    Ok(Outcome { answers, left: left(fixture, &keys)? })
}

fn left(fixture: &Fixture, keys: &[StoreKey; KEYS]) -> Verdict<Vec<View>> {
    keys.iter().map(|key| View::of(fixture, key, fixture.start + MINUTE)).collect()
}

/// What is left once nothing changes any more: a dropped operation may continue elsewhere. In the middle of one, a busy machine may stand
/// still for a while.
fn settled(fixture: &Fixture, keys: &[StoreKey; KEYS], is_whole: impl Fn(&[View]) -> bool) -> Verdict<Vec<View>> {
    let start = Instant::now();
    let mut seen = left(fixture, keys)?;
    loop {
        let again = left(fixture, keys)?;
        if again == seen && (is_whole(&seen) || start.elapsed() > STANDSTILL) {
            return Ok(seen);
        }
        seen = again;
    }
}

/// Runs `first` and then the other one. Returns the answers in the order of the operations.
fn in_order(
    operations: &[Operation; 2],
    first: usize,
    mut run: impl FnMut(&Operation) -> Result<Answer, StorageError>,
) -> Verdict<[Answer; 2]> {
    let one = run(&operations[first])?;
    let other = run(&operations[1 - first])?;
    Ok(if first == 0 { [one, other] } else { [other, one] })
}

/// Pauses one operation between its read and its write, while the other one runs or waits for it.
fn paused(storage: &Arc<dyn Storage>, operations: &[Operation; 2], first: usize) -> Verdict<[Answer; 2]> {
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
            // The receiver may have given up waiting.
            let _ = done.send(());
            answer
        });
        let _ = is_done.recv_timeout(GRACE);
        breakpoint.resume();
        let (one, two) = (joined(one)?, joined(two)?);
        Ok(if first == 0 { [one, two] } else { [two, one] })
    })
}

/// Starts both, the other one `later`.
fn raced(
    storage: &Arc<dyn Storage>,
    operations: &[Operation; 2],
    first: usize,
    later: Duration,
) -> Verdict<[Answer; 2]> {
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

/// Suspends one operation after some of its steps, while the other one runs or waits for it.
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

/// Polls a future up to `left` times; `None` if it is not ready by then.
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
