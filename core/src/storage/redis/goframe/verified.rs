//! Operations on what was verified to be a session: removing, touching and activating it.
//!
//! A key may hold anything, and only one place may decide whether that is a session: what is served must be what a logout ends. So a
//! script that finds a text that was not verified yet returns it and does nothing. It is called again with the revision of the
//! text that was verified here.

use super::{
    json,
    scripts::Scripts,
    session::{Namespace, digits, idle_seconds, whole_seconds},
    trace::Trace,
};
use crate::{
    StoreKey, Timestamp,
    record::Access,
    storage::{
        Removed, StorageError, StorageErrorKind, Touched,
        redis::{
            layout::{ENDING, RENEWING, TOUCHING},
            servers::{Answer, Effect, Request, Script, Servers},
        },
    },
};

/// Attempts before giving up. An attempt fails if others have changed the session.
const ATTEMPTS: usize = 1000;

/// What a script has done.
enum Outcome {
    Done(Answer),
    /// There is no session, but the trace of its renewal.
    Moved(Trace),
    Gone,
}

pub(super) async fn touch(
    namespace: &Namespace,
    scripts: &'static Scripts,
    servers: &Servers,
    key: &StoreKey,
    access: &Access,
) -> Result<Touched, StorageError> {
    let Some(names) = namespace.names(key) else { return Ok(Touched::Gone) };
    let idle = idle_seconds(access).to_string();
    match run(servers, TOUCHING, &scripts.touch, &names, &[idle.as_bytes()], Effect::Read).await? {
        Outcome::Done(mut answer) => Ok(Touched::Done(access.now + answer.left()?)),
        Outcome::Moved(_) | Outcome::Gone => Ok(Touched::Gone),
    }
}

pub(super) async fn remove(
    namespace: &Namespace,
    scripts: &'static Scripts,
    servers: &Servers,
    key: &StoreKey,
) -> Result<Removed, StorageError> {
    let Some(names) = namespace.names(key) else { return Ok(Removed::Absent) };
    Ok(match run(servers, ENDING, &scripts.remove, &names, &[], Effect::Repeatable).await? {
        Outcome::Done(_) => Removed::Done,
        Outcome::Moved(trace) => Removed::Moved(trace.to),
        Outcome::Gone => Removed::Absent,
    })
}

/// Gives a prepared session its lifetime.
pub(super) async fn activate(
    namespace: &Namespace,
    scripts: &'static Scripts,
    servers: &Servers,
    to: &StoreKey,
    access: &Access,
) -> Result<Option<Timestamp>, StorageError> {
    let Some([name, trace]) = namespace.names(to) else { return Ok(None) };
    let timeout = access.extend.as_ref().map_or(access.bounds.idle_timeout, |extend| extend.idle_timeout);
    let (keys, seconds): ([&[u8]; 2], _) = ([&name, &trace], whole_seconds(timeout).to_string());
    let request = Request::script(RENEWING, &scripts.activate, &keys, &[seconds.as_bytes()], Effect::Repeatable);
    let mut answer = servers.ask(request).await?.into_answer()?;
    if answer.case == 0 { Ok(Some(access.now + answer.left()?)) } else { Ok(None) }
}

/// Whether the trace under `from` leads to `to`. A touch of zero seconds shows the trace, and changes nothing that GoFrame may have
/// stored there since.
pub(super) async fn was_moved_to(
    namespace: &Namespace,
    scripts: &'static Scripts,
    servers: &Servers,
    from: &StoreKey,
    to: &StoreKey,
) -> Result<bool, StorageError> {
    let Some(names) = namespace.names(from) else { return Ok(false) };
    let outcome = run(servers, RENEWING, &scripts.touch, &names, &[b"0"], Effect::Repeatable).await?;
    Ok(matches!(outcome, Outcome::Moved(trace) if trace.to == *to))
}

/// Extends the session of this revision, which was verified when it was read, unless it has changed since.
pub(super) async fn touch_as_read(
    servers: &Servers,
    operation: &'static str,
    script: &'static Script,
    names: &[Vec<u8>; 2],
    revision: u64,
    idle: u64,
) -> Result<Option<Answer>, StorageError> {
    let (revision, idle) = (digits(revision), idle.to_string());
    let args = [idle.as_bytes()];
    let answer = run_once(servers, operation, script, names, revision.as_bytes(), &args, Effect::Read).await?;
    Ok((answer.case == 0).then_some(answer))
}

/// Runs `remove` or `touch` on the value under the first of `names`, if it is a session.
async fn run(
    servers: &Servers,
    operation: &'static str,
    script: &'static Script,
    names: &[Vec<u8>; 2],
    args: &[&[u8]],
    effect: Effect,
) -> Result<Outcome, StorageError> {
    // No text has this revision, and every hash has it.
    let mut revision = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut answer = run_once(servers, operation, script, names, &revision, args, effect).await?;
        match answer.case {
            0 => return Ok(Outcome::Done(answer)),
            1 => return Ok(Outcome::Gone),
            2 => return Ok(Outcome::Moved(answer.trace()?)),
            3 => {
                let _left = answer.left()?;
                revision = answer.bytes()?;
                if !json::is_session(&answer.bytes()?) {
                    let trace = answer.optional_bytes().and_then(|bytes| Trace::decode(&bytes));
                    return Ok(trace.map_or(Outcome::Gone, Outcome::Moved));
                }
            }
            _ => return Err(answer.malformed()),
        }
    }
    Err(StorageError::new(StorageErrorKind::Other, operation))
}

async fn run_once(
    servers: &Servers,
    operation: &'static str,
    script: &'static Script,
    [name, trace]: &[Vec<u8>; 2],
    revision: &[u8],
    args: &[&[u8]],
    effect: Effect,
) -> Result<Answer, StorageError> {
    let args = [&[revision], args].concat();
    servers.ask(Request::script(operation, script, &[name, trace], &args, effect)).await?.into_answer()
}
