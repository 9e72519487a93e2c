//! `gsession check`.

use serde::Serialize;

use super::Context;
use crate::{failure::Failure, output::patiently};

#[derive(Serialize)]
struct Checked {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(super) async fn check(context: Context) -> Result<(), Failure> {
    let Context { manager, mut output, json, .. } = context;
    let checked = patiently("checking the storage", manager.check()).await.map_err(Failure::Storage);
    let said = match (&checked, json) {
        (Ok(()), false) => output.line("ready"),
        (Ok(()), true) => output.json(&Checked { ready: true, reason: None }),
        (Err(failure), true) => output.json(&Checked { ready: false, reason: Some(failure.line()) }),
        (Err(_), false) => Ok(()),
    };
    let said = said.and_then(|()| output.finish());
    // A storage that is not ready is one whether or not somebody reads so.
    checked.and(said)
}
