//! Waiting for something that must come true soon.

use std::time::Instant;

pub use gsession_test_servers::wait::{INTERVAL, PATIENCE, until};

/// [`until`] for async code: what is looked at may need the runtime that a blocking wait would hold up.
///
/// # Panics
///
/// As [`until`] does.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(INTERVAL).await;
    }
}
