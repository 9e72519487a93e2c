//! The task that removes what has ended.

use tokio::task::JoinHandle;

/// The task that sweeps. It ends with the storage.
pub(super) struct Sweeper(pub(super) JoinHandle<()>);

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}
