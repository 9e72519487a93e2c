//! `gsession move`.

use clap::error::ErrorKind;
use gsession::{Clock as _, KeyScheme, MovingStorage, Realm, SystemClock, storage::ScanCursor};
use serde::Serialize;

use crate::{
    cli::MoveOptions,
    failure::{Failure, usage},
    output::{Output, Progress},
    storage::StorageOptions,
};

#[derive(Serialize, Default)]
struct Counted {
    moved: u64,
    there: u64,
    gone: u64,
    refused: u64,
}

pub(super) async fn all(from: &StorageOptions, options: &MoveOptions, json: bool) -> Result<(), Failure> {
    let (old, new) = (from.open()?, options.to.open(from)?);
    let wrong = |message| Failure::Usage(usage(ErrorKind::InvalidValue, message));
    let mut after: Option<ScanCursor> = match &options.after {
        Some(text) => Some(text.parse().map_err(|_| wrong("this is not what an earlier run has printed for --after"))?),
        None => None,
    };
    let realm = options.realm.as_deref().map(Realm::new);
    let is_raw = old.key_scheme() == KeyScheme::RawIds;
    if realm.is_some() && !is_raw {
        return Err(wrong("--realm is for GoFrame's formats: other storages have the realm in their keys"));
    }
    // Neither must be broken from the beginning.
    old.check().await?;
    new.check().await?;
    let progress = Progress::begin("moving sessions", old.count(SystemClock.now())).await;
    let moving = if is_raw { MovingStorage::from_goframe(old, new, realm)? } else { MovingStorage::new(old, new)? };
    let mut counted = Counted::default();
    loop {
        let page = tokio::select! {
            biased;
            Ok(()) = tokio::signal::ctrl_c() => return Err(stopped(after, Failure::Interrupted)),
            page = moving.move_page(after.as_ref(), SystemClock.now()) => page,
        };
        let page = match page {
            Ok(page) => page,
            Err(error) => return Err(stopped(after, error.into())),
        };
        counted.moved += page.moved;
        counted.there += page.there;
        counted.gone += page.gone;
        counted.refused += page.refused;
        progress.add(page.moved + page.there + page.refused);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    drop(progress);
    tell(&counted, json)
}

/// Says where to go on.
fn stopped(after: Option<ScanCursor>, failure: Failure) -> Failure {
    match after {
        Some(after) => Failure::MoveStopped(after, Box::new(failure)),
        None => failure,
    }
}

fn tell(counted: &Counted, json: bool) -> Result<(), Failure> {
    let mut output = Output::new();
    let Counted { moved, there, gone, refused } = counted;
    let said = if json {
        output.json(counted)
    } else {
        output.line(&format!("{moved} moved, {there} there already, {gone} gone meanwhile, {refused} refused"))
    };
    let said = said.and_then(|()| output.finish());
    if *refused > 0 { Err(Failure::Refused(*refused)) } else { said }
}
