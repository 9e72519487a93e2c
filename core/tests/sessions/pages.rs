//! Listing a user's sessions in pages, on every storage.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use gsession::{
    BincodeCodec, ClientInfo, Codec, CodecError, Delivery, Error, Exchange, FileStorage, Limits, Manager, Record,
    Session, SessionId, Storage, StoreKey,
};
use tempfile::TempDir;

use crate::support::{IDLE, KINDS, NOW, Place, key, quiet_file, record};

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

fn begin(manager: &Manager, id: Option<&SessionId>) -> Exchange<Session> {
    manager.begin(id.map(SessionId::as_str), ClientInfo::default)
}

fn log_in(manager: &Manager, principal: &str) -> SessionId {
    let session = begin(manager, None);
    session.log_in(principal).unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a login has an id") };
    id
}

fn log_out(manager: &Manager, id: &SessionId) {
    let session = begin(manager, Some(id));
    session.log_out();
    let _ = session.close().unwrap();
}

/// The keys that a walk sees, page by page; `between` is called after each page.
fn walk(manager: &Manager, most: NonZeroUsize, mut between: impl FnMut()) -> Vec<Vec<StoreKey>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = manager.sessions_page("reports", after, most).unwrap();
        pages.push(page.sessions.iter().map(|(key, _)| *key).collect());
        between();
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

#[test]
fn a_session_that_lives_through_the_walk_is_seen_once_whatever_else_happens() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let staying: Vec<_> = (0..12).map(|_| log_in(&manager, "reports")).collect();
        let mut leaving: Vec<_> = (0..12).map(|_| log_in(&manager, "reports")).collect();
        let pages = walk(&manager, THREE, || {
            place.clock.advance(Duration::from_secs(120));
            // All of them are used, one logs out, and one logs in.
            for id in &staying {
                let session = begin(&manager, Some(id));
                session.set("n", &1).unwrap();
                let _ = session.close().unwrap();
            }
            leaving.pop().iter().for_each(|id| log_out(&manager, id));
            let _ = log_in(&manager, "reports");
            let _ = log_in(&manager, "ada");
        });
        let seen = pages.concat();
        assert!(seen.is_sorted(), "{:?}", place.kind);
        for id in &staying {
            let times = seen.iter().filter(|key| **key == StoreKey::of(id)).count();
            assert_eq!(times, 1, "{:?}", place.kind);
        }
        let (last, others) = pages.split_last().unwrap();
        // The last one may be empty: what was left logged out in between.
        assert!(others.iter().all(|page| page.len() == 3) && last.len() <= 3, "{:?}", place.kind);
    }
}

#[test]
fn there_is_a_next_page_exactly_if_a_session_is_left() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        assert_eq!(walk(&manager, THREE, || {}), [vec![]], "{:?}", place.kind);
        for wanted in [&[1][..], &[2], &[3], &[3, 1], &[3, 2], &[3, 3], &[3, 3, 1]] {
            let _ = log_in(&manager, "reports");
            let sizes: Vec<_> = walk(&manager, THREE, || {}).iter().map(Vec::len).collect();
            assert_eq!(sizes, wanted, "{:?}", place.kind);
        }
    }
}

/// Whether by its own deadline or by that of another manager, what has ended neither takes a place on a page nor makes one.
#[test]
fn sessions_that_have_ended_take_no_place() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let short = place.builder().idle_timeout(IDLE / 4).build().unwrap();
        for _ in 0..10 {
            let _ = log_in(&manager, "reports");
            let _ = log_in(&short, "reports");
        }
        place.clock.advance(IDLE / 2);
        for _ in 0..4 {
            let _ = log_in(&short, "reports");
        }
        let pages = |manager: &Manager| walk(manager, TWO, || {}).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(pages(&manager), [2; 7], "{:?}", place.kind);
        assert_eq!(pages(&short), [2, 2], "{:?}: it allows no session to be unused for so long", place.kind);
    }
}

#[test]
fn a_walk_of_ones_own_sessions_shows_which_is_this_one() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let ids: Vec<_> = (0..5).map(|_| log_in(&manager, "ada")).collect();
        let session = begin(&manager, Some(&ids[2]));
        let (mut sessions, mut after) = (Vec::new(), None);
        loop {
            let page = session.list_page(after, TWO).unwrap();
            sessions.extend(page.sessions);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(sessions.len(), 5, "{:?}", place.kind);
        let current: Vec<_> = sessions.iter().filter(|session| session.is_current).map(|session| session.key).collect();
        assert_eq!(current, [StoreKey::of(&ids[2])], "{:?}", place.kind);
        let nobody = begin(&manager, None).list_page(None, TWO).unwrap();
        assert!(nobody.sessions.is_empty() && nobody.next.is_none(), "{:?}", place.kind);
        log_out(&manager, &ids[2]);
        let ended = begin(&manager, Some(&ids[1]));
        ended.principal().unwrap();
        log_out(&manager, &ids[1]);
        ended.set("n", &1).unwrap();
        let _ = ended.save().unwrap();
        assert!(matches!(ended.list_page(None, TWO), Err(Error::Gone)), "{:?}", place.kind);
    }
}

/// A renewed session may be seen twice or not at all; the others are seen as ever, and no page ends early.
#[test]
fn renewals_disturb_nobody_elses_place() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let staying: Vec<_> = (0..8).map(|_| log_in(&manager, "reports")).collect();
        let mut moving = log_in(&manager, "reports");
        let seen = walk(&manager, TWO, || {
            let session = begin(&manager, Some(&moving));
            session.renew().unwrap();
            let _ = session.close().unwrap();
            moving = session.id().unwrap();
        });
        let seen = seen.concat();
        for id in &staying {
            assert_eq!(seen.iter().filter(|key| **key == StoreKey::of(id)).count(), 1, "{:?}", place.kind);
        }
        let now = walk(&manager, TWO, || {}).concat();
        assert_eq!(now.len(), 9, "{:?}: tombstones are no sessions", place.kind);
    }
}

/// Counts what is decoded.
#[derive(Debug, Clone, Default)]
struct Counting(Arc<Mutex<usize>>);

impl Codec for Counting {
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError> {
        BincodeCodec.encode(record)
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError> {
        *self.0.lock().unwrap() += 1;
        BincodeCodec.decode(bytes, limits)
    }
}

#[test]
fn files_of_other_pages_are_not_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let mut ada = record(&[("a", "1")]);
    ada.principal = Some("ada".into());
    let storage: &dyn Storage = &quiet_file(&path);
    for number in 0..100 {
        storage.create(&key(number), &ada, NOW).unwrap();
    }
    let decoded = Counting::default();
    let reader = FileStorage::builder(&path).codec(decoded.clone()).sweep_interval(Duration::MAX).build().unwrap();
    let page = reader.find_page("ada", Some(key(49)), THREE, NOW).unwrap();
    assert_eq!(page.iter().map(|found| found.key).collect::<Vec<_>>(), [key(50), key(51), key(52)]);
    assert_eq!(*decoded.0.lock().unwrap(), 3);
}
