//! Tells other processes which sessions have ended or changed hands.
//!
//! Transactions that notify commit one after the other in the whole cluster, each after its data is on the disk. So a notification is never
//! part of the statement that changes a session: a task sends it afterwards, with all others that have come up meanwhile.

use std::{mem, sync::Arc};

use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::Notify};

use super::{
    super::{
        names::Names,
        operation::Deadline,
        running::Connections,
        values::{Arg, Step},
    },
    identity,
};
use crate::StoreKey;

/// The most keys in a statement.
const BATCH: usize = 1000;

pub(super) struct Telling {
    runtime: Handle,
    shared: Arc<Shared>,
}

struct Shared {
    connections: Arc<Connections<sqlx::Postgres>>,
    /// Its argument has the keys, one after the other.
    statement: String,
    pending: Mutex<Pending>,
    is_done: Notify,
}

/// What others are not told of yet.
#[derive(Default)]
struct Pending {
    keys: Vec<StoreKey>,
    /// Whether there is a task that sends.
    is_sent: bool,
}

impl Telling {
    pub(super) fn new(runtime: Handle, connections: Arc<Connections<sqlx::Postgres>>, names: &Names) -> Self {
        let statement = format!(
            "SELECT count(pg_notify({}, encode(substr($1, 32 * number + 1, 32), 'hex'))) \
             FROM generate_series(0, length($1) / 32 - 1) AS number",
            identity::channel(names)
        );
        let shared = Shared { connections, statement, pending: Mutex::default(), is_done: Notify::new() };
        Self { runtime, shared: Arc::new(shared) }
    }

    /// Tells it soon.
    pub(super) fn tell(&self, key: &StoreKey) {
        let mut pending = self.shared.pending.lock();
        pending.keys.push(*key);
        if !mem::replace(&mut pending.is_sent, true) {
            let shared = Arc::clone(&self.shared);
            self.runtime.spawn(async move { shared.send().await });
        }
    }

    /// Waits until nothing is left to tell.
    pub(super) async fn done(&self) {
        loop {
            let done = self.shared.is_done.notified();
            if !self.shared.pending.lock().is_sent {
                return;
            }
            done.await;
        }
    }
}

impl Shared {
    /// Sends until nothing is left.
    async fn send(&self) {
        while let Some(keys) = self.next() {
            let bytes: Vec<u8> = keys.iter().flat_map(StoreKey::as_bytes).copied().collect();
            let step = Step::new(&self.statement, vec![Arg::Bytes(&bytes)]);
            let deadline = Deadline::after(self.connections.response_timeout);
            let mut sent = self.connections.run(std::slice::from_ref(&step), deadline).await;
            // An idle connection may have died.
            if sent.as_ref().is_err_and(|failure| failure.is_lost() || failure.is_passing()) {
                sent = self.connections.run(&[step], deadline).await;
            }
            if let Err(failure) = sent {
                tracing::warn!(
                    error = &failure as &dyn std::error::Error,
                    sessions = keys.len(),
                    "other processes could not be told that sessions have ended; they will find out by themselves"
                );
            }
        }
    }

    /// `None` if nothing is left. The next key starts another task.
    fn next(&self) -> Option<Vec<StoreKey>> {
        let mut pending = self.pending.lock();
        let most = pending.keys.len().min(BATCH);
        let keys: Vec<StoreKey> = pending.keys.drain(..most).collect();
        if keys.is_empty() {
            pending.is_sent = false;
            self.is_done.notify_waiters();
            return None;
        }
        Some(keys)
    }
}
