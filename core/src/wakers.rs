//! Tasks that wait for a condition.

use std::{
    collections::HashMap,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

/// The tasks that wait for something to change.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    tasks: HashMap<u64, Waker>,
}

impl Wakers {
    /// Something has changed: all that wait look again.
    pub(crate) fn wake_all(&self) {
        let woken: Vec<Waker> = self.0.lock().tasks.drain().map(|(_, waker)| waker).collect();
        woken.into_iter().for_each(Waker::wake);
    }

    /// Waits until `look` returns something. It is called at once, and after each change.
    pub(crate) fn until<T, F: FnMut() -> Option<T> + Unpin>(&self, look: F) -> Until<'_, F> {
        let number = {
            let mut waiting = self.0.lock();
            waiting.next += 1;
            waiting.next
        };
        Until { wakers: self, number, look }
    }
}

/// See [`Wakers::until`]. Dropping it leaves nothing behind.
pub(crate) struct Until<'a, F> {
    wakers: &'a Wakers,
    number: u64,
    look: F,
}

impl<T, F: FnMut() -> Option<T> + Unpin> Future for Until<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Before it looks, so that no change is missed.
        self.wakers.0.lock().tasks.insert(self.number, context.waker().clone());
        (self.look)().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        self.wakers.0.lock().tasks.remove(&self.number);
    }
}
