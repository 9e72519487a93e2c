//! What the tests of listings on files share: ada's sessions, folders from before the index, what reading costs, and a gate.

use std::{
    fs,
    path::Path,
    sync::{Arc, Condvar, Mutex},
};

use gsession::{BincodeCodec, Changes, Codec, CodecError, Limits, Record, Storage, StoreKey, storage::Moved};

use crate::support::{NOW, PATIENCE, commit_at, record};

pub(crate) fn ada() -> Record {
    let mut record = record(&[("a", "1")]);
    record.principal = Some("ada".into());
    record
}

pub(crate) fn listed(storage: &dyn Storage) -> Vec<StoreKey> {
    let mut keys: Vec<_> = storage.find("ada", NOW).unwrap().into_iter().map(|found| found.key).collect();
    keys.sort();
    keys
}

/// Makes the folder one from before the index: its lock files are empty.
pub(crate) fn forget_the_index(sessions: &Path) {
    for_each_lock(sessions, |lock| fs::File::options().write(true).open(lock).unwrap().set_len(0).unwrap());
}

/// Removes the index, and does something with the lock file of each sub-folder.
pub(crate) fn for_each_lock(sessions: &Path, change: fn(&Path)) {
    for sub in fs::read_dir(sessions).unwrap() {
        let sub = sub.unwrap().path();
        let _ = fs::remove_file(sub.join("principals"));
        let lock = sub.join("lock");
        if lock.exists() {
            change(&lock);
        }
    }
}

pub(crate) fn renew(storage: &dyn Storage, from: &StoreKey, to: &StoreKey) {
    let moved = storage.move_to(from, to, &commit_at(Changes::default(), NOW)).unwrap();
    assert!(matches!(moved, Moved::Done { .. }), "{moved:?}");
}

/// Read calls of this thread so far, by the kernel's count.
pub(crate) fn reads() -> u64 {
    let counts = fs::read_to_string("/proc/thread-self/io").expect("the kernel counts system calls");
    let count = counts.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap();
    count.parse().unwrap()
}

/// Holds up who decodes a record, once, until it is let go on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<(bool, bool)>, Condvar)>);

impl Gate {
    pub(crate) fn wait_for(&self, holds: impl Fn(&(bool, bool)) -> bool) {
        let (state, changed) = &*self.0;
        let waited = changed.wait_timeout_while(state.lock().unwrap(), PATIENCE, |state| !holds(state)).unwrap();
        assert!(!waited.1.timed_out(), "nobody came");
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut (bool, bool))) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }
}

impl Codec for Gate {
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError> {
        BincodeCodec.encode(record)
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError> {
        self.set(|(reached, _)| *reached = true);
        self.wait_for(|(_, opened)| *opened);
        BincodeCodec.decode(bytes, limits)
    }
}
