//! The storages that are filled, and what their sessions take.

use std::{os::unix::fs::MetadataExt as _, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use gsession::{FileStorage, MemoryStorage, RedisHashStorage, RedisStorage, Storage};
use gsession_test_servers::RedisServer;
use tempfile::TempDir;

use crate::{allocator, redis_info};

/// A storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The memory of the process
    Memory,
    /// Files
    File,
    /// Redis key-value
    Redis,
    /// Redis hash
    RedisHash,
}

pub(super) const ALL: [Kind; 4] = [Kind::Memory, Kind::File, Kind::Redis, Kind::RedisHash];

/// A storage with the place where it keeps its sessions.
pub(super) struct Place {
    kind: Kind,
    /// How many sessions it has to have room for.
    room: usize,
    folder: Option<TempDir>,
    redis: Option<RedisServer>,
    storage: Arc<dyn Storage>,
}

impl Kind {
    pub(super) const fn is_in_redis(self) -> bool {
        matches!(self, Self::Redis | Self::RedisHash)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Redis => "Redis key-value",
            Self::RedisHash => "Redis hash",
        }
    }
}

impl Place {
    pub(super) fn new(kind: Kind, sessions: u32) -> Result<Self> {
        // From the first session on, so that all that is allocated is counted.
        allocator::set_counting(kind == Kind::Memory);
        let folder = if kind == Kind::File { Some(tempfile::tempdir().context("making a folder")?) } else { None };
        let redis = kind.is_in_redis().then(RedisServer::start);
        // Twice as many and some, for those that only show what making one costs.
        let room = 2 * sessions as usize + 4_000;
        let storage = open(kind, room, folder.as_ref(), redis.as_ref())?;
        Ok(Self { kind, room, folder, redis, storage })
    }

    pub(super) fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }

    pub(super) fn redis(&self) -> Option<&RedisServer> {
        self.redis.as_ref()
    }

    /// Ends the storage, as a process does.
    pub(super) fn close(&mut self) {
        self.storage = Arc::new(MemoryStorage::builder().sweep_interval(Duration::MAX).build());
    }

    /// Opens it again, as the next process does when it starts.
    pub(super) fn open(&mut self) -> Result<()> {
        self.storage = open(self.kind, self.room, self.folder.as_ref(), self.redis.as_ref())?;
        Ok(())
    }

    /// Whether sessions are still there after a start.
    pub(super) fn keeps_sessions(&self) -> bool {
        self.kind != Kind::Memory
    }

    /// What all its sessions take, in bytes.
    pub(super) fn bytes(&self) -> Result<f64> {
        if let Some(redis) = &self.redis {
            return redis_info::number(redis, "memory", "used_memory");
        }
        match &self.folder {
            Some(folder) => blocks_below(folder.path().to_owned()),
            None => Ok(allocator::live_bytes() as f64),
        }
    }
}

fn open(kind: Kind, room: usize, folder: Option<&TempDir>, redis: Option<&RedisServer>) -> Result<Arc<dyn Storage>> {
    let url = || redis.map(RedisServer::url).context("a storage in Redis without a server");
    Ok(match kind {
        Kind::Memory => Arc::new(
            MemoryStorage::builder().max_sessions(room).max_bytes(usize::MAX).sweep_interval(Duration::MAX).build(),
        ),
        Kind::File => {
            let folder = folder.context("a storage in files without a folder")?;
            Arc::new(FileStorage::builder(folder.path().join("sessions")).sweep_interval(Duration::MAX).build()?)
        }
        Kind::Redis => Arc::new(RedisStorage::open(&url()?)?),
        Kind::RedisHash => Arc::new(RedisHashStorage::open(&url()?)?),
    })
}

/// What all files below a folder take on the disk.
fn blocks_below(folder: PathBuf) -> Result<f64> {
    let (mut folders, mut bytes) = (vec![folder], 0.0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += metadata.blocks() as f64 * 512.0;
            }
        }
    }
    Ok(bytes)
}
