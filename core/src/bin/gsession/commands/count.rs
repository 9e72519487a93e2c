//! `gsession count`.

use serde::Serialize;

use super::Context;
use crate::{failure::Failure, output::patiently};

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
    output.finish()
}
