//! Time: milliseconds since the Unix epoch, from a clock that tests can control.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
#[cfg(feature = "tokio")]
use std::{future::Future, pin::Pin};

#[cfg(feature = "tokio")]
use crate::wakers::Wakers;

/// The clock of the system may be set, and stands still while a machine sleeps: a wait looks at it at least this often.
#[cfg(feature = "tokio")]
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// A moment, in milliseconds since the Unix epoch. Arithmetic saturates: no duration is too long.
///
/// ```
/// use std::time::Duration;
/// use gsession::Timestamp;
///
/// let start = Timestamp::from_millis(1_000);
/// assert_eq!(start + Duration::from_secs(2), Timestamp::from_millis(3_000));
/// assert_eq!(start + Duration::MAX, Timestamp::MAX);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Later than every real moment.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero if this is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The moment that was so long before; the Unix epoch if there is none.
    pub(crate) fn before(self, ago: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(ago)))
    }

    /// This moment as a [`SystemTime`], or `None` if it is out of range.
    #[must_use]
    pub fn to_system_time(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(duration)))
    }
}

/// Without [`Duration::as_millis`], whose 128 bits cost more on a path that every request takes several times.
fn whole_millis(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000).saturating_add(duration.subsec_millis().into())
}

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// Waits until this clock shows `at` or later. Needs the feature `tokio`, and a tokio runtime with its timer around it.
    ///
    /// The default sleeps for as long as is left, and looks at the clock again at least once a minute. A clock that jumps, such as one for
    /// tests, has to wake those who wait: [`ManualClock`] does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gsession::{Clock, ManualClock};
    ///
    /// # futures::executor::block_on(async {
    /// let clock = ManualClock::default();
    /// let later = clock.now() + Duration::from_secs(60);
    /// let waiting = clock.reached(later);
    /// clock.advance(Duration::from_secs(60));
    /// waiting.await;
    /// # });
    /// ```
    #[cfg(feature = "tokio")]
    fn reached(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let left = at.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            }
        })
    }
}

/// The system clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// A clock that only moves when you move it, for tests. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use gsession::{Clock, ManualClock};
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().since(before), Duration::from_secs(60));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Manual>);

#[derive(Debug)]
struct Manual {
    now: AtomicU64,
    #[cfg(feature = "tokio")]
    waiting: Wakers,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Manual {
            now: AtomicU64::new(now.0),
            #[cfg(feature = "tokio")]
            waiting: Wakers::default(),
        }))
    }

    /// Moves the clock forward, at most to [`Timestamp::MAX`].
    pub fn advance(&self, by: Duration) {
        let moved = |now| Some((Timestamp(now) + by).0);
        // The closure always returns a time, so this cannot fail.
        let _ = self.0.now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
        self.moved();
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.0.now.store(now.0, Ordering::SeqCst);
        self.moved();
    }

    /// Wakes those who wait for a time.
    fn moved(&self) {
        #[cfg(feature = "tokio")]
        self.0.waiting.wake_all();
    }
}

impl Default for ManualClock {
    /// A clock that shows the time of its creation.
    fn default() -> Self {
        Self::new(SystemClock.now())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now.load(Ordering::SeqCst))
    }

    #[cfg(feature = "tokio")]
    fn reached(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.0.waiting.until(move || (self.now() >= at).then_some(())))
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    #[cfg(feature = "tokio")]
    fn reached(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        (**self).reached(at)
    }
}
