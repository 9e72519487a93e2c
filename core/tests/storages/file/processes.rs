//! Several processes on one folder, processes that are killed in the middle of a save, and processes that freeze.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use gsession::{
    BincodeCodec, ClientInfo, Codec, CodecError, Delivery, Error, Exchange, FileStorage, Limits, Manager, Record,
    Saved, Session, SessionId, Storage, StorageErrorKind, StoreKey, Timestamp,
};
#[cfg(unix)]
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::{
    self,
    child::{self, Process},
};

fn open(folder: &Path) -> FileStorage {
    FileStorage::builder(folder).sweep_interval(Duration::MAX).build().unwrap()
}

fn request(manager: &Manager, id: &str) -> Exchange<Session> {
    manager.begin(Some(id), ClientInfo::default)
}

/// A session to fight over, and the folder it is in.
struct Shared {
    folder: TempDir,
    id: SessionId,
}

impl Shared {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let manager = Manager::new(open(&folder.path().join("sessions")));
        let session = manager.begin(None, ClientInfo::default);
        session.set("n", &0).unwrap();
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
        Self { folder, id }
    }

    fn sessions(&self) -> PathBuf {
        self.folder.path().join("sessions")
    }

    fn manager(&self) -> Manager {
        Manager::new(open(&self.sessions()))
    }

    /// What a child has to know: where, which session, and a number of its own.
    fn role(&self, number: usize) -> String {
        format!("{number} {} {}", self.id.as_str(), self.sessions().to_str().unwrap())
    }

    fn start(&self, name: &str, number: usize) -> Process {
        Process::start(child::command(name, &self.role(number)))
    }

    /// The names in the session's sub-folder.
    fn names(&self) -> Vec<String> {
        let key = StoreKey::of(&self.id).to_string();
        let entries = std::fs::read_dir(self.sessions().join(&key[..2])).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// In a child: its number, the session's id and the folder.
fn part() -> Option<(usize, String, PathBuf)> {
    let role = child::role()?;
    let mut parts = role.splitn(3, ' ');
    let number = parts.next().unwrap().parse().unwrap();
    Some((number, parts.next().unwrap().to_owned(), parts.next().unwrap().into()))
}

/// In a child: waits for a word from the parent.
fn listen() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim().to_owned()
}

#[test]
fn processes_that_write_together_lose_nothing() {
    const NAME: &str = "file::processes::processes_that_write_together_lose_nothing";
    const PROCESSES: usize = 4;
    const ROUNDS: usize = 25;
    if let Some((number, id, folder)) = part() {
        let manager = Manager::new(open(&folder));
        child::say("ready");
        assert_eq!(listen(), "go");
        for round in 0..ROUNDS {
            let session = request(&manager, &id);
            session.update("n", |n: Option<usize>| n.unwrap() + 1).unwrap();
            session.set(&format!("key-{number}-{round}"), &number).unwrap();
            assert_eq!(session.close().unwrap().saved, Saved::Committed);
        }
        return;
    }
    let shared = Shared::new();
    let mut processes: Vec<_> = (0..PROCESSES).map(|number| shared.start(NAME, number)).collect();
    processes.iter_mut().for_each(|process| process.expect("ready"));
    processes.iter_mut().for_each(|process| process.tell("go"));
    processes.into_iter().for_each(|process| drop(process.finish()));
    let data = request(&shared.manager(), shared.id.as_str()).data().unwrap();
    assert_eq!(data["n"], PROCESSES * ROUNDS);
    assert_eq!(data.len(), 1 + PROCESSES * ROUNDS);
    assert!((0..PROCESSES).all(|number| (0..ROUNDS).all(|round| data[&format!("key-{number}-{round}")] == number)));
    let mut names = shared.names();
    names.sort();
    assert_eq!(names, [StoreKey::of(&shared.id).to_string(), "lock".to_owned()], "nothing else lies about");
}

