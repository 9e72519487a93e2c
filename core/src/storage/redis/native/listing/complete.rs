//! Noting the sessions from before there was an index.

use std::{sync::atomic::Ordering, time::Duration};

use redis::{Cmd, Value};

use super::super::{
    context::Context,
    format::Native,
    header::{Header, millis, tag_of},
    index::{NOTING, Note, mark_of},
    scan::{Seen, Walk},
    scripts::NOTE,
};
use crate::{
    StoreKey, Timestamp,
    storage::redis::{
        errors::Answered,
        layout::LISTING,
        servers::{Effect, Request, Servers},
    },
};

/// How long the mark is kept. Then all sessions are noted once more.
const MARK_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a process believes that the mark is there.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// Notes all sessions, unless the mark says that this was done.
pub(super) async fn complete<N: Native>(layout: &N, servers: &Servers, now: Timestamp) -> Answered<()> {
    let context = layout.context();
    let seen = context.marked.load(Ordering::Relaxed);
    if seen != 0 && now.since(Timestamp::from_millis(seen)) < BELIEVED {
        return Ok(());
    }
    let mark = mark_of(&context.prefix);
    let mut exists = Cmd::with_capacity(2, 96);
    exists.arg("EXISTS").arg(&mark);
    if servers.ask(Request::command(LISTING, &mark, exists, Effect::Read)).await? == Value::Int(0) {
        let mut walk = Walk::begin(layout, servers, LISTING, now).await?;
        while let Some(step) = walk.next().await? {
            let sessions = step.into_iter().filter_map(|thing| match thing {
                Seen::Session(key, header) if header.tag != tag_of(None) => Some((key, header)),
                _ => None,
            });
            note_each(context, servers, sessions, now).await?;
        }
        let mut set = Cmd::with_capacity(5, 128);
        set.arg("SET").arg(&mark).arg("1").arg("PX").arg(millis(MARK_LIFETIME));
        servers.ask(Request::command(LISTING, &mark, set, Effect::Repeatable)).await?;
    }
    context.marked.store(now.as_millis(), Ordering::Relaxed);
    Ok(())
}

/// Notes several sessions.
async fn note_each(
    context: &Context,
    servers: &Servers,
    sessions: impl Iterator<Item = (StoreKey, Header)> + Send,
    now: Timestamp,
) -> Answered<()> {
    let notes: Vec<_> = sessions.map(|(key, header)| Note::of(&context.prefix, &key, &header, now)).collect();
    let sets: Vec<[&[u8]; 1]> = notes.iter().map(|note| [&*note.set]).collect();
    let args: Vec<_> = notes.iter().map(|note| note.args.each_ref().map(Vec::as_slice)).collect();
    let each = sets.iter().zip(&args);
    let requests = each.map(|(set, args)| Request::script(NOTING, &NOTE, set, args, Effect::Repeatable));
    for answer in servers.ask_each(requests.collect()).await? {
        answer?;
    }
    Ok(())
}
