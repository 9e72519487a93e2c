//! Any change of a hash, by the script that knows all cases: another request has changed the session, it has ended, it may be over a
//! limit, it moves, it is cleared, it gets another principal, or there is a condition.

use super::{
    super::{
        context::Context,
        header::{encode_tombstone, tag_of},
        script_args::{self, bound},
        scripts::HASH,
    },
    fields::{Fields, field},
    value::changed,
};
use crate::{
    Limits, StoreKey,
    record::{Commit, JsonText},
    storage::{
        Tombstone,
        redis::{
            errors::Answered,
            layout::Change,
            servers::{Effect, Servers},
        },
    },
};

/// Makes any change.
pub(super) async fn change(
    context: &Context,
    servers: &Servers,
    key: &StoreKey,
    to: Option<&StoreKey>,
    commit: &Commit,
    limits: &Limits,
    operation: &'static str,
) -> Answered<Change> {
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
    let tag = tag_of(principal.flatten());
    let tombstone = to.map(|to| encode_tombstone(&Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
    let (expected_field, expected) = match &condition {
        None => (&[][..], &[][..]),
        Some((field, json)) => (field.as_slice(), json.map_or(&[][..], JsonText::as_bytes)),
    };
    let mut args: Vec<&[u8]> = Vec::with_capacity(8 + 2 * sets.len() + removals.len());
    args.extend([
        &access[..],
        &revision,
        &what,
        principal.flatten().unwrap_or_default().as_bytes(),
        &tag,
        expected_field,
        expected,
        tombstone.as_ref().map_or(&[][..], |tombstone| &tombstone[..]),
    ]);
    args.extend(sets.iter().flat_map(|(field, json)| [field.as_slice(), json.as_bytes()]));
    args.extend(removals.iter().map(Vec::as_slice));
    let answer = servers.call(operation, &HASH.commit, &keys, &args, Effect::Once).await?;
    changed(context, to.unwrap_or(key), answer, limits, operation)
}
