//! Random histories of up to three overlapping requests of one client, against a model of maps.
#![cfg(all(feature = "file", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;

use gsession::{ClientInfo, Delivery, Error, Manager, Session, SessionId, StoreKey};
use proptest::prelude::*;
use support::{Kind, NOW, Place, stored};

const REQUESTS: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    /// Ends the request at this place, if there is one, and begins another.
    Open,
    Get(String),
    Set(String, u32),
    Remove(String),
    Clear,
    Update(String),
    Renew,
    Destroy,
    Save,
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Open),
        3 => "[a-d]".prop_map(Op::Get),
        5 => ("[a-d]", 0..100_u32).prop_map(|(key, value)| Op::Set(key, value)),
        2 => "[a-d]".prop_map(Op::Remove),
        1 => Just(Op::Clear),
        3 => "[a-d]".prop_map(Op::Update),
        2 => Just(Op::Renew),
        1 => Just(Op::Destroy),
        3 => Just(Op::Save),
        2 => Just(Op::Close),
    ]
}

fn history() -> impl Strategy<Value = Vec<(usize, Op)>> {
    prop::collection::vec((0..REQUESTS, op()), 1..60)
}

type Data = BTreeMap<String, u32>;

/// What a request has written and not stored.
#[derive(Debug, Clone, Default)]
struct Pending {
    cleared: bool,
    edits: BTreeMap<String, Option<u32>>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        !self.cleared && self.edits.is_empty()
    }

    fn has_content(&self) -> bool {
        self.edits.values().any(Option::is_some)
    }

    fn over(&self, data: &Data) -> Data {
        let mut data = if self.cleared { Data::new() } else { data.clone() };
        for (key, edit) in &self.edits {
            match edit {
                Some(value) => drop(data.insert(key.clone(), *value)),
                None => drop(data.remove(key)),
            }
        }
        data
    }
}

/// What became of a session that was ever issued; its number is its place in the list.
#[derive(Debug, Clone)]
enum Fate {
    Lives(Data),
    Ended,
    RenewedTo(usize),
}

/// What a request knows.
#[derive(Debug, Clone)]
enum Standing {
    Unknown,
    Written,
    Found(Data),
    Absent,
    Lost,
}

#[derive(Debug)]
struct Request {
    session: Session,
    /// The number of the session it works under.
    under: Option<usize>,
    standing: Standing,
    pending: Pending,
    renew: bool,
    doomed: Option<usize>,
}

struct World {
    place: Place,
    manager: Manager,
    /// The model, and the id by which the storage knows each session.
    fates: Vec<(Fate, SessionId)>,
    /// The session whose id the client holds.
    cookie: Option<usize>,
    requests: [Option<Request>; REQUESTS],
    check_delivery: bool,
    /// Whether a read fetches a part of the session.
    reads_parts: bool,
}

impl World {
    fn new(kind: Kind, check_delivery: bool) -> Self {
        let place = Place::new(kind);
        let manager = place.manager();
        #[cfg(feature = "redis")]
        let reads_parts = matches!(kind, Kind::RedisHash | Kind::RedisHashCluster);
        #[cfg(not(feature = "redis"))]
        let reads_parts = false;
        let requests = Default::default();
        Self { place, manager, fates: Vec::new(), cookie: None, requests, check_delivery, reads_parts }
    }

    fn open(&mut self, at: usize) {
        self.close(at);
        let id = self.cookie.map(|number| self.fates[number].1.clone());
        let session = self.manager.session(id.as_ref().map(SessionId::as_str), ClientInfo::default());
        let standing = if id.is_some() { Standing::Unknown } else { Standing::Absent };
        self.requests[at] = Some(Request {
            session,
            under: self.cookie,
            standing,
            pending: Pending::default(),
            renew: false,
            doomed: None,
        });
    }

    fn look(&self, request: &mut Request) {
        let Some(under) = request.under else { return };
        if self.reads_parts && matches!(request.standing, Standing::Unknown | Standing::Written) {
            // The model reads all of a session at its first look; the hash storage reads what is asked for.
            let _ = request.session.len().unwrap();
        }
        request.standing = match (&request.standing, &self.fates[under].0) {
            (Standing::Unknown | Standing::Written, Fate::Lives(data)) => Standing::Found(data.clone()),
            (Standing::Unknown | Standing::Written, Fate::RenewedTo(_)) | (Standing::Written, Fate::Ended) => {
                Standing::Lost
            }
            (Standing::Unknown, Fate::Ended) => Standing::Absent,
            (known, _) => known.clone(),
        };
    }

