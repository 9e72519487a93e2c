//! Moving a session to a key on another node of a cluster, where no script reaches both.
//!
//! 1. The session is put together under the new key, *prepared*: nobody can see it, and it expires within a minute.
//! 2. Under the old key it is replaced by the trace of the renewal, if it has not changed meanwhile (otherwise again from 1).
//!    From here on the old id is dead, and of several renewals this one has won.
//! 3. What was prepared becomes the session.
//!
//! Whoever ends the session between 2 and 3 follows the trace and removes what was prepared, so that 3 finds nothing. If the
//! process dies after 1, what was prepared expires; after 2, its user has to log in again, as nobody knows the new id. Whoever follows the
//! trace between 2 and 3, to join the session, makes it the session.

use super::{
    Native,
    body::Body,
    header::{Kind, encode_trace},
    packed,
};
use crate::{
    StoreKey,
    record::{Access, Applied, Commit, Snapshot},
    storage::{
        Created, FORWARD_FOR, Lookup, Moved, StorageError, StorageErrorKind, Trace,
        redis::{
            layout::Layout,
            server::Dialer,
            wire::{Answer, Nature, Wire, shape},
        },
    },
};

const RENEWING: &str = "renewing a session in a Redis cluster";
/// Tries to move a session that others keep changing.
const TRIES: usize = 100;

/// Changes a session and moves it.
pub(super) async fn move_between_nodes<B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    from: &StoreKey,
    to: &StoreKey,
    commit: &Commit,
) -> Result<Moved, StorageError> {
    let access = &commit.access;
    let trace = Trace::new(*to, access.now, commit.sealed.clone());
    for _ in 0..TRIES {
        let snapshot = match layout.load(wire, from, None, &Access { extend: None, ..*access }).await? {
            Lookup::Found(snapshot) => snapshot,
            Lookup::Moved(at) => return moved_before(layout, wire, from, &trace, at, access).await,
            Lookup::Absent => return Ok(Moved::Gone),
        };
        let Snapshot { record, revision, .. } = snapshot;
        let record = match record.apply(commit).map_err(|limit| StorageError::limit(limit, RENEWING))? {
            Applied::Changed(record) => record,
            Applied::Expired | Applied::Conflict(_) => return Ok(Moved::Gone),
        };
        let (common, body) = (&layout.common, &layout.body);
        if body.create(common, wire, to, &record, Kind::Prepared, access.now).await? == Created::Exists {
            return Ok(Moved::Taken);
        }
        let mut claimed = claim(layout, wire, from, revision, &trace, access).await?;
        match claimed.case {
            0 => return activated(layout, wire, to, access).await,
            3 => {}
            case => {
                // What was prepared is nobody's.
                layout.remove(wire, to).await?;
                let at = if case == 2 { claimed.time() } else { None };
                return Ok(at.map_or(Moved::Gone, Moved::Moved));
            }
        }
    }
    layout.remove(wire, to).await?;
    Err(StorageError::new(StorageErrorKind::Other, "renewing a session that others keep changing"))
}

/// Leaves a trace in the place of a session of this revision: `claim.lua`.
async fn claim<B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    key: &StoreKey,
    revision: u64,
    trace: &Trace,
    access: &Access,
) -> Result<Answer, StorageError> {
    let (name, packed) = (layout.common.name(key), packed::access(access));
    let args: [&[u8]; 3] = [&packed, &revision.to_le_bytes(), &encode_trace(trace)];
    wire.script(RENEWING, &layout.body.scripts().claim, &[&name], &args, Nature::Repeatable).await
}

/// Makes what was prepared the session: `activate.lua`.
pub(super) async fn activated<B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    to: &StoreKey,
    access: &Access,
) -> Result<Moved, StorageError> {
    let (name, packed) = (layout.common.name(to), packed::access(access));
    let script = &layout.body.scripts().activate;
    let mut answer = wire.script(RENEWING, script, &[&name], &[&packed], Nature::Repeatable).await?;
    if answer.case != 0 {
        return Ok(Moved::Gone);
    }
    let header = answer.header().ok_or_else(|| shape(RENEWING))?;
    Ok(Moved::Done { expires_at: header.expires_at(), revision: 0 })
}

/// The session has been renewed. If that was an earlier try of this very move, whose answer was lost, it is brought to its
/// end.
async fn moved_before<B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    from: &StoreKey,
    trace: &Trace,
    at: crate::Timestamp,
    access: &Access,
) -> Result<Moved, StorageError> {
    debug_assert!(access.now < at + FORWARD_FOR, "an older trace is none");
    let claimed = claim(layout, wire, from, 0, trace, access).await?;
    if claimed.case != 0 {
        return Ok(Moved::Moved(at));
    }
    // What it has stored is there, but perhaps not all that is asked for now.
    Ok(match activated(layout, wire, &trace.to, access).await? {
        Moved::Done { .. } => Moved::Taken,
        other => other,
    })
}
