//! `gsession show`.

use std::collections::HashSet;

use gsession::{
    Record, SessionInfo, StoreKey, Timestamp,
    storage::{Access, Lookup},
};

use super::Context;
use crate::{
    cli::Key,
    failure::Failure,
    output::{Detailed, Entry, Listed, Output, both, clean, pairs, patiently, table, value},
};

/// What the names of entries begin with that are not the application's.
const RESERVED: &str = "gsession.";
pub(super) const NONE: &str =
    "there is no session under this key: it has ended, or is in another storage or under another prefix";

pub(super) async fn show(context: Context, key: &Key, with_values: bool) -> Result<(), Failure> {
    let (typed, now) = (context.key(key)?, context.manager.now());
    let (key, record) =
        patiently("reading the session", context.read(typed, now)).await?.ok_or(Failure::NotFound(NONE))?;
    let Context { mut output, json, .. } = context;
    let info = SessionInfo::of(&record);
    let is_own = |(name, _): &(&str, &str)| !name.starts_with(RESERVED);
    let entries: Vec<_> = record.entries.iter().filter(is_own).collect();
    if json {
        let entries = entries.into_iter().map(|(name, text)| Entry::of(name, text, with_values)).collect();
        output.json(&Detailed { session: Listed::of(&key, &info), entries })?;
    } else {
        describe(&mut output, &key, &info, now)?;
        if !entries.is_empty() {
            output.line("")?;
        }
        list(&mut output, &entries, with_values)?;
    }
    output.finish()
}

impl Context {
    /// The session under a key, or the one to which it was renewed, with its key.
    async fn read(&self, mut key: StoreKey, now: Timestamp) -> Result<Option<(StoreKey, Record)>, Failure> {
        let (access, mut seen) = (Access::passive(now), HashSet::new());
        // Renewals never lead in a circle, unless somebody has tampered with the storage.
        while seen.insert(key) {
            match self.storage.load(&key, &access).await? {
                Lookup::Found(found) if !found.record.is_list() => return Ok(Some((key, found.record))),
                Lookup::Renewed(_) => match self.storage.tombstone(&key, now).await? {
                    Some(tombstone) => key = tombstone.to,
                    None => break,
                },
                _ => break,
            }
        }
        Ok(None)
    }
}

fn describe(output: &mut Output, key: &StoreKey, info: &SessionInfo, now: Timestamp) -> Result<(), Failure> {
    let time = |at: Timestamp| both(at, now);
    let mut known = vec![("Key", key.to_string())];
    let texts = [("Principal", &info.principal), ("Label", &info.label), ("Tag", &info.tag)];
    known.extend(texts.into_iter().filter_map(|(name, text)| Some((name, clean(text.as_deref()?)))));
    known.push(("Created", time(info.created_at)));
    known.extend(info.authenticated_at.map(|at| ("Logged in", time(at))));
    known.extend(info.address.map(|address| ("From", address.to_string())));
    known.push(("Last seen", time(info.last_seen)));
    known.push(("Expires", time(info.expires_at)));
    known.push(("Ends at", info.absolute_deadline.map_or_else(|| "never, if it is used".to_owned(), time)));
    if info.is_remembered {
        known.push(("Remembered", "yes".to_owned()));
    }
    pairs(&known).iter().try_for_each(|line| output.line(line))
}

fn list(output: &mut Output, entries: &[(&str, &str)], with_values: bool) -> Result<(), Failure> {
    let row = |(name, text): &(&str, &str)| {
        let (bytes, value) = (text.len(), value(text));
        let bytes = if value.is_some() { bytes.to_string() } else { format!("{bytes} (damaged)") };
        // Of a damaged one, what is there.
        [clean(name), bytes, clean(value.as_ref().map_or(text, |value| value.get()))]
    };
    let rows = entries.iter().map(row);
    let lines = if with_values {
        table(["ENTRY", "BYTES", "VALUE"], &rows.collect::<Vec<_>>())
    } else {
        table(["ENTRY", "BYTES"], &rows.map(|[name, bytes, _]| [name, bytes]).collect::<Vec<_>>())
    };
    // Without an entry there is nothing but the titles.
    let lines = if entries.is_empty() { vec![] } else { lines };
    lines.iter().try_for_each(|line| output.line(line))
}