    fn end(&mut self, mut number: usize) {
        while let Fate::RenewedTo(next) = self.fates[number].0 {
            number = next;
        }
        self.fates[number].0 = Fate::Ended;
    }

    /// What is known to be written already, after a look.
    fn get(request: &Request, key: &str) -> Option<u32> {
        let seen = match &request.standing {
            Standing::Found(data) => data.clone(),
            _ => Data::new(),
        };
        request.pending.over(&seen).get(key).copied()
    }

    /// Stores what a request did, in the model; gives back whether a new session or id was made.
    fn store(&mut self, request: &mut Request) -> Option<Fate> {
        if let Some(number) = request.doomed.take() {
            self.end(number);
        }
        if request.pending.is_empty() && !request.renew {
            return None;
        }
        let pending = std::mem::take(&mut request.pending);
        let renew = std::mem::take(&mut request.renew);
        if !matches!(request.standing, Standing::Absent | Standing::Lost) {
            let under = request.under.expect("a session it works under");
            match self.fates[under].0.clone() {
                Fate::Lives(data) => {
                    let data = pending.over(&data);
                    request.standing = match &request.standing {
                        Standing::Found(seen) => Standing::Found(pending.over(seen)),
                        _ => Standing::Written,
                    };
                    if renew {
                        return Some(Fate::Lives(data));
                    }
                    self.fates[under].0 = Fate::Lives(data);
                    return None;
                }
                Fate::Ended if matches!(request.standing, Standing::Unknown) => request.standing = Standing::Absent,
                Fate::Ended | Fate::RenewedTo(_) => request.standing = Standing::Lost,
            }
        }
        if matches!(request.standing, Standing::Absent) && pending.has_content() {
            let data = pending.over(&Data::new());
            request.standing = Standing::Found(data.clone());
            request.under = None;
            return Some(Fate::Lives(data));
        }
        None
    }

    fn stored(&mut self, request: &mut Request) {
        if let Some(fate) = self.store(request) {
            let number = self.fates.len();
            if let Some(old) = request.under {
                self.fates[old].0 = Fate::RenewedTo(number);
            }
            let id = request.session.id().expect("a session that was stored has an id");
            assert!(self.fates.iter().all(|(_, other)| *other != id), "an id was issued twice");
            self.fates.push((fate, id));
            request.under = Some(number);
        }
    }

    fn close(&mut self, at: usize) {
        let Some(mut request) = self.requests[at].take() else { return };
        let closed = request.session.close().unwrap();
        self.stored(&mut request);
        let lost = matches!(request.standing, Standing::Lost);
        if self.check_delivery && lost {
            let quiet = matches!(closed.delivery, Delivery::Keep | Delivery::Withdraw);
            assert!(quiet, "a request that lost its session hands out {:?}", closed.delivery);
        }
        match closed.delivery {
            Delivery::Send { id, .. } => {
                let number = self.fates.iter().position(|(_, issued)| *issued == id);
                self.cookie = Some(number.expect("an id that was issued"));
            }
            Delivery::Withdraw => self.cookie = None,
            _ => {}
        }
    }

    fn step(&mut self, at: usize, op: &Op) {
        match op {
            Op::Open => return self.open(at),
            Op::Close => return self.close(at),
            _ => {}
        }
        if self.requests[at].is_none() {
            self.open(at);
        }
        let mut request = self.requests[at].take().expect("it was opened");
        let session = request.session.clone();
        match op {
            Op::Get(key) => {
                self.look(&mut request);
                assert_eq!(session.get::<u32>(key).unwrap(), Self::get(&request, key));
            }
            Op::Set(key, value) => {
                session.set(key, value).unwrap();
                request.pending.edits.insert(key.clone(), Some(*value));
            }
            Op::Remove(key) => {
                session.remove(key);
                request.pending.edits.insert(key.clone(), None);
            }
            Op::Clear => {
                session.clear();
                request.pending = Pending { cleared: true, edits: BTreeMap::new() };
            }
            Op::Update(key) => self.update(&mut request, key),
            Op::Renew => {
                session.renew();
                request.renew = true;
            }
            Op::Destroy => {
                session.destroy();
                request.doomed = request.doomed.or(request.under);
                (request.under, request.standing) = (None, Standing::Absent);
                (request.pending, request.renew) = (Pending::default(), false);
            }
            Op::Save => {
                let _ = session.save().unwrap();
                self.stored(&mut request);
            }
            Op::Open | Op::Close => {}
        }
        self.requests[at] = Some(request);
    }

