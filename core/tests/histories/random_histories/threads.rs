//! Threads that work on one session truly at the same time, through one storage object or through two, as two processes would.
//! What each was told is checked entry by entry.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use gsession::{ClientInfo, Delivery, Error, Exchange, Manager, Saved, Session, SessionId, Storage};
use proptest::prelude::*;

use super::{
    linear::{Call, Operation, is_linearisable},
    refuted,
};
use crate::{
    fault::Fault,
    plain::Plain,
    support::{Kind, Place},
};

const KEYS: [&str; 2] = ["a", "b"];

/// What a thread does in one request.
#[derive(Debug, Clone)]
enum Deed {
    Read(usize),
    /// Reads, sets and ends.
    Set(usize, u64),
    Remove(usize),
    /// Without reading.
    SetBlindly(usize, u64),
    Add(usize),
    /// Reads, sets and is dropped: nothing of it may be seen.
    Crash(usize, u64),
    /// Sets several at once.
    SetAll(u64),
    Logout,
}

fn deed() -> impl Strategy<Value = Deed> {
    let key = 0..KEYS.len();
    prop_oneof![
        8 => key.clone().prop_map(Deed::Read),
        6 => (key.clone(), 100..200_u64).prop_map(|(key, value)| Deed::Set(key, value)),
        3 => key.clone().prop_map(Deed::Remove),
        4 => (key.clone(), 200..300_u64).prop_map(|(key, value)| Deed::SetBlindly(key, value)),
        8 => key.clone().prop_map(Deed::Add),
        2 => (key, 300..400_u64).prop_map(|(key, value)| Deed::Crash(key, value)),
        2 => (400..500_u64).prop_map(Deed::SetAll),
        1 => Just(Deed::Logout),
    ]
}

/// What each of several threads does.
fn scripts() -> impl Strategy<Value = Vec<Vec<Deed>>> {
    prop::collection::vec(prop::collection::vec(deed(), 1..6), 2..4)
}

/// What was called and answered, for each entry.
#[derive(Default)]
struct Log {
    time: AtomicU64,
    operations: Mutex<BTreeMap<usize, Vec<Operation>>>,
}

impl Log {
    fn now(&self) -> u64 {
        self.time.fetch_add(1, Ordering::SeqCst)
    }

    fn note(&self, key: usize, called: u64, call: Call) {
        let answered = self.now();
        self.operations.lock().unwrap().entry(key).or_default().push(Operation { call, called, answered });
    }

    fn note_all(&self, called: u64, call: Call) {
        (0..KEYS.len()).for_each(|key| self.note(key, called, call));
    }
}

/// Reads an entry, and says whether there is a session.
fn read(session: &Exchange<Session>, key: usize, log: &Log) -> bool {
    let called = log.now();
    let (value, is_there) = (session.get(KEYS[key]).unwrap(), session.contains_key("user").unwrap());
    // Read by itself, so that the moment is that of one load.
    log.note(key, called, if is_there { Call::Read(value) } else { Call::ReadNothing });
    is_there
}

fn end(session: &Exchange<Session>, writes: &[(usize, Option<u64>)], log: &Log) {
    let called = log.now();
    let saved = session.close().unwrap().saved;
    for &(key, value) in writes {
        match saved {
            Saved::Committed => log.note(key, called, Call::Write(value)),
            Saved::Gone => log.note(key, called, Call::Refused),
            // It began anew, without having looked: that is another session.
            Saved::Created => log.note(key, called, Call::ReadNothing),
            other => panic!("writing came to {other:?}"),
        }
    }
}

