//! `gsession move`.

use gsession::{
    AsyncStorage as _, Clock as _, MovingStorage, SystemClock,
    storage::{StorageError, moving::MoveCounts},
};
use serde::Serialize;

use crate::{
    failure::Failure,
    output::{Output, Progress},
    storage::{Destination, StorageOptions},
};

/// How often all sessions are gone through. The second pass finds those that a service had on their way when it died, and that the
/// first one had passed by.
const PASSES: usize = 2;

#[derive(Serialize)]
struct Counted {
    moved: u64,
    there: u64,
    gone: u64,
    refused: u64,
    lists: u64,
}

pub(super) async fn all(from: &StorageOptions, to: &Destination, json: bool) -> Result<(), Failure> {
    let (old, moving) = (from.open()?, to.moving(from)?);
    // Both must work before we start.
    moving.check().await?;
    let progress = Progress::begin("moving sessions", old.count(SystemClock.now())).await;
    let mut counts = MoveCounts::default();
    let stopped = tokio::select! {
        biased;
        Ok(()) = tokio::signal::ctrl_c() => Some(Failure::Interrupted),
        moved = move_all(&moving, &mut counts, &progress) => moved.err().map(Failure::from),
    };
    drop(progress);
    let said = tell(counts, json);
    match stopped {
        Some(failure) => Err(Failure::MoveStopped(Box::new(failure))),
        None if counts.refused > 0 => Err(Failure::Refused(counts.refused)),
        None => said,
    }
}

async fn move_all(moving: &MovingStorage, counts: &mut MoveCounts, progress: &Progress) -> Result<(), StorageError> {
    for pass in 0..PASSES {
        // The second pass meets the traces of the first, and what was refused.
        let (gone, refused) = (counts.gone, std::mem::take(&mut counts.refused));
        let mut after = None;
        loop {
            let before = counts.moved + counts.there;
            after = moving.move_page(after.as_ref(), SystemClock.now(), counts).await?;
            progress.add(counts.moved + counts.there - before);
            if after.is_none() {
                break;
            }
        }
        if pass > 0 {
            counts.gone = gone;
        }
        counts.refused = counts.refused.max(refused);
    }
    Ok(())
}

fn tell(counts: MoveCounts, json: bool) -> Result<(), Failure> {
    let MoveCounts { moved, there, gone, refused, lists, .. } = counts;
    let mut output = Output::new();
    let said = if json {
        output.json(&Counted { moved, there, gone, refused, lists })
    } else {
        output.line(&format!(
            "{moved} moved, {there} there already, {gone} gone meanwhile, {refused} refused, and {lists} lists"
        ))
    };
    said.and_then(|()| output.finish())
}
