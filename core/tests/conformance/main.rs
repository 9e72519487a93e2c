//! The public conformance suite on every storage of the core, through every way to hold one; and on storages that are broken
//! on purpose, each of which must fail the case that names its fault.
#![cfg(all(feature = "conformance", feature = "file"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod broken;
mod broken_async;
mod fault;
mod forgetful;
mod one_file;
mod plain;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "encryption")]
mod sealed;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod sql;
#[path = "../support/mod.rs"]
mod support;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use gsession::{
    AnyStorage, FileStorage, Storage,
    conformance::{Ability, Suite},
};
use support::{quiet_file, quiet_memory};
use tempfile::TempDir;

/// A new folder each time, all of which go with the suite.
fn folders() -> impl Fn() -> PathBuf + Send + Sync + 'static {
    let (all, next) = (TempDir::new().unwrap(), AtomicU32::new(0));
    move || all.path().join(next.fetch_add(1, Ordering::Relaxed).to_string())
}

fn files() -> impl Fn() -> FileStorage + Send + Sync + 'static {
    let folder = folders();
    move || quiet_file(&folder())
}

gsession::conformance_tests! {
    memory: Suite::blocking(quiet_memory);
    memory_in_arc: Suite::blocking(|| Arc::new(quiet_memory()) as Arc<dyn Storage>);
    memory_async: Suite::asynchronous(quiet_memory);
    memory_immediate: Suite::asynchronous(|| AnyStorage::immediate(quiet_memory()));
    memory_on_pool: Suite::asynchronous(|| AnyStorage::blocking(quiet_memory()));
    file: Suite::blocking(files());
    file_in_box: {
        let make = files();
        Suite::blocking(move || Box::new(make()) as Box<dyn Storage>)
    };
    file_async: Suite::asynchronous(files());
    as_plain_as_can_be: Suite::blocking(plain::Plain::sound);
    sessions_in_one_file: { let path = folders(); Suite::blocking(move || one_file::OneFile::at(path())).without(Ability::Scanning) };
}
