//! Blocking on a future, for blocking callers.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// The output of a future that is ready on the first poll.
pub(crate) fn now<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Runs a future to completion on this thread.
///
/// The futures of a session over a blocking storage are ready on the first poll, unless another thread is using the
/// same session. Then this thread sleeps until it is woken.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    if let Some(output) = now(future.as_mut()) {
        return output;
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ready_is_given_and_the_rest_is_waited_for() {
        assert_eq!(wait(std::future::ready(1)), 1);
        let (sender, receiver) = futures::channel::oneshot::channel();
        let sending = thread::spawn(move || sender.send(2));
        assert_eq!(wait(receiver), Ok(2));
        assert_eq!(sending.join().unwrap(), Ok(()));
    }
}
