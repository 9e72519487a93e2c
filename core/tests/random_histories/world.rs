//! A history on a storage and on the model, side by side.

use std::sync::Arc;

use gsession::{
    ClientInfo, Clock as _, Delivery, Error, Manager, Session, SessionId, Storage, StoreKey, Timestamp,
    storage::FORWARD_FOR,
};

use crate::{
    history::{History, Op, REQUESTS},
    model::{Data, Fate, OWNER, Pending, Standing},
    support::{IDLE, Kind, Place, found, survivors},
};

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

pub(crate) struct World {
    place: Place,
    /// Over it, or over one that is broken.
    storage: Arc<dyn Storage>,
    manager: Manager,
    /// The model, and the id by which the storage knows each session.
    fates: Vec<(Fate, SessionId)>,
    /// The session whose id the client holds.
    cookie: Option<usize>,
    requests: [Option<Request>; REQUESTS],
    /// Whether another process can open it.
    reopens: bool,
    /// Whether a read fetches a part of the session.
    reads_parts: bool,
}

impl World {
    fn new(kind: Kind) -> Self {
        let place = Place::new(kind);
        let storage = Arc::clone(&place.storage);
        #[cfg(feature = "redis")]
        let reads_parts = matches!(kind, Kind::RedisHash | Kind::RedisHashCluster);
        #[cfg(not(feature = "redis"))]
        let reads_parts = false;
        Self::over(place, storage, true, reads_parts)
    }

    /// Over a storage that is none of the place's.
    fn on(storage: impl Storage + 'static) -> Self {
        Self::over(Place::new(Kind::Memory), Arc::new(storage), false, false)
    }

    fn over(place: Place, storage: Arc<dyn Storage>, reopens: bool, reads_parts: bool) -> Self {
        let manager = place.builder_over(Arc::clone(&storage)).build().unwrap();
        Self {
            place,
            storage,
            manager,
            fates: Vec::new(),
            cookie: None,
            requests: Default::default(),
            reopens,
            reads_parts,
        }
    }

    fn now(&self) -> Timestamp {
        self.place.clock.now()
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
        if lost {
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
            // What it has written and not saved is gone with it.
            Op::Drop => return self.requests[at] = None,
            Op::DestroyAllOf(user) => return self.destroy_all_of(*user),
            Op::Expire => return self.expire(),
            Op::Restart => return self.restart(),
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
                session.remove(key).unwrap();
                request.pending.edits.insert(key.clone(), None);
            }
            Op::Clear => {
                session.clear().unwrap();
                request.pending.clear();
            }
            Op::Own(user) => {
                match user {
                    Some(user) => session.set_principal(&format!("user-{user}")).unwrap(),
                    None => session.clear_principal().unwrap(),
                }
                request.pending.edits.insert(OWNER.to_owned(), *user);
            }
            Op::Update(key) => self.update(&mut request, key),
            Op::Renew => {
                session.renew().unwrap();
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
            Op::Open | Op::Close | Op::Drop | Op::DestroyAllOf(_) | Op::Expire | Op::Restart => {}
        }
        self.requests[at] = Some(request);
    }

    fn destroy_all_of(&mut self, user: u32) {
        let spared = self.cookie.map(|number| self.fates[number].1.clone());
        let ended = self.manager.destroy_all_of(&format!("user-{user}"), spared.as_ref()).unwrap();
        let mut expected = 0;
        for number in 0..self.fates.len() {
            if matches!(&self.fates[number].0, Fate::Lives(data) if data.get(OWNER) == Some(&user))
                && self.cookie != Some(number)
            {
                self.fates[number].0 = Fate::Ended;
                expected += 1;
            }
        }
        assert_eq!(ended, expected, "sessions of user {user} that were ended");
    }

    /// All that was last used before this has ended, the traces of renewals too.
    fn expire(&mut self) {
        self.place.clock.advance(IDLE + FORWARD_FOR);
        self.fates.iter_mut().for_each(|(fate, _)| *fate = Fate::Ended);
    }

    fn restart(&mut self) {
        self.requests = Default::default();
        if !self.reopens {
            return;
        }
        self.storage = self.place.opened_again();
        self.manager = self.place.builder_over(Arc::clone(&self.storage)).build().unwrap();
        if self.place.kind == Kind::Memory {
            self.fates.iter_mut().for_each(|(fate, _)| *fate = Fate::Ended);
        }
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
            let snapshot = found(&*self.storage, &StoreKey::of(id), self.now());
            let held = snapshot.map(|snapshot| {
                let number = |json: &str| json.parse().unwrap();
                let entries = snapshot.record.entries;
                let mut data: Data = entries.iter().map(|(key, json)| (key.to_owned(), number(json))).collect();
                if let Some(owner) = &snapshot.record.principal {
                    data.insert(OWNER.to_owned(), number(owner.strip_prefix("user-").unwrap()));
                }
                data
            });
            match fate {
                Fate::Lives(data) => {
                    living += 1;
                    assert_eq!(held.as_ref(), Some(data), "a session's data");
                }
                Fate::Ended | Fate::RenewedTo(_) => assert_eq!(held, None, "a dead id lives"),
            }
        }
        assert_eq!(self.place.ids.living(&*self.storage, self.now()).len(), living, "sessions that live");
    }

    /// Goes through a history step by step.
    fn run(mut self, history: &History) {
        for (at, op) in history {
            self.step(*at, op);
            self.check();
        }
        for at in 0..REQUESTS {
            self.close(at);
            self.check();
        }
        let lives = |(fate, _): &&(Fate, SessionId)| matches!(fate, Fate::Lives(_));
        assert_eq!(survivors(&*self.storage, self.now()), self.fates.iter().filter(lives).count() as u64);
    }
}

pub(crate) fn run(kind: Kind, history: &History) {
    World::new(kind).run(history);
}

pub(crate) fn run_on(storage: impl Storage + 'static, history: &History) {
    World::on(storage).run(history);
}
