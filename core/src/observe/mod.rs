//! What an operator or an audit log is told of sessions: [`Observer`], and its events.
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
//! use gsession::{ClientInfo, Manager, MemoryStorage, observe::{LoggedIn, Observer}};
//!
//! #[derive(Default)]
//! struct Logins(AtomicU64);
//!
//! impl Observer for Logins {
//!     fn logged_in(&self, _: &LoggedIn<'_>) {
//!         self.0.fetch_add(1, Ordering::Relaxed);
//!     }
//! }
//!
//! let logins = Arc::new(Logins::default());
//! let manager = Manager::builder(MemoryStorage::new()).observer(logins.clone()).build()?;
//! let exchange = manager.begin(None, ClientInfo::default);
//! exchange.log_in("ada")?;
//! exchange.close()?;
//! assert_eq!(logins.0.load(Ordering::Relaxed), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The page [`observability`](crate::observability) has the `tracing` events, the metrics, and what to alarm on.

mod call;
mod events;
#[cfg(feature = "metrics")]
mod metrics;
mod observer;
mod observers;
mod reporter;
mod words;

pub(crate) use call::Call;
pub use events::{
    Committed, DecryptionFailed, IdRotated, LoggedIn, LoginConfirmed, NearCacheRead, Refused, SessionCreated,
    SessionEnded, SessionRenewed, StorageCalled, StorageSwept, TheftSuspected,
};
#[cfg(feature = "metrics")]
pub use metrics::MetricsObserver;
pub use observer::Observer;
pub(crate) use observers::Observers;
pub use reporter::Reporter;
pub use words::{CallOutcome, CommitOutcome, DecryptionFailure, EndReason, Operation, RefusalReason};

/// The target of the `tracing` events and spans of this module.
pub(crate) const TARGET: &str = "gsession";
