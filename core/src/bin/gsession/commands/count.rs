//! `gsession count`.

use std::io::{IsTerminal as _, stdout};

use serde::Serialize;

use super::Context;
use crate::{
    failure::{Failure, say},
    output::patiently,
};

#[derive(Serialize)]
struct Counted {
    sessions: u64,
}

pub(super) async fn count(context: Context) -> Result<(), Failure> {
    let Context { manager, mut output, json, .. } = context;
    let sessions = patiently("counting the sessions", manager.count()).await?;
    if json {
        output.json(&Counted { sessions })?;
    } else {
        output.line(&sessions.to_string())?;
    }
    output.finish()?;
    if sessions == 0 && !json && stdout().is_terminal() {
        // A person may have expected some.
        say("if there should be sessions, they are in another storage or under another prefix");
    }
    Ok(())
}
