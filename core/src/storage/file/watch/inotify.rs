//! The sub-folders that the kernel watches.

use std::{
    collections::{HashMap, HashSet},
    mem::MaybeUninit,
    os::fd::{AsRawFd as _, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

use super::super::{
    error::{Doing as _, Result},
    folder::{Folder, sub_name},
};
use crate::{
    StoreKey,
    storage::{WATCH_INTERVAL, Watch},
};

/// A file that is replaced, renamed away or removed, and the same for the folder. Not what is written to a file.
const EVENTS: WatchFlags = WatchFlags::MOVED_TO
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::ONLYDIR);
/// After the kernel has refused, before it is asked again.
const REST: Duration = Duration::from_secs(60);
/// Room for many events at once.
const BUFFER: usize = 16 * 1024;

pub(super) struct Folders {
    watch: Watch,
    is_used: bool,
    /// When the kernel refused, unless it has watched a folder since.
    refused_at: Mutex<Option<Instant>>,
    state: Arc<Mutex<Option<Watching>>>,
}

/// While somebody waits: the descriptor that the thread reads, and the folders that are watched.
struct Watching {
    descriptor: Arc<OwnedFd>,
    folders: HashMap<u8, Watched>,
}

struct Watched {
    number: i32,
    keys: HashSet<StoreKey>,
}

impl Folders {
    pub(super) fn new(watch: Watch, is_used: bool) -> Self {
        Self { watch, is_used, refused_at: Mutex::default(), state: Arc::default() }
    }

    /// Watches the folder of a session. `false` if that is not possible.
    pub(super) fn begin(&self, folder: &Folder, key: &StoreKey) -> bool {
        if !self.is_used {
            return false;
        }
        if self.state.lock().as_mut().is_some_and(|watching| watching.join(key)) {
            return true;
        }
        let mut refused_at = self.refused_at.lock();
        if refused_at.is_some_and(|at| at.elapsed() < REST) {
            return false;
        }
        match self.try_begin(folder, key) {
            Ok(is_watched) => {
                if is_watched {
                    *refused_at = None;
                }
                is_watched
            }
            Err(error) => {
                if refused_at.replace(Instant::now()).is_none() {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "session folders cannot be watched; they are looked at now and then instead");
                }
                false
            }
        }
    }

    fn try_begin(&self, folder: &Folder, key: &StoreKey) -> Result<bool> {
        const DOING: &str = "watching a session folder";
        let Some(sub) = folder.sub(&sub_name(key))? else { return Ok(false) };
        let mut state = self.state.lock();
        // What is watched is the folder that is open, wherever its path leads by now.
        let path = format!("/proc/self/fd/{}", std::os::fd::AsFd::as_fd(&sub).as_raw_fd());
        let add = |descriptor: &OwnedFd| inotify::add_watch(descriptor, &*path, EVENTS).doing(DOING);
        let (number, watching) = match &mut *state {
            Some(watching) => (add(&watching.descriptor)?, watching),
            none => {
                let descriptor = Arc::new(inotify::init(CreateFlags::CLOEXEC).doing(DOING)?);
                let number = add(&descriptor)?;
                let (shared, watch, read) = (Arc::clone(&self.state), self.watch.clone(), Arc::clone(&descriptor));
                let started = std::thread::Builder::new().name("gsession-watch".into());
                started.spawn(move || listen(&read, &shared, &watch)).doing(DOING)?;
                (number, none.insert(Watching { descriptor, folders: HashMap::new() }))
            }
        };
        watching.folders.insert(key.as_bytes()[0], Watched { number, keys: HashSet::from([*key]) });
        Ok(true)
    }

    /// Nobody waits at this key any more.
    pub(super) fn end(&self, key: &StoreKey) {
        if let Some(watching) = &mut *self.state.lock() {
            watching.end(key);
        }
    }

    pub(super) fn has(&self, key: &StoreKey) -> bool {
        let state = self.state.lock();
        let folder = state.as_ref().and_then(|watching| watching.folders.get(&key.as_bytes()[0]));
        folder.is_some_and(|watched| watched.keys.contains(key))
    }
}

impl Watching {
    /// Returns whether the folder of this key is watched already; then it is watched for this key, too.
    fn join(&mut self, key: &StoreKey) -> bool {
        self.folders.get_mut(&key.as_bytes()[0]).map(|watched| watched.keys.insert(*key)).is_some()
    }

    fn end(&mut self, key: &StoreKey) {
        let folder = key.as_bytes()[0];
        if let Some(watched) = self.folders.get_mut(&folder)
            && watched.keys.remove(key)
            && watched.keys.is_empty()
            && let Some(watched) = self.folders.remove(&folder)
        {
            self.forget(&watched);
        }
    }

    /// The kernel confirms it with an event, which wakes the thread, so that it ends after the last one.
    fn forget(&self, watched: &Watched) {
        // It fails if the folder was removed; that has been an event, too.
        let _ = inotify::remove_watch(&self.descriptor, watched.number);
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        if let Some(watching) = &mut *self.state.lock() {
            let all: Vec<_> = watching.folders.drain().collect();
            all.iter().for_each(|(_, watched)| watching.forget(watched));
        }
    }
}

/// Runs on the thread, until no folder is watched.
fn listen(descriptor: &OwnedFd, state: &Mutex<Option<Watching>>, watch: &Watch) {
    let mut buffer = [MaybeUninit::uninit(); BUFFER];
    let mut events = Reader::new(descriptor, &mut buffer);
    loop {
        match events.next() {
            Ok(event) if event.events().contains(ReadFlags::IGNORED) => {
                let number = event.wd();
                let mut held = state.lock();
                let Some(watching) = &mut *held else { return };
                let lost = watching.folders.iter().find(|(_, watched)| watched.number == number).map(|(name, _)| *name);
                // If it was not given up, it was removed, with all sessions in it.
                let gone = lost.and_then(|name| watching.folders.remove(&name));
                let is_over = watching.folders.is_empty();
                if is_over {
                    *held = None;
                }
                drop(held);
                gone.into_iter().flat_map(|watched| watched.keys).for_each(|key| watch.changed(&key));
                if is_over {
                    return;
                }
            }
            Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => watch.all_changed(),
            Ok(event) => {
                let name = event.file_name().and_then(|name| name.to_str().ok());
                if let Some(key) = name.and_then(StoreKey::parse) {
                    watch.changed(&key);
                }
            }
            Err(Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "the session folders cannot be watched any more; they are looked at now and then instead");
                return poll(state, watch);
            }
        }
    }
}

/// Has all look now and then, until nobody waits.
fn poll(state: &Mutex<Option<Watching>>, watch: &Watch) {
    loop {
        {
            let mut held = state.lock();
            if held.as_ref().is_none_or(|watching| watching.folders.is_empty()) {
                *held = None;
                return;
            }
        }
        watch.all_changed();
        std::thread::sleep(WATCH_INTERVAL);
    }
}
