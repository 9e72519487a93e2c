//! Creates a memory storage with its settings.

use std::{sync::Arc, time::Duration};

use super::{Handle, MemoryStorage, store::Store};
use crate::{Clock, SystemClock, storage::sweeper::Background};

impl MemoryStorage {
    /// A storage with the default bounds.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A storage with other bounds.
    #[must_use]
    pub fn builder() -> MemoryStorageBuilder {
        MemoryStorageBuilder::default()
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

/// Settings of a [`MemoryStorage`].
///
/// ```
/// use std::time::Duration;
/// use gsession::MemoryStorage;
///
/// let storage = MemoryStorage::builder().max_sessions(50_000).sweep_interval(Duration::from_secs(60)).build();
/// assert!(storage.is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct MemoryStorageBuilder {
    max_sessions: usize,
    max_bytes: usize,
    sweep_interval: Option<Duration>,
    clock: Arc<dyn Clock>,
}

/// Room for a session and the tombstone of its renewal.
const FEWEST: usize = 2;
/// Slots have 32-bit numbers.
const MOST: usize = (u32::MAX / 2) as usize;
/// Room for a small session and the tombstone of its renewal.
const SMALLEST: usize = 4096;

impl Default for MemoryStorageBuilder {
    fn default() -> Self {
        Self {
            max_sessions: 1_000_000,
            max_bytes: 1 << 30,
            sweep_interval: Some(Duration::from_secs(10)),
            clock: Arc::new(SystemClock),
        }
    }
}

impl MemoryStorageBuilder {
    /// The most sessions and tombstones of renewals. Default: 1,000,000. Fewer than 2 count as 2, because a renewed session takes
    /// two places; more than 2,147,483,647 count as 2,147,483,647.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions.clamp(FEWEST, MOST);
        self
    }

    /// The most bytes they may take, without the overhead of the allocator. Default: 1 GiB. Less than 4 KiB counts as 4 KiB.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = if bytes < SMALLEST { SMALLEST } else { bytes };
        self
    }

    /// How often expired sessions are removed. Default: 10 seconds; less than a millisecond counts as a millisecond.
    /// [`Duration::MAX`]: only when [`sweep`](crate::Storage::sweep) is called.
    #[must_use]
    pub const fn sweep_interval(mut self, interval: Duration) -> Self {
        self.sweep_interval = if interval.as_nanos() == Duration::MAX.as_nanos() { None } else { Some(interval) };
        self
    }

    /// The clock of the background sweeps. Default: the system's. Use the same clock as the manager.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Creates the storage and starts its background thread. If the system refuses a thread, this is logged, and expired
    /// sessions are removed only when room is needed.
    #[must_use]
    pub fn build(self) -> MemoryStorage {
        let store = Arc::new(Store::new(self.max_sessions, self.max_bytes));
        let clock = self.clock;
        let sweeper = self.sweep_interval.and_then(|interval| {
            // Never a busy loop.
            let interval = interval.max(Duration::from_millis(1));
            Background::start("gsession-memory", interval, Arc::downgrade(&store), move |store: &Store| {
                let swept = store.sweep(clock.now());
                store.reporter.swept(swept);
            })
            .inspect_err(|error| tracing::error!(%error, "the sweeper of the memory storage could not be started"))
            .ok()
        });
        MemoryStorage(Arc::new(Handle { store, _sweeper: sweeper }))
    }
}
