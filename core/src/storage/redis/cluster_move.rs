//! Moving a session to a key on another node of a cluster, where no script reaches both keys.
//!
//! 1. The session is stored under the new key, *prepared*: nobody can see it, and it expires within a minute.
//! 2. Under the old key it is replaced by the tombstone of the renewal, if it has not changed since it was read. If it has, the move
//!    starts again. From here on the old id is invalid, and of several renewals this one has won.
//! 3. The prepared session is activated.
//!
//! A logout between 2 and 3 follows the tombstone and removes the prepared session, so that 3 finds nothing. A request that follows the
//! tombstone between 2 and 3, to join the session, activates it. If the process dies after 1, the prepared session expires; if it
//! dies after 2, the user has to log in again, because nobody knows the new id.

use super::{
    errors::Answered,
    layout::{Claim, Layout, RENEWING, Renewal},
    servers::Servers,
};
use crate::{
    Timestamp,
    record::{Access, Applied, Snapshot},
    storage::{Created, Lookup, Moved, StorageError, StorageErrorKind},
};

/// Attempts to move a session that others keep changing.
const ATTEMPTS: usize = 100;

/// Changes a session and moves it.
pub(super) async fn move_between_nodes<L: Layout>(
    layout: &L,
    servers: &Servers,
    renewal: &Renewal<'_>,
) -> Answered<Moved> {
    let Renewal { from, to, commit } = *renewal;
    let passive = Access { extend: None, ..commit.access };
    for left in (0..ATTEMPTS).rev() {
        let Snapshot { record: before, revision, .. } = match layout.load(servers, from, None, &passive).await? {
            Lookup::Found(snapshot) => snapshot,
            Lookup::Renewed(at) => return moved_before(layout, servers, renewal, at).await,
            Lookup::Absent => return Ok(Moved::Gone),
        };
        let record = match before.apply(commit).map_err(|limit| StorageError::limit(limit, RENEWING))? {
            Applied::Changed(record) => record,
            Applied::Expired | Applied::Conflict(_) => return Ok(Moved::Gone),
        };
        if layout.prepare(servers, renewal, &record).await? == Created::Exists {
            return Ok(Moved::Taken);
        }
        let lost = match layout.claim(servers, renewal, revision).await? {
            Claim::Done => {
                let activated = layout.activate(servers, to, &commit.access).await?;
                layout.unlist(servers, from, before.principal.as_deref()).await;
                let is_remembered = record.is_remembered;
                let done = |expires_at| Moved::Done { expires_at, is_remembered, revision: 0 };
                return Ok(activated.map_or(Moved::Gone, done));
            }
            Claim::Changed if L::REPLACES_PREPARED && left > 0 => continue,
            Claim::Changed => None,
            Claim::Gone => Some(Moved::Gone),
            Claim::Renewed(at) => Some(Moved::Renewed(at)),
        };
        layout.remove(servers, to).await?;
        if let Some(lost) = lost {
            return Ok(lost);
        }
    }
    Err(StorageError::new(StorageErrorKind::Other, "renewing a session that others keep changing"))
}

/// What to answer when the session was renewed at `at`. If that was an earlier attempt of this very move, whose answer was lost, the
/// move is completed.
pub(super) async fn moved_before<L: Layout>(
    layout: &L,
    servers: &Servers,
    renewal: &Renewal<'_>,
    at: Timestamp,
) -> Answered<Moved> {
    if !layout.was_moved(servers, renewal).await? {
        return Ok(Moved::Renewed(at));
    }
    // What the earlier attempt has stored is there, but perhaps not everything that is to be stored now.
    let activated = layout.activate(servers, renewal.to, &renewal.commit.access).await?;
    Ok(activated.map_or(Moved::Gone, |_| Moved::Taken))
}