fn act(deed: &Deed, session: &Exchange<Session>, log: &Log) {
    match *deed {
        Deed::Read(key) => drop(read(session, key, log)),
        Deed::Set(key, value) if read(session, key, log) => {
            session.set(KEYS[key], &value).unwrap();
            end(session, &[(key, Some(value))], log);
        }
        Deed::Remove(key) if read(session, key, log) => {
            session.remove(KEYS[key]).unwrap();
            end(session, &[(key, None)], log);
        }
        Deed::SetBlindly(key, value) => {
            session.set(KEYS[key], &value).unwrap();
            end(session, &[(key, Some(value))], log);
        }
        Deed::SetAll(value) => {
            let writes: Vec<_> = (0..KEYS.len()).map(|key| (key, Some(value))).collect();
            for (key, value) in &writes {
                session.set(KEYS[*key], value).unwrap();
            }
            end(session, &writes, log);
        }
        Deed::Add(key) if read(session, key, log) => {
            let called = log.now();
            match session.update(KEYS[key], |n: Option<u64>| n.unwrap_or(0) + 1) {
                Ok(sum) => log.note(key, called, Call::Add(sum)),
                Err(Error::Gone) => log.note(key, called, Call::Refused),
                Err(error) => panic!("adding: {error}"),
            }
        }
        Deed::Crash(key, value) if read(session, key, log) => session.set(KEYS[key], &value).unwrap(),
        Deed::Logout => {
            let called = log.now();
            session.destroy();
            assert_eq!(session.close().unwrap().saved, Saved::Destroyed);
            log.note_all(called, Call::End);
        }
        // There was no session to do it with.
        Deed::Set(..) | Deed::Remove(_) | Deed::Add(_) | Deed::Crash(..) => {}
    }
    // What a crashed request had in hand is dropped with it.
    session.abandon();
}

/// Runs the scripts at the same time, each thread on one of the managers.
fn run(managers: &[Manager], scripts: &[Vec<Deed>]) {
    let log = Log::default();
    let id = login(&managers[0]);
    let start = Barrier::new(scripts.len());
    std::thread::scope(|scope| {
        for (number, script) in scripts.iter().enumerate() {
            let (manager, id, start, log) = (&managers[number % managers.len()], &id, &start, &log);
            scope.spawn(move || {
                start.wait();
                for deed in script {
                    act(deed, &manager.begin(Some(id.as_str()), ClientInfo::default), log);
                }
            });
        }
    });
    // What is there in the end is read last.
    for key in 0..KEYS.len() {
        read(&managers[0].begin(Some(id.as_str()), ClientInfo::default), key, &log);
    }
    for (key, operations) in log.operations.into_inner().unwrap() {
        let mut text = String::new();
        operations.iter().for_each(|operation| writeln!(text, "  {operation}").unwrap());
        assert!(is_linearisable(&operations), "no order explains what was answered about {}:\n{text}", KEYS[key]);
    }
}

fn login(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
    id
}

fn manager(storage: Arc<dyn Storage>) -> Manager {
    Manager::new(storage)
}

fn check(kind: Kind, objects: usize, cases: u32) {
    let property = |scripts: &Vec<Vec<Deed>>| {
        let place = Place::new(kind);
        let mut managers = vec![manager(Arc::clone(&place.storage))];
        managers.extend((1..objects).map(|_| manager(place.opened_again())));
        run(&managers, scripts);
    };
    if let Some((scripts, why)) = refuted(cases, scripts(), property) {
        panic!("{kind:?} through {objects} objects: threads that did {scripts:#?}\n{why}");
    }
}

#[test]
fn memory_is_linearisable() {
    check(Kind::Memory, 1, 400);
}

#[test]
fn files_are_linearisable() {
    check(Kind::File, 1, 40);
    check(Kind::File, 2, 40);
}

#[cfg(feature = "redis")]
#[test]
fn strings_in_redis_are_linearisable() {
    check(Kind::RedisString, 1, 30);
    check(Kind::RedisString, 2, 30);
}

#[cfg(feature = "redis")]
#[test]
fn hashes_in_redis_are_linearisable() {
    check(Kind::RedisHash, 1, 30);
    check(Kind::RedisHash, 2, 30);
}

#[cfg(feature = "redis")]
#[test]
fn sessions_in_a_cluster_are_linearisable() {
    check(Kind::RedisStringCluster, 2, 20);
    check(Kind::RedisHashCluster, 2, 20);
}

#[cfg(all(feature = "postgres", feature = "sqlite"))]
#[test]
fn sessions_in_databases_are_linearisable() {
    check(Kind::Sqlite, 1, 20);
    check(Kind::Sqlite, 2, 20);
    check(Kind::Postgres, 1, 20);
    check(Kind::Postgres, 2, 20);
}

/// A storage that is broken answers what no order explains.
#[test]
fn a_broken_storage_is_not_linearisable() {
    for fault in
        [Fault::LostUpdate, Fault::CommitReplacesEverything, Fault::IgnoresTheCondition, Fault::ResurrectingCommit]
    {
        let broken = |scripts: &Vec<Vec<Deed>>| run(&[manager(Arc::new(Plain::broken(fault)))], scripts);
        assert!(refuted(2_000, scripts(), broken).is_some(), "{fault:?} was not found");
    }
}
