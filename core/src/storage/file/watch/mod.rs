//! Finding out which sessions other processes end, for those who wait for that ([S18](crate::design#s18)).
//!
//! On Linux the kernel reports it (`inotify`). The sub-folder of a session is watched, and not its file: a file is replaced by another one
//! now and then, and a watch would stay with the old one. Only names that come and go are reported, so an appended commit and a touch cost
//! nothing. A commit that changes the principal is never appended. One descriptor and one thread serve all who wait. Elsewhere, and where the limits of the kernel are exceeded, one thread looks which
//! files have changed, every so often. Each begins with the first who waits and ends after the last.

#[cfg_attr(not(target_os = "linux"), path = "no_inotify.rs")]
mod inotify;
mod polling;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::store::Store;
use crate::{
    StoreKey,
    storage::{Source, Watch, Watched},
};
use inotify::Folders;
use polling::Polling;

/// Watches the files of the sessions for which somebody waits.
pub(super) struct Watcher {
    watch: Watch,
    store: Weak<Store>,
    folders: Folders,
    polling: Polling,
}

impl Watcher {
    /// `interval` is how often files are looked at that the system does not watch.
    pub(super) fn new(store: &Arc<Store>, interval: Duration, uses_inotify: bool) -> Arc<Self> {
        let watch = store.watch.clone();
        let watcher = Arc::new(Self {
            store: Arc::downgrade(store),
            folders: Folders::new(watch.clone(), uses_inotify),
            polling: Polling::new(Arc::downgrade(store), watch.clone(), interval),
            watch,
        });
        let source: Weak<Self> = Arc::downgrade(&watcher);
        watcher.watch.set_source(source);
        watcher
    }

    /// `None` if the system refuses all that is needed; this was logged.
    pub(super) fn watch(&self, key: &StoreKey) -> Option<Watched> {
        let watched = self.watch.watch(key);
        (self.folders.has(key) || self.polling.has(key)).then_some(watched)
    }
}

impl Source for Watcher {
    fn begin(&self, key: &StoreKey) {
        let is_watched = self.store.upgrade().is_some_and(|store| self.folders.begin(&store.folder, key));
        if !is_watched {
            self.polling.begin(key);
        }
    }

    fn end(&self, key: &StoreKey) {
        self.folders.end(key);
        self.polling.end(key);
    }
}
