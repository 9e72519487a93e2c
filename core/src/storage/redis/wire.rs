//! How the layouts talk to the servers, over either face.

use redis::{Cmd, Value};

use super::server::{Call, Dialer, Failure, Script, Servers, What};
use crate::storage::StorageError;

/// The servers, and the face by which they are reached.
pub(super) struct Wire<'a, D> {
    pub(super) servers: &'a Servers,
    pub(super) dialer: &'a D,
}

/// What a question is like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Nature {
    /// It changes nothing, or only when a session ends: that needs no replica's word.
    Read,
    /// It changes something, and may be done twice.
    Repeatable,
    /// It changes something, and must not be done twice.
    Once,
}

impl<D: Dialer> Wire<'_, D> {
    /// Sends a command to the server that has `key`.
    pub(super) async fn command(
        &self,
        doing: &'static str,
        key: &[u8],
        command: Cmd,
        nature: Nature,
    ) -> Result<Value, StorageError> {
        self.ask(Call::new(doing, key, What::Command(command), nature)).await
    }

    /// Runs a script on the server that has the first of `keys`, and takes its answer apart.
    pub(super) async fn script(
        &self,
        doing: &'static str,
        script: &'static Script,
        keys: &[&[u8]],
        args: &[&[u8]],
        nature: Nature,
    ) -> Result<Answer, StorageError> {
        let key = keys.first().copied().unwrap_or_default();
        let value = self.ask(Call::new(doing, key, What::Script { script, keys, args }, nature)).await?;
        Answer::read(value).ok_or_else(|| shape(doing))
    }

    async fn ask(&self, call: Call<'_>) -> Result<Value, StorageError> {
        self.servers.ask(self.dialer, &call).await.map_err(|failure| failure.while_doing(call.doing))
    }
}

impl<'a> Call<'a> {
    const fn new(doing: &'static str, key: &'a [u8], what: What<'a>, nature: Nature) -> Self {
        Self {
            doing,
            key,
            what,
            repeatable: matches!(nature, Nature::Read | Nature::Repeatable),
            writes: !matches!(nature, Nature::Read),
        }
    }
}

/// The answer was of another shape than this command gives.
pub(super) fn shape(doing: &'static str) -> StorageError {
    Failure::Shape { node: "the server".into() }.while_doing(doing)
}

/// What a script answered: a number that says which of its answers it is, and what belongs to that.
pub(super) struct Answer {
    pub(super) case: i64,
    rest: std::vec::IntoIter<Value>,
}

impl Answer {
    fn read(value: Value) -> Option<Self> {
        let Value::Array(parts) = value else { return None };
        let mut rest = parts.into_iter();
        match rest.next()? {
            Value::Int(case) => Some(Self { case, rest }),
            _ => None,
        }
    }

    pub(super) fn next(&mut self) -> Option<Value> {
        self.rest.next()
    }

    pub(super) fn bytes(&mut self) -> Option<Vec<u8>> {
        match self.rest.next()? {
            Value::BulkString(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn number(&mut self) -> Option<i64> {
        match self.rest.next()? {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }
}
