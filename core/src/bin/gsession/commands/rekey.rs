//! `gsession rekey`.

use clap::error::ErrorKind;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gsession::{
    AnyStorage,
    storage::sealed::{Rekeyed, Sealed},
};
use serde::Serialize;

use super::Context;
use crate::{
    failure::{Failure, usage},
    output::Progress,
};

/// Sessions that are sealed at a time.
const AT_A_TIME: usize = 16;

/// What has become of the sessions.
#[derive(Debug, Default, Serialize)]
struct Counts {
    rekeyed: u64,
    /// A session that was renewed lately is listed, and counted here, once more.
    already: u64,
    gone: u64,
    unopened: u64,
}

pub(super) async fn rekey(context: Context) -> Result<(), Failure> {
    let Context { storage, sealed, manager, mut output, json } = context;
    let Some(sealed) = sealed else {
        let message = "the keys are missing: --seal-with names the file with the first one, --older-key those before";
        return Err(usage(ErrorKind::MissingRequiredArgument, message).into());
    };
    let progress = Progress::begin("sealing sessions", manager.count()).await;
    let (mut counts, mut cursor) = (Counts::default(), None);
    loop {
        let page = storage.scan(cursor.as_ref(), manager.now()).await?;
        let keys = page.keys.len() as u64;
        let rekeyed = stream::iter(page.keys).map(|key| one(&sealed, &manager, key)).buffer_unordered(AT_A_TIME);
        counts = rekeyed.try_fold(counts, |counts, rekeyed| async move { Ok(counts.with(rekeyed)) }).await?;
        progress.add(keys);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    drop(progress);
    let Counts { rekeyed, already, gone, unopened } = counts;
    if json {
        output.json(&counts)?;
    } else {
        output.line(&format!(
            "{rekeyed} sealed with the first key, {already} needed no change, {gone} ended meanwhile"
        ))?;
    }
    output.finish()?;
    if unopened == 0 { Ok(()) } else { Err(Failure::Unopened(unopened)) }
}

async fn one(
    sealed: &Sealed<AnyStorage>,
    manager: &gsession::AsyncManager,
    key: gsession::StoreKey,
) -> Result<Rekeyed, Failure> {
    Ok(sealed.rekey(&key, manager.now()).await?)
}

impl Counts {
    fn with(mut self, rekeyed: Rekeyed) -> Self {
        let count = match rekeyed {
            Rekeyed::Done => &mut self.rekeyed,
            Rekeyed::Already => &mut self.already,
            Rekeyed::Absent => &mut self.gone,
            _ => &mut self.unopened,
        };
        *count += 1;
        self
    }
}
