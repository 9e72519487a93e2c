//! What is heard over a connection besides answers.

use std::sync::Arc;

use redis::Value;

/// What a connection reports.
#[derive(Debug)]
pub(crate) enum News {
    /// These keys have changed, of which the server was asked before.
    Changed(Vec<Vec<u8>>),
    /// Any key may have changed: the database was flushed.
    AllChanged,
    /// The connection to the node of this name is gone.
    Lost(Box<str>),
}

/// Hears what all connections of a pool report. It must not wait.
pub(crate) type Listener = Arc<dyn Fn(News) + Send + Sync>;

/// The listener of one connection. Dropped with the task that drives the connection.
pub(super) struct Listening {
    pub(super) node: Box<str>,
    pub(super) listener: Listener,
}

impl Listening {
    /// Passes on what an invalidation says.
    pub(super) fn invalidated(&self, keys: Option<&Value>) {
        (self.listener)(match keys {
            Some(Value::Array(keys)) => News::Changed(
                keys.iter()
                    .filter_map(|key| if let Value::BulkString(key) = key { Some(key.clone()) } else { None })
                    .collect(),
            ),
            // No list: the database was flushed.
            _ => News::AllChanged,
        });
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        (self.listener)(News::Lost(std::mem::take(&mut self.node)));
    }
}
