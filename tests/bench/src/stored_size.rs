//! The size of sessions in a Redis server and on disk: bytes per session, as counted by the server and the file system.

use anyhow::Result;
use gsession::{FileStorage, Manager, RedisHashStorage, RedisStorage};
use gsession_test_servers::RedisServer;

use crate::{
    redis_info, report,
    sample::{Owners, fill},
};

/// Enough to make what a server has anyway disappear.
const SESSIONS: u32 = 20_000;

/// Measures and prints.
pub(crate) fn run() -> Result<()> {
    let strings = in_redis(|url| Ok(Manager::new(RedisStorage::open(url)?)))?;
    let hashes = in_redis(|url| Ok(Manager::new(RedisHashStorage::open(url)?)))?;
    let (content, blocks) = in_files()?;
    println!("\n{SESSIONS} of the same sessions elsewhere; bytes a session:\n");
    let bytes = |what: &str, bytes: f64| vec![what.to_owned(), format!("{bytes:.0}")];
    report::table(
        &["", "bytes"],
        &[
            bytes("memory of a Redis server, key-value", strings),
            bytes("memory of a Redis server, hash", hashes),
            bytes("content of a file", content),
            bytes("blocks of a file on this disk", blocks),
        ],
    );
    Ok(())
}

/// What a session adds to the memory that a server uses.
fn in_redis(open: impl FnOnce(&str) -> Result<Manager>) -> Result<f64> {
    let server = RedisServer::start();
    let used = || redis_info::number(&server, "memory", "used_memory");
    let manager = open(&server.url())?;
    // The scripts and the connection.
    fill(&manager, 10, Owners::Nobody)?;
    let before = used()?;
    fill(&manager, SESSIONS, Owners::Nobody)?;
    Ok((used()? - before) / f64::from(SESSIONS))
}

/// The length of a file, and what it takes on the disk.
fn in_files() -> Result<(f64, f64)> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("sessions");
    fill(&Manager::new(FileStorage::open(&path)?), SESSIONS, Owners::Nobody)?;
    let (mut content, mut blocks) = (0, 0);
    for sub_folder in std::fs::read_dir(&path)? {
        for file in std::fs::read_dir(sub_folder?.path())? {
            let metadata = file?.metadata()?;
            (content, blocks) = (content + metadata.len(), blocks + metadata.blocks() * 512);
        }
    }
    Ok((content as f64 / f64::from(SESSIONS), blocks as f64 / f64::from(SESSIONS)))
}
