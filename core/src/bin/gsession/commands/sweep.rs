//! `gsession sweep`.

use serde::Serialize;

use super::Context;
use crate::{failure::Failure, output::patiently};

#[derive(Serialize)]
struct Swept {
    removed: u64,
    kept: u64,
    foreign: u64,
}

pub(super) async fn sweep(context: Context) -> Result<(), Failure> {
    let Context { manager, mut output, json, .. } = context;
    let swept = patiently("removing what has expired", manager.sweep()).await?;
    let gsession::storage::Swept { removed, kept, foreign, .. } = swept;
    if json {
        output.json(&Swept { removed, kept, foreign })?;
    } else {
        output.line(&format!("{removed} removed, {kept} kept, {foreign} not sessions"))?;
    }
    output.finish()
}
