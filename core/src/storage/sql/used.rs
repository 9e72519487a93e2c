//! A connection in use.

use std::time::Duration;

use sqlx::pool::PoolConnection;

use super::{client::Client, failure::Failure};

/// A connection of a pool. If it is dropped before its work has [finished](Self::finish), as when a request is cancelled, the pool does not
/// get it back: it would first wait without a limit until the server has answered what nobody waits for any more, and a server that has gone
/// never answers.
pub(super) struct Used<C: Client> {
    pub(super) connection: Option<PoolConnection<C>>,
    /// How long the server may take to answer that the connection works, before the pool gets it back.
    pub(super) test_limit: Duration,
}

impl<C: Client> Used<C> {
    pub(super) fn connection(&mut self) -> Result<&mut C::Connection, sqlx::Error> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    /// The work is done, or has failed like this.
    pub(super) fn finish(mut self, failure: Option<&Failure>) {
        if failure.is_some_and(Failure::spoils) {
            return;
        }
        if let Some(mut connection) = self.connection.take() {
            // As the pool does when a connection is dropped, but within a time.
            tokio::spawn(tokio::time::timeout(self.test_limit, connection.return_to_pool()));
        }
    }
}

impl<C: Client> Drop for Used<C> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