    fn update(&mut self, request: &mut Request, key: &str) {
        // An edit of this request that is not stored yet answers by itself, without a look at the storage.
        let written = request.pending.cleared || request.pending.edits.contains_key(key);
        let answer = request.session.update(key, |n: Option<u32>| n.unwrap_or(0) + 1);
        if !(written && matches!(request.standing, Standing::Found(_))) {
            self.look(request);
        }
        if matches!(request.standing, Standing::Lost) {
            assert!(matches!(answer, Err(Error::Gone)), "{answer:?}");
            return;
        }
        let Standing::Found(seen) = &mut request.standing else {
            let new = Self::get(request, key).unwrap_or(0) + 1;
            assert_eq!(answer.unwrap(), new);
            request.pending.edits.insert(key.to_owned(), Some(new));
            return;
        };
        if written {
            let new = request.pending.over(seen).get(key).copied().unwrap_or(0) + 1;
            assert_eq!(answer.unwrap(), new);
            request.pending.edits.insert(key.to_owned(), Some(new));
            return;
        }
        let under = request.under.expect("it was found under something");
        match &mut self.fates[under].0 {
            Fate::Lives(data) => {
                let new = data.get(key).copied().unwrap_or(0) + 1;
                assert_eq!(answer.unwrap(), new);
                data.insert(key.to_owned(), new);
                seen.insert(key.to_owned(), new);
            }
            Fate::Ended | Fate::RenewedTo(_) => {
                assert!(matches!(answer, Err(Error::Gone)), "{answer:?}");
                request.standing = Standing::Lost;
            }
        }
    }

    /// The storage holds what the model holds: dead ids stay dead, and nothing lives under an id nobody knows.
    fn check(&self) {
        let mut living = 0;
        for (fate, id) in &self.fates {
            let held = stored(&*self.place.storage, &StoreKey::of(id), NOW);
            match fate {
                Fate::Lives(data) => {
                    living += 1;
                    let expected: Vec<_> = data.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
                    assert_eq!(held, Some(expected));
                }
                Fate::Ended | Fate::RenewedTo(_) => assert_eq!(held, None, "a dead id lives"),
            }
        }
        assert_eq!(self.place.ids.living(&*self.place.storage, NOW).len(), living);
    }

    fn run(kind: Kind, check_delivery: bool, history: &[(usize, Op)]) {
        let mut world = Self::new(kind, check_delivery);
        for (at, op) in history {
            world.step(*at, op);
            world.check();
        }
        for at in 0..REQUESTS {
            world.close(at);
            world.check();
        }
        let living = world.fates.iter().filter(|(fate, _)| matches!(fate, Fate::Lives(_))).count();
        assert_eq!(world.place.survivors(), living as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_holds_what_the_model_holds(history in history()) {
        World::run(Kind::Memory, false, &history);
    }

    #[test]
    fn a_request_that_lost_its_session_hands_out_no_id(history in history()) {
        World::run(Kind::Memory, true, &history);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_hold_what_the_model_holds(history in history()) {
        World::run(Kind::File, false, &history);
    }
}

#[cfg(feature = "redis")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strings_in_redis_hold_what_the_model_holds(history in history()) {
        World::run(Kind::RedisString, true, &history);
    }

    #[test]
    fn hashes_in_redis_hold_what_the_model_holds(history in history()) {
        World::run(Kind::RedisHash, true, &history);
    }

    #[test]
    fn strings_in_a_cluster_hold_what_the_model_holds(history in history()) {
        World::run(Kind::RedisStringCluster, true, &history);
    }

    #[test]
    fn hashes_in_a_cluster_hold_what_the_model_holds(history in history()) {
        World::run(Kind::RedisHashCluster, true, &history);
    }
}
