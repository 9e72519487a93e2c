//! What a server is asked, and its answer.

use redis::{Cmd, Value};

use super::script::Script;
use crate::storage::{
    StorageError,
    redis::errors::{Answered, Failure},
};

/// A command for the server that has `key`.
pub(crate) struct Request<'a> {
    /// What is being done, for errors.
    pub(super) operation: &'static str,
    pub(super) key: &'a [u8],
    pub(super) command: Cmd,
    /// The script that the command runs, if it runs one.
    pub(super) script: Option<&'static Script>,
    pub(super) effect: Effect,
}

/// What a command changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing, or only when a session ends. No replica has to confirm it.
    Read,
    /// Something, with the same result if it is done twice.
    Repeatable,
    /// Something that must not be done twice.
    Once,
}

impl<'a> Request<'a> {
    pub(crate) const fn command(operation: &'static str, key: &'a [u8], command: Cmd, effect: Effect) -> Self {
        Self { operation, key, command, script: None, effect }
    }

    /// Runs a script on the server that has the first of `keys`.
    pub(crate) fn script(
        operation: &'static str,
        script: &'static Script,
        keys: &[&'a [u8]],
        args: &[&[u8]],
        effect: Effect,
    ) -> Self {
        let key = keys.first().copied().unwrap_or_default();
        Self { operation, key, command: script.by_hash(keys, args), script: Some(script), effect }
    }
}

/// A server's answer.
pub(crate) struct Reply {
    pub(super) operation: &'static str,
    pub(crate) value: Value,
}

impl Reply {
    /// The answer of a script.
    pub(crate) fn into_answer(self) -> Answered<Answer> {
        if let Value::Array(parts) = self.value {
            let mut rest = parts.into_iter();
            if let Some(Value::Int(case)) = rest.next() {
                return Ok(Answer { case, rest, operation: self.operation });
            }
        }
        Err(malformed(self.operation))
    }
}

/// The answer of a script: a number that says which of its cases it is, and the values that belong to that case.
pub(crate) struct Answer {
    pub(crate) case: i64,
    rest: std::vec::IntoIter<Value>,
    operation: &'static str,
}

impl Answer {
    pub(crate) fn next(&mut self) -> Option<Value> {
        self.rest.next()
    }

    pub(crate) fn optional_bytes(&mut self) -> Option<Vec<u8>> {
        if let Value::BulkString(bytes) = self.rest.next()? { Some(bytes) } else { None }
    }

    pub(crate) fn bytes(&mut self) -> Answered<Vec<u8>> {
        self.optional_bytes().ok_or_else(|| self.malformed())
    }

    pub(crate) fn number(&mut self) -> Answered<i64> {
        if let Some(Value::Int(number)) = self.rest.next() { Ok(number) } else { Err(self.malformed()) }
    }

    /// The error for an answer that this script does not give.
    pub(crate) fn malformed(&self) -> StorageError {
        malformed(self.operation)
    }
}

/// The error for an answer that does not have the expected form.
pub(crate) fn malformed(operation: &'static str) -> StorageError {
    Failure::Shape { node: "the server".into() }.while_doing(operation)
}
