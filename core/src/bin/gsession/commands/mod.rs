//! The commands.

mod check;
mod count;
mod end;
mod list;
mod migrate;
mod moving;
mod rekey;
mod show;
mod sweep;

use std::{
    io::{BufRead as _, Read as _, stdin},
    time::Duration,
};

use clap::error::ErrorKind;
use gsession::{AnyStorage, AsyncManager, KeyScheme, SessionId, StoreKey, storage::sealed::Sealed};

use crate::{
    cli::{Cli, Command, Key},
    failure::{Failure, usage},
    output::Output,
    storage::{Destination, SealingOptions, StorageOptions},
};

/// More than any key or id has, in bytes.
const LONGEST_KEY: u64 = 4096;

/// What every command needs.
struct Context {
    storage: AnyStorage,
    /// The storage, if its sessions are sealed.
    sealed: Option<Sealed<AnyStorage>>,
    manager: AsyncManager,
    output: Output,
    json: bool,
}

pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { command, json, storage, sealing } = cli;
    let open = |to: Option<&Destination>| Context::open(&storage, to, &sealing, json);
    match command {
        Command::Count { to } => count::count(open(to.as_ref())?).await,
        Command::List { whose, to } => list::list(open(to.as_ref())?, &whose).await,
        Command::Show { key, values, to } => show::show(open(to.as_ref())?, &key, values).await,
        Command::End { key, to } => end::one(open(to.as_ref())?, &key).await,
        Command::EndAll { principal, confirmation, to } => {
            end::all(open(to.as_ref())?, &principal, &confirmation).await
        }
        Command::EndTagged { tag, confirmation, to } => end::tagged(open(to.as_ref())?, &tag, &confirmation).await,
        Command::Check => check::check(open(None)?).await,
        Command::Sweep => sweep::sweep(open(None)?).await,
        Command::Rekey => rekey::rekey(open(None)?).await,
        // What is sealed moves as it is, so no key is needed.
        Command::Move(to) => moving::all(&storage, &to, json).await,
        Command::Migrate { url } => migrate::migrate(&storage.or_at(url)?, json).await,
    }
}

impl Context {
    /// Opens the storage; while sessions move to another one, both.
    fn open(
        storage: &StorageOptions,
        to: Option<&Destination>,
        sealing: &SealingOptions,
        json: bool,
    ) -> Result<Self, Failure> {
        let storage = match to {
            Some(to) => AnyStorage::new(to.moving(storage)?),
            None => storage.open()?,
        };
        let sealed = sealing.seal(&storage)?;
        let storage = sealed.clone().map_or(storage, AnyStorage::new);
        // Sessions live by the deadlines that are stored, whatever the settings of their service are.
        let manager = AsyncManager::builder(storage.clone()).idle_timeout(Duration::MAX).build()?;
        Ok(Self { storage, sealed, manager, output: Output::new(), json })
    }

    /// The key that was typed. What was typed is not repeated in the error: it may be an id.
    fn key(&self, key: &Key) -> Result<StoreKey, Failure> {
        let mut line = String::new();
        let text = if key.text == "-" {
            stdin().lock().take(LONGEST_KEY).read_line(&mut line).map_err(Failure::Input)?;
            line.trim()
        } else {
            &key.text
        };
        let wrong = |message| Failure::Usage(usage(ErrorKind::InvalidValue, message));
        match self.storage.key_scheme() {
            KeyScheme::RawIds => {
                let id = SessionId::custom(text).ok().filter(|id| KeyScheme::RawIds.admits(id));
                let id = id.ok_or_else(|| wrong("this is not the id of a GoFrame session"))?;
                Ok(KeyScheme::RawIds.key_of(&id))
            }
            _ => StoreKey::parse(text).ok_or_else(|| {
                wrong(
                    "this is not a key: a key has 64 digits from 0-9a-f; logs have only the first 8, and `gsession list \
                     PRINCIPAL` shows the whole keys",
                )
            }),
        }
    }
}