/// Renewals and a logout from different processes: what one ends no other brings back.
#[test]
fn of_processes_that_renew_one_wins_and_a_logout_ends_it() {
    const NAME: &str = "file::processes::of_processes_that_renew_one_wins_and_a_logout_ends_it";
    const PROCESSES: usize = 4;
    if let Some((_, id, folder)) = part() {
        let manager = Manager::new(open(&folder));
        let session = request(&manager, &id);
        assert!(session.contains_key("n").unwrap());
        session.renew().unwrap();
        child::say("ready");
        assert_eq!(listen(), "go");
        let closed = session.close().unwrap();
        match closed.delivery {
            Delivery::Send { id, .. } => child::say(id.as_str()),
            _ => assert_eq!(closed.saved, Saved::Gone),
        }
        return;
    }
    let shared = Shared::new();
    let manager = shared.manager();
    let logout = request(&manager, shared.id.as_str());
    assert!(logout.contains_key("n").unwrap());
    let mut processes: Vec<_> = (0..PROCESSES).map(|number| shared.start(NAME, number)).collect();
    processes.iter_mut().for_each(|process| process.expect("ready"));
    processes.iter_mut().for_each(|process| process.tell("go"));
    let winners: Vec<String> = processes.into_iter().flat_map(Process::finish).collect();
    let [winner] = winners.as_slice() else { panic!("{} processes have won", winners.len()) };
    assert!(request(&manager, winner).contains_key("n").unwrap());
    logout.destroy();
    assert_eq!(logout.close().unwrap().saved, Saved::Destroyed);
    assert!(!request(&manager, winner).contains_key("n").unwrap());
    assert_eq!(support::survivors(&open(&shared.sessions()), gsession::Clock::now(&gsession::SystemClock)), 0);
}

/// The child saves as fast as it can and says after each save that it has been answered. It is killed after a number of
/// them, which is usually in the middle of the next.
#[test]
fn what_was_answered_survives_kill_9() {
    const NAME: &str = "file::processes::what_was_answered_survives_kill_9";
    const KILLS: usize = 40;
    if let Some((_, id, folder)) = part() {
        let manager = Manager::new(open(&folder));
        for round in 0.. {
            let session = request(&manager, &id);
            let n = session.update("n", |n: Option<u64>| n.unwrap() + 1).unwrap();
            // Long enough to be written in many steps, and different each time.
            session.set("text", &format!("{n}-{}", "x".repeat(60_000))).unwrap();
            session.set(&format!("slot-{}", round % 16), &n).unwrap();
            assert_eq!(session.close().unwrap().saved, Saved::Committed);
            child::say(&n.to_string());
        }
        return;
    }
    let shared = Shared::new();
    let manager = shared.manager();
    let mut last = 0;
    for kill in 0..KILLS {
        let mut process = shared.start(NAME, kill);
        // A few, and not always as many.
        for _ in 0..=(kill * 7) % 11 {
            let n: u64 = process.heard().expect("the child goes on until it is killed").parse().unwrap();
            assert!(n > last, "{n} came after {last}");
            last = n;
        }
        process.kill();
        // What it said before the end was answered too.
        while let Some(said) = process.heard() {
            last = said.parse().unwrap_or(last);
        }
        let session = request(&manager, shared.id.as_str());
        let data = session.data().unwrap();
        let n = data["n"].as_u64().unwrap();
        assert!(n >= last, "the answered save {last} is lost: {n}");
        assert!(n <= last + 1, "{n} after {last}");
        let text = data["text"].as_str().unwrap();
        let (written, rest) = text.split_once('-').unwrap();
        let written: u64 = written.parse().unwrap();
        assert!(written >= last && written <= n && rest.len() == 60_000, "half a save: {written} of {n}");
        // Nobody holds the lock any more.
        session.set("seen", &kill).unwrap();
        assert_eq!(session.close().unwrap().saved, Saved::Committed);
        last = n;
    }
    assert!(last >= 40);
    // What the killed ones left is swept when it is old, and the session is not.
    let later = gsession::Clock::now(&gsession::SystemClock) + Duration::from_secs(2 * 60 * 60);
    Storage::sweep(&open(&shared.sessions()), later).unwrap();
    let mut names = shared.names();
    names.sort();
    assert_eq!(names, [StoreKey::of(&shared.id).to_string(), "lock".to_owned()]);
    assert_eq!(request(&manager, shared.id.as_str()).get::<u64>("n").unwrap(), Some(last));
}

