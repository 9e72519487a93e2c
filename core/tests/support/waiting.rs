//! An async storage as a blocking one: each method waits for its future.

use std::{
    num::NonZeroUsize,
    pin::pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use gsession::{
    AsyncStorage, KeyScheme, Record, Storage, StorageError, StoreKey, Timestamp,
    observe::Observer,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Swept, Tombstone, Touched,
        Watched,
    },
};
use tokio::runtime::{Builder, Runtime};

/// The storage, on the runtime of the test program.
pub(crate) struct Waiting<S>(S);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// One for each test program. It never ends.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

/// Waits on this thread, which may be one of another runtime.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let _runtime = runtime().enter();
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

impl<S: AsyncStorage> Waiting<S> {
    pub(crate) fn on(make: impl FnOnce() -> S) -> Self {
        let _runtime = runtime().enter();
        Self(make())
    }
}

impl<S: AsyncStorage> Storage for Waiting<S> {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        wait(self.0.load(key, access))
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        wait(self.0.fetch(key, names, access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        wait(self.0.create(key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        wait(self.0.commit(key, commit))
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        wait(self.0.touch(key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        wait(self.0.move_to(from, to, commit))
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        wait(self.0.tombstone(key, now))
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        wait(self.0.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        wait(self.0.find(principal, now))
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        wait(self.0.find_page(principal, after, most, now))
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        wait(self.0.scan(after, now))
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        wait(self.0.sweep(now))
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        wait(self.0.count(now))
    }

    fn check(&self) -> Result<(), StorageError> {
        wait(self.0.check())
    }

    fn key_scheme(&self) -> KeyScheme {
        self.0.key_scheme()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.0.watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.0.report_to(observers);
    }
}
