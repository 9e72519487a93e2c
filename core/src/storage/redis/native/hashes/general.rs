//! Any change of a hash, by the script that knows all cases: another request has changed the session, it has ended, it may be over a
//! limit, it moves, it is cleared, it gets another principal, or there is a condition.

use super::{
    super::{
        header::{encode_tombstone, tag_of},
        indexed_change::IndexedChange,
        script_args::{self, bound},
        scripts::HASH,
    },
    fields::{Fields, field},
    value::changed,
};
use crate::{
    Limits,
    record::{Commit, JsonText},
    storage::{
        StorageError, StorageErrorKind, Tombstone,
        redis::{errors::Answered, layout::Change, servers::Effect},
    },
};

/// Attempts to move a session before giving up. One fails if another request has changed the principal.
const ATTEMPTS: usize = 1000;

/// Makes any change.
pub(super) async fn change(
    mut indexed: IndexedChange<'_>,
    commit: &Commit,
    limits: &Limits,
    operation: &'static str,
) -> Answered<Change> {
    let IndexedChange { context, servers, from: key, to, .. } = indexed;
    let (name, changes) = (context.name(key), &commit.changes);
    let principal = changes.principal();
    let Fields { sets, removals } = Fields::of(changes);
    let condition = commit.expect.as_ref().map(|expect| (field(&expect.key), expect.json.as_ref()));
    let mut what = [0; 23];
    what[0] = u8::from(changes.is_cleared());
    what[1] = u8::from(principal.is_some());
    what[2] = match &condition {
        None => 0,
        Some((_, None)) => 1,
        Some((_, Some(_))) => 2,
    };
    what[3..7].copy_from_slice(&bound(sets.len()));
    what[7..11].copy_from_slice(&bound(limits.max_entries));
    what[11..15].copy_from_slice(&bound(limits.max_record_bytes));
    what[15..19].copy_from_slice(&bound(context.limits.max_entries));
    what[19..23].copy_from_slice(&bound(context.limits.max_record_bytes));

    let target = to.map(|to| context.name(to));
    let keys: Vec<&[u8]> = std::iter::once(&*name).chain(target.as_deref()).collect();
    let (access, revision) = (script_args::access(&commit.access), context.revisions.next().to_le_bytes());
    let (tag, lifespan) = (tag_of(principal.flatten()), script_args::lifespan(changes.lifespan()));
    let tombstone = to.map(|to| encode_tombstone(&Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
    let (condition_field, condition_value) = match &condition {
        None => (&[][..], &[][..]),
        Some((field, json)) => (field.as_slice(), json.map_or(&[][..], JsonText::as_bytes)),
    };
    for _ in 0..ATTEMPTS {
        let expected = indexed.expected();
        let mut args: Vec<&[u8]> = Vec::with_capacity(10 + 2 * sets.len() + removals.len());
        args.extend([
            &access[..],
            &revision,
            &what,
            principal.flatten().unwrap_or_default().as_bytes(),
            &tag,
            condition_field,
            condition_value,
            tombstone.as_ref().map_or(&[][..], |tombstone| &tombstone[..]),
            &expected,
            &lifespan,
        ]);
        args.extend(sets.iter().flat_map(|(field, json)| [field.as_slice(), json.as_bytes()]));
        args.extend(removals.iter().map(Vec::as_slice));
        let mut answer = servers.call(operation, &HASH.commit, &keys, &args, Effect::Once).await?;
        if answer.case == 7 {
            indexed.expect(&answer.header()?).await?;
            continue;
        }
        let change = changed(context, servers, to.unwrap_or(key), answer, limits, operation).await?;
        indexed.finish(&change).await;
        return Ok(change);
    }
    Err(StorageError::new(StorageErrorKind::Other, "renewing a session whose principal keeps changing"))
}
