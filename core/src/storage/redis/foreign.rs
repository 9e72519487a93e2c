//! Strings of another library on the same kind of servers, which are read and removed, and never written.

use std::time::Duration;

use redis::{Cmd, Value, cmd};

use super::{
    errors::{Answered, Failure},
    layout::Layout,
    servers::{Effect, Request, malformed},
    storage::Redis,
};
use crate::Timestamp;

/// The most bytes that are read: more than a session may have by default.
const MOST: usize = 1 << 20;
const READING: &str = "reading a session of another library";
const REMOVING: &str = "removing a session of another library";

/// What is under a key of another library.
pub(crate) enum Foreign {
    Absent,
    /// Not a string, or too long.
    Unreadable(&'static str),
    Found {
        bytes: Vec<u8>,
        expires_at: Option<Timestamp>,
    },
}

impl<L: Layout> Redis<L> {
    /// Reads the string under a key, and when it expires.
    pub(crate) async fn read_foreign(&self, key: &[u8], now: Timestamp) -> Answered<Foreign> {
        let get = cmd("GETRANGE").arg(key).arg(0).arg(MOST).take();
        let bytes = match self.ask_for(READING, key, get, Effect::Read).await {
            Ok(Value::BulkString(bytes)) => bytes,
            Ok(_) => return Err(malformed(READING)),
            Err(error) if Failure::of(&error).is_some_and(Failure::is_wrong_type) => {
                return Ok(Foreign::Unreadable("its Redis key has a value of another type"));
            }
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(Foreign::Absent);
        }
        if bytes.len() > MOST {
            return Ok(Foreign::Unreadable("it is too long"));
        }
        let left = self.ask_for(READING, key, cmd("PTTL").arg(key).take(), Effect::Read).await?;
        Ok(match left {
            // Gone since.
            Value::Int(-2) => Foreign::Absent,
            Value::Int(left) => {
                let left = u64::try_from(left).ok().map(Duration::from_millis);
                Foreign::Found { bytes, expires_at: left.map(|left| now + left) }
            }
            _ => return Err(malformed(READING)),
        })
    }

    /// Removes what is under a key.
    pub(crate) async fn remove_foreign(&self, key: &[u8]) -> Answered<()> {
        self.ask_for(REMOVING, key, cmd("DEL").arg(key).take(), Effect::Repeatable).await.map(drop)
    }

    async fn ask_for(&self, operation: &'static str, key: &[u8], command: Cmd, effect: Effect) -> Answered<Value> {
        self.asynchronous().ask(Request::command(operation, key, command, effect)).await
    }
}
