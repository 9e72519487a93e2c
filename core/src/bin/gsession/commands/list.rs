//! `gsession list`.

use gsession::{SessionInfo, StoreKey};

use super::Context;
use crate::{
    cli::Whose,
    failure::Failure,
    output::{Listed, cut, patiently, relative, table},
};

/// Letters of a principal or a label in the table.
const WIDEST: usize = 40;

pub(super) async fn list(context: Context, whose: &Whose) -> Result<(), Failure> {
    let Context { manager, mut output, json, .. } = context;
    let sessions = patiently("listing the sessions", async {
        match (&whose.principal, &whose.tag) {
            (_, Some(tag)) => manager.sessions_tagged(tag).await,
            (principal, None) => manager.sessions_of(principal.as_deref().unwrap_or_default()).await,
        }
    });
    let sessions = sessions.await?;
    if sessions.is_empty() {
        return Err(Failure::NotFound(if whose.tag.is_some() { NONE_TAGGED } else { NONE }));
    }
    if json {
        for (key, info) in &sessions {
            output.json(&Listed::of(key, info))?;
        }
        return output.finish();
    }
    let now = manager.now();
    let common = |(key, info): &(StoreKey, SessionInfo)| {
        let times = [info.last_seen, info.expires_at, info.created_at].map(|at| relative(at, now));
        (key.to_string(), times, shown(info.label.as_deref()))
    };
    let lines = if whose.tag.is_some() {
        let row = |session| {
            let (key, [seen, expires, created], label) = common(session);
            [key, seen, expires, created, shown(session.1.principal.as_deref()), label]
        };
        let rows: Vec<_> = sessions.iter().map(row).collect();
        table(["KEY", "LAST SEEN", "EXPIRES", "CREATED", "PRINCIPAL", "LABEL"], &rows)
    } else {
        let row = |session| {
            let (key, [seen, expires, created], label) = common(session);
            [key, seen, expires, created, label]
        };
        let rows: Vec<_> = sessions.iter().map(row).collect();
        table(["KEY", "LAST SEEN", "EXPIRES", "CREATED", "LABEL"], &rows)
    };
    for line in lines {
        output.line(&line)?;
    }
    output.finish()
}

pub(super) const NONE: &str = "this principal has no session, or is in another storage or under another prefix";
pub(super) const NONE_TAGGED: &str = "no session has this tag, or it is in another storage or under another prefix";

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| cut(text, WIDEST))
}
