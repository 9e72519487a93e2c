//! Opens a file storage with its settings.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    FileStorage, Handle,
    cache::Cache,
    closer::Closer,
    error::{Doing as _, FileError},
    folder::Folder,
    lock::{self, Locks},
    pace::Pace,
    principals::Principals,
    settings::{Durability, Settings},
    store::Store,
    system::page_cache::PageCache,
    touches::Touches,
    watch::Watcher,
};
use crate::{
    BincodeCodec, Clock, Codec, Limits, StorageError, SystemClock,
    observe::Reporter,
    storage::{WATCH_INTERVAL, Watch, sweeper::Background},
};

const STARTING: &str = "starting the threads of the file storage";

impl FileStorage {
    /// Opens a folder, or the target of a link to one. A missing folder is created; its parent must exist.
    ///
    /// # Errors
    ///
    /// [`StorageError`] of the kind [`Setup`](crate::StorageErrorKind::Setup) if the path is not a folder, is a link that leads
    /// nowhere, belongs to another user, or holds other files and is open to others. The message says what to do.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StorageError> {
        Self::builder(folder).build()
    }

    /// Opens a folder with other settings.
    pub fn builder(folder: impl AsRef<Path>) -> FileStorageBuilder {
        FileStorageBuilder::new(folder.as_ref())
    }
}

/// Settings of a [`FileStorage`].
///
/// ```
/// use gsession::{FileStorage, storage::file::Durability};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sessions");
/// let storage = FileStorage::builder(&path).durability(Durability::Commit).build()?;
/// # let _ = storage;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct FileStorageBuilder {
    folder: PathBuf,
    durability: Durability,
    sweep_interval: Duration,
    touch_interval: Duration,
    lock_timeout: Duration,
    limits: Limits,
    codec: Option<Arc<dyn Codec>>,
    cache_bytes: usize,
    clock: Arc<dyn Clock>,
    watch_interval: Duration,
    uses_inotify: bool,
}

impl FileStorageBuilder {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            durability: Durability::None,
            sweep_interval: Duration::from_secs(5 * 60),
            touch_interval: Duration::from_secs(1),
            lock_timeout: Duration::from_secs(5),
            limits: Limits::default(),
            codec: None,
            cache_bytes: 32 * 1024 * 1024,
            clock: Arc::new(SystemClock),
            watch_interval: WATCH_INTERVAL,
            uses_inotify: true,
        }
    }

    /// What a commit waits for. Default: [`Durability::None`].
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How often expired sessions are removed. Default: 5 minutes; less than a millisecond counts as a millisecond.
    /// [`Duration::MAX`]: only when [`sweep`](crate::Storage::sweep) is called. Sweeps also keep the index of users small and whole.
    pub const fn sweep_interval(mut self, interval: Duration) -> Self {
        self.sweep_interval = interval;
        self
    }

    /// How often touches are written. Default: 1 second; less than a millisecond counts as a millisecond. If the process is
    /// killed, touches that are not yet written are lost: the sessions then end earlier, by at most this interval.
    pub const fn touch_interval(mut self, interval: Duration) -> Self {
        self.touch_interval = interval;
        self
    }

    /// How long a change waits while another process holds the lock of a sub-folder, before it fails with
    /// [`StorageErrorKind::Timeout`](crate::StorageErrorKind::Timeout). A login may wait twice as long, for the index too. Default: 5 seconds. More than an hour counts as an hour;
    /// with zero it does not wait.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout.min(Duration::from_secs(60 * 60));
        self
    }

    /// The largest session that is read; a larger file counts as unreadable. Default: [`Limits::default`]. Do not set it below
    /// the manager's limits.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How records are encoded. Default: [`BincodeCodec`]. With a codec of your own, each commit replaces the session's file instead
    /// of appending to it. That takes longer, but a codec that encrypts must see everything that is stored.
    pub fn codec(mut self, codec: impl Codec + 'static) -> Self {
        self.codec = Some(Arc::new(codec));
        self
    }

    /// The most memory for sessions that were read or written, in bytes. A session whose file has not changed since is not read
    /// again, whichever process might have changed it. Default: 32 MiB, which is enough for about 50,000 small sessions. With 0,
    /// every read reads the file.
    pub const fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// The clock of the background sweeps. Default: the system's. Use the same clock as the manager.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How often the files of sessions are looked at whose end is waited for
    /// ([`ended`](crate::AsyncSession#method.ended)), where the system does not report it: on Linux only if
    /// [`inotify`](Self::inotify) is off or its limits are exceeded. Default: 5 seconds; less than a millisecond counts as a millisecond.
    /// An end in another process may go unnoticed for that long. Each look costs a few system calls for each such session.
    pub const fn watch_interval(mut self, interval: Duration) -> Self {
        self.watch_interval = interval;
        self
    }

    /// Whether the kernel (Linux) is asked to report when sessions end in other processes. Default: yes. Turn it off where it reports nothing, as
    /// on some file systems of containers and virtual machines.
    pub const fn inotify(mut self, uses: bool) -> Self {
        self.uses_inotify = uses;
        self
    }

    /// Opens the folder and starts the storage's threads.
    ///
    /// # Errors
    ///
    /// As [`FileStorage::open`].
    pub fn build(self) -> Result<FileStorage, StorageError> {
        let settings = Settings {
            durability: self.durability,
            limits: self.limits,
            appends: self.codec.is_none(),
            codec: self.codec.unwrap_or_else(|| Arc::new(BincodeCodec)),
        };
        let store = Arc::new(Store {
            folder: Folder::open(&self.folder)?,
            locks: Locks::new(lock::NAME, self.lock_timeout),
            principals: Principals::new(self.lock_timeout),
            touches: Touches::default(),
            cache: Cache::new(self.cache_bytes),
            page_cache: PageCache::default(),
            pace: Pace::default(),
            closer: Closer::start().doing(STARTING).map_err(|error: FileError| StorageError::from(error))?,
            settings,
            watch: Watch::new(),
            reporter: Reporter::default(),
        });
        // Never a busy loop.
        let at_least = |period: Duration| period.max(Duration::from_millis(1));
        let clock = self.clock;
        let sweep = move |store: &Store| match store.sweep(clock.now()) {
            Ok(swept) => store.reporter.swept(swept),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "sweeping the session folder failed");
            }
        };
        let start = || {
            Ok([
                Background::start("gsession-sweep", at_least(self.sweep_interval), Arc::downgrade(&store), sweep)?,
                Background::start(
                    "gsession-touch",
                    at_least(self.touch_interval),
                    Arc::downgrade(&store),
                    Store::write_touches,
                )?,
            ])
        };
        let started: std::io::Result<[Background; 2]> = start();
        let background = started.doing(STARTING).map_err(|error: FileError| StorageError::from(error))?;
        let watcher = Watcher::new(&store, at_least(self.watch_interval), self.uses_inotify);
        Ok(FileStorage(Arc::new(Handle { store, watcher, _background: background })))
    }
}
