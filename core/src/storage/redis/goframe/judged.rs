//! Removing and touching what was judged to be a session.
//!
//! What stands under a key may be anything, and whether it is a session must be said in one place only: what is served must be
//! what a logout ends. So the scripts hand back a text that was not judged yet, and do nothing; they are called again with the
//! revision of the text that was judged here.

use super::{form::digits, json, trace::Trace};
use crate::storage::{
    StorageError, StorageErrorKind,
    redis::{
        server::{Dialer, Script},
        wire::{Answer, Nature, Wire, shape},
    },
};

/// Tries before giving up: each lost one means that somebody has changed the session meanwhile.
const TRIES: usize = 1000;

/// What a script has done.
pub(super) enum Outcome {
    Done(Answer),
    /// There is no session; a renewal has left a trace.
    Moved(Trace),
    Gone,
}

/// Runs `remove` or `touch` on what stands under the first of `names`, if it is a session.
pub(super) async fn judged<D: Dialer>(
    wire: &Wire<'_, D>,
    doing: &'static str,
    script: &'static Script,
    names: &[Vec<u8>; 2],
    args: &[&[u8]],
    nature: Nature,
) -> Result<Outcome, StorageError> {
    // No text has this revision, and every hash has it.
    let mut revision = Vec::new();
    for _ in 0..TRIES {
        let mut answer = of_revision(wire, doing, script, names, &revision, args, nature).await?;
        if answer.case != 3 {
            return outcome(answer, doing);
        }
        let _left = answer.left();
        let (Some(other), Some(text)) = (answer.bytes(), answer.bytes()) else { return Err(shape(doing)) };
        if !json::is_session(&text) {
            let trace = answer.bytes().and_then(|bytes| Trace::decode(&bytes));
            return Ok(trace.map_or(Outcome::Gone, Outcome::Moved));
        }
        revision = other;
    }
    Err(StorageError::new(StorageErrorKind::Other, doing))
}

/// Extends the session of this revision, which was judged when it was read; unless it has changed since.
pub(super) async fn touch_as_read<D: Dialer>(
    wire: &Wire<'_, D>,
    doing: &'static str,
    script: &'static Script,
    names: &[Vec<u8>; 2],
    revision: u64,
    idle: u64,
) -> Result<Option<Answer>, StorageError> {
    let (revision, idle) = (digits(revision), idle.to_string());
    let args = [idle.as_bytes()];
    let answer = of_revision(wire, doing, script, names, revision.as_bytes(), &args, Nature::Read).await?;
    Ok((answer.case == 0).then_some(answer))
}

async fn of_revision<D: Dialer>(
    wire: &Wire<'_, D>,
    doing: &'static str,
    script: &'static Script,
    [name, trace]: &[Vec<u8>; 2],
    revision: &[u8],
    args: &[&[u8]],
    nature: Nature,
) -> Result<Answer, StorageError> {
    wire.script(doing, script, &[name, trace], &[&[revision], args].concat(), nature).await
}

fn outcome(mut answer: Answer, doing: &'static str) -> Result<Outcome, StorageError> {
    Ok(match answer.case {
        0 => Outcome::Done(answer),
        1 => Outcome::Gone,
        2 => Outcome::Moved(answer.trace(doing)?),
        _ => return Err(shape(doing)),
    })
}