/// Stops in the middle of a commit, under the lock, until the parent says a word.
#[derive(Debug)]
struct Hesitating;

impl Codec for Hesitating {
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError> {
        child::say("holding");
        listen();
        BincodeCodec.encode(record)
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError> {
        BincodeCodec.decode(bytes, limits)
    }
}

fn hold_the_lock(id: &str, folder: &Path) {
    let manager = Manager::new(FileStorage::builder(folder).codec(Hesitating).build().unwrap());
    let session = request(&manager, id);
    session.set("frozen", &1).unwrap();
    assert_eq!(session.close().unwrap().saved, Saved::Committed);
    child::say("done");
}

/// A manager that does not wait long, and a session that cannot be saved while another process holds the lock.
fn times_out(shared: &Shared) -> (Manager, Exchange<Session>) {
    let storage = FileStorage::builder(shared.sessions()).lock_timeout(Duration::from_millis(50)).build().unwrap();
    let manager = Manager::new(storage);
    let session = request(&manager, shared.id.as_str());
    session.set("mine", &1).unwrap();
    for _ in 0..2 {
        let failed = session.save();
        assert!(
            matches!(&failed, Err(Error::Storage(error)) if error.kind() == StorageErrorKind::Timeout),
            "{failed:?}"
        );
    }
    let logout = manager.destroy(StoreKey::of(&shared.id));
    assert!(matches!(logout, Err(error) if error.kind() == StorageErrorKind::Timeout), "no false success");
    // Readers do not wait.
    assert_eq!(request(&manager, shared.id.as_str()).get::<u32>("n").unwrap(), Some(0));
    (manager, session)
}

#[cfg(unix)]
#[test]
fn a_frozen_process_is_a_timeout_and_goes_on_when_it_wakes() {
    const NAME: &str = "file::processes::a_frozen_process_is_a_timeout_and_goes_on_when_it_wakes";
    if let Some((_, id, folder)) = part() {
        return hold_the_lock(&id, &folder);
    }
    let shared = Shared::new();
    let mut process = shared.start(NAME, 0);
    process.expect("holding");
    process.freeze();
    // It would go on now, if it were not frozen.
    process.tell("go on");
    let (manager, session) = times_out(&shared);
    process.signal(Signal::CONT);
    process.expect("done");
    process.finish();
    assert_eq!(session.close().unwrap().saved, Saved::Committed);
    let data = request(&manager, shared.id.as_str()).data().unwrap();
    assert_eq!(serde_json::Value::Object(data), serde_json::json!({"n": 0, "frozen": 1, "mine": 1}));
}

#[test]
fn a_frozen_process_that_is_killed_leaves_the_lock() {
    const NAME: &str = "file::processes::a_frozen_process_that_is_killed_leaves_the_lock";
    if let Some((_, id, folder)) = part() {
        return hold_the_lock(&id, &folder);
    }
    let shared = Shared::new();
    let mut process = shared.start(NAME, 0);
    process.expect("holding");
    // Elsewhere it waits for a word that never comes.
    #[cfg(unix)]
    process.freeze();
    let (manager, session) = times_out(&shared);
    process.kill();
    assert_eq!(session.close().unwrap().saved, Saved::Committed);
    let data = request(&manager, shared.id.as_str()).data().unwrap();
    assert_eq!(serde_json::Value::Object(data), serde_json::json!({"n": 0, "mine": 1}));
}

/// A lock time-out that never ends is one of the durations people write.
#[test]
fn an_endless_lock_timeout_is_a_timeout_like_others() {
    let shared = Shared::new();
    let storage = FileStorage::builder(shared.sessions()).lock_timeout(Duration::MAX).build().unwrap();
    let manager = Manager::new(storage);
    let session = request(&manager, shared.id.as_str());
    session.set("mine", &1).unwrap();
    assert_eq!(session.close().unwrap().saved, Saved::Committed);
    assert!(session.info().unwrap().unwrap().created_at > Timestamp::default());
}
