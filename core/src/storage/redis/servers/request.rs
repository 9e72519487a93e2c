//! What a server is asked, and its answer.

use std::borrow::Cow;

use redis::{Cmd, Value};

use super::script::Script;
use crate::storage::{
    StorageError,
    redis::errors::{Answered, Failure},
};

/// A request to the server that has `key`.
pub(crate) struct Request<'a> {
    /// What is being done, for errors.
    pub(super) operation: &'static str,
    pub(super) key: &'a [u8],
    pub(super) what: What<'a>,
    pub(super) effect: Effect,
}

/// What a server is asked to do.
pub(super) enum What<'a> {
    Command(Cmd),
    Call(Call<'a>),
    /// The command, or the script on a server that does not know `IFEQ`.
    Replace(Replace<'a>, Call<'a>),
}

/// A script with its keys and arguments.
pub(super) struct Call<'a> {
    script: &'static Script,
    keys: &'a [&'a [u8]],
    args: &'a [&'a [u8]],
}

/// `SET key new IFEQ old`: a string is replaced if it has not changed. Valkey knows this since 8.1, Redis since 8.4.
pub(crate) struct Replace<'a> {
    pub(crate) old: &'a [u8],
    pub(crate) new: &'a [u8],
    /// The new expiry in milliseconds from now; `None` if it stays.
    pub(crate) expiry: Option<u64>,
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

/// How to phrase a request for the server at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Knows {
    /// `SET … IFEQ`.
    pub(super) replace: bool,
    /// The script of the request, by its hash.
    pub(super) script: bool,
}

impl<'a> Request<'a> {
    pub(crate) const fn command(operation: &'static str, key: &'a [u8], command: Cmd, effect: Effect) -> Self {
        Self { operation, key, what: What::Command(command), effect }
    }

    /// Runs a script on the server that has the first of `keys`.
    pub(crate) fn script(
        operation: &'static str,
        script: &'static Script,
        keys: &'a [&'a [u8]],
        args: &'a [&'a [u8]],
        effect: Effect,
    ) -> Self {
        let key = keys.first().copied().unwrap_or_default();
        Self { operation, key, what: What::Call(Call { script, keys, args }), effect }
    }

    /// The same request by a command, if there is one and the server knows it.
    pub(crate) fn or_by(self, replace: Option<Replace<'a>>) -> Self {
        let what = match (self.what, replace) {
            (What::Call(call), Some(replace)) => What::Replace(replace, call),
            (what, _) => what,
        };
        Self { what, ..self }
    }

    /// The command to send to a server that knows this much.
    pub(super) fn phrased(&self, knows: Knows) -> Cow<'_, Cmd> {
        match &self.what {
            What::Command(command) => Cow::Borrowed(command),
            What::Replace(replace, _) if knows.replace => Cow::Owned(replace.command(self.key)),
            What::Replace(_, Call { script, keys, args }) | What::Call(Call { script, keys, args }) => {
                Cow::Owned(if knows.script { script.by_hash(keys, args) } else { script.by_text(keys, args) })
            }
        }
    }
}

impl Replace<'_> {
    fn command(&self, key: &[u8]) -> Cmd {
        let mut command = Cmd::with_capacity(7, 64 + key.len() + self.new.len() + self.old.len());
        command.arg("SET").arg(key).arg(self.new).arg("IFEQ").arg(self.old);
        match self.expiry {
            Some(millis) => command.arg("PX").arg(millis),
            None => command.arg("KEEPTTL"),
        };
        command
    }
}

/// The answer of a script: a number that says which of its cases it is, and the values that belong to that case.
pub(crate) struct Answer {
    pub(crate) case: i64,
    rest: std::vec::IntoIter<Value>,
    operation: &'static str,
}

impl Answer {
    pub(crate) fn of(value: Value, operation: &'static str) -> Answered<Self> {
        if let Value::Array(parts) = value {
            let mut rest = parts.into_iter();
            if let Some(Value::Int(case)) = rest.next() {
                return Ok(Self { case, rest, operation });
            }
        }
        Err(malformed(operation))
    }

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
