//! The thread that does a storage's background work, and stops with it.

use std::{
    sync::{Arc, Weak},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// Calls a function on a storage's inner value again and again, until it is dropped.
///
/// The thread holds the inner value only while it works, so a dropped storage ends at once.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts a thread `name` that calls `work` every `period`.
    pub(crate) fn start<T: Send + Sync + 'static>(
        name: &str,
        period: Duration,
        inside: Weak<T>,
        mut work: impl FnMut(&T) + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                let (stopped, wake) = &*told;
                let mut stopped = stopped.lock();
                let until = Instant::now().checked_add(period);
                while !*stopped {
                    match until {
                        Some(until) if wake.wait_until(&mut stopped, until).timed_out() => break,
                        Some(_) => {}
                        // A period beyond the clock's range means never.
                        None => wake.wait(&mut stopped),
                    }
                }
                if *stopped {
                    return;
                }
                drop(stopped);
                match inside.upgrade() {
                    Some(inside) => work(&inside),
                    None => return,
                }
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take()
            // The last owner of the inner value may be the thread itself, which cannot join itself.
            && thread.thread().id() != std::thread::current().id()
        {
            // A join only fails if the work panicked, and there is nobody left to tell.
            let _ = thread.join();
        }
    }
}
