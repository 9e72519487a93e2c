//! A history on a storage and on the model, side by side.

mod acting;

use std::{sync::Arc, time::Duration};

use gsession::{
    ClientInfo, Clock as _, Delivery, Error, Exchange, Manager, Saved, Session, SessionId, Storage, StoreKey,
    Timestamp, storage::TOMBSTONE_LIFETIME,
};

use super::{
    history::{History, Op, REQUESTS},
    model::{Data, Fate, Fates, Loses, Model, OWNER, Standing, Stored},
};
use crate::support::{IDLE, Kind, Place, found, survivors};

#[derive(Debug)]
struct Request {
    session: Exchange<Session>,
    model: Model,
    is_closed: bool,
}

/// The model of all sessions, and the id by which the storage knows each.
#[derive(Debug, Default)]
struct Sessions(Vec<(Fate, SessionId)>);

impl Fates for Sessions {
    fn fate(&self, number: usize) -> &Fate {
        &self.0[number].0
    }
}

impl Sessions {
    fn id(&self, number: usize) -> SessionId {
        self.0[number].1.clone()
    }

    fn end(&mut self, number: usize) {
        let end = self.end_of(number);
        self.0[end].0 = Fate::Ended;
    }

    fn end_all(&mut self) {
        self.0.iter_mut().for_each(|(fate, _)| *fate = Fate::Ended);
    }
}

pub(crate) struct World {
    place: Place,
    /// Over it, or over one that is broken.
    storage: Arc<dyn Storage>,
    manager: Manager,
    sessions: Sessions,
    /// The session whose id the client holds.
    cookie: Option<usize>,
    /// Another cookie, which it sends after that one.
    kept: Option<usize>,
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
            sessions: Sessions::default(),
            cookie: None,
            kept: None,
            requests: Default::default(),
            reopens,
            reads_parts,
        }
    }

    fn now(&self) -> Timestamp {
        self.place.clock.now()
    }

    fn open(&mut self, at: usize) {
        self.close(at, true);
        let numbers: Vec<usize> = self.cookie.into_iter().chain(self.kept).collect();
        let ids: Vec<SessionId> = numbers.iter().map(|&number| self.sessions.id(number)).collect();
        let session = self.manager.begin(ids.iter().map(SessionId::as_str), ClientInfo::default);
        let model = Model::presenting(numbers, self.now());
        self.requests[at] = Some(Request { session, model, is_closed: false });
    }

    fn look(&self, request: &mut Request) {
        if self.reads_parts && matches!(request.model.standing, Standing::Unknown | Standing::Written) {
            // The model reads all of a session at its first look; the hash storage reads what is asked for.
            let _ = request.session.len().unwrap();
        }
        request.model.look(&self.sessions);
    }

    /// What is known to be written already, after a look.
    fn get(request: &Request, key: &str) -> Option<u32> {
        request.model.pending.over(&request.model.seen()).get(key).copied()
    }

    /// Stores what a request did, in the model.
    fn store(&mut self, request: &mut Request, is_closing: bool) -> Stored {
        std::mem::take(&mut request.model.doomed).into_iter().for_each(|number| self.sessions.end(number));
        let (stored, fate) = request.model.store(&self.sessions, is_closing);
        match (stored, fate) {
            (Stored::Issued, Some(fate)) => {
                let number = self.sessions.0.len();
                if let Some(old) = request.model.under.replace(number) {
                    self.sessions.0[old].0 = Fate::RenewedTo(number, self.now());
                }
                let id = request.session.id().expect("a session that was stored has an id");
                assert!(self.sessions.0.iter().all(|(_, other)| *other != id), "an id was issued twice");
                self.sessions.0.push((fate, id));
            }
            (_, Some(fate)) => {
                let under = request.model.under.expect("a session it works under");
                self.sessions.0[under].0 = fate;
                assert_eq!(request.session.id(), Some(self.sessions.id(under)), "the id of a session that was stored");
            }
            (_, None) => {}
        }
        stored
    }

    /// Ends a request, unless it has ended; whether its client hears what it is told.
    fn close(&mut self, at: usize, is_heard: bool) {
        let Some(mut request) = self.requests[at].take_if(|request| !request.is_closed) else { return };
        let closed = request.session.close();
        let stored = self.store(&mut request, true);
        if stored == Stored::Nothing {
            request.model.confirm(&self.sessions);
        }
        request.is_closed = true;
        request.session.discard();
        let Request { session, model, .. } = &request;
        let delivery = match closed {
            Ok(closed) => {
                assert_eq!(closed.saved == Saved::Gone, matches!(stored, Stored::Gone(_)), "{closed:?}, {stored:?}");
                assert_eq!(closed.conflict, stored == Stored::Gone(Loses::Writes), "{closed:?}, {stored:?}");
                assert_ne!(stored, Stored::Gone(Loses::Login), "a login is lost, and nobody was told");
                closed.delivery
            }
            Err(error) => {
                assert!(matches!(error, Error::Gone) && stored == Stored::Gone(Loses::Login), "{error:?}, {stored:?}");
                session.delivery()
            }
        };
        let sent = match &delivery {
            Delivery::Send { id, .. } => Some(id.clone()),
            _ => None,
        };
        let expected = model.under.filter(|_| model.issued && !model.is_gone());
        assert_eq!(sent, expected.map(|number| self.sessions.id(number)), "the id that the client is sent");
        assert!(delivery != Delivery::Withdraw || model.has_destroyed, "only a logout takes an id away");
        match delivery {
            _ if !is_heard => {}
            Delivery::Send { .. } => self.cookie = expected,
            Delivery::Withdraw => self.cookie = None,
            _ => {}
        }
        self.requests[at] = Some(request);
    }

    fn step(&mut self, at: usize, op: &Op) {
        // So that it is known what came before what.
        self.place.clock.advance(Duration::from_millis(1));
        match op {
            Op::Open => return self.open(at),
            Op::Close => return self.close(at, true),
            Op::CloseUnheard => return self.close(at, false),
            // What it has written and not saved is gone with it.
            Op::Drop => return self.requests[at] = None,
            Op::Keep => return self.kept = self.cookie,
            Op::Swap => return std::mem::swap(&mut self.cookie, &mut self.kept),
            Op::DestroyAllOf(user) => return self.destroy_all_of(*user),
            Op::Expire => return self.expire(),
            Op::Restart => return self.restart(),
            _ => {}
        }
        if self.requests[at].is_none() {
            self.open(at);
        }
        let mut request = self.requests[at].take().expect("it was opened");
        if request.is_closed {
            self.act_late(&mut request, op)
        } else {
            self.act(&mut request, op)
        }
        self.requests[at] = Some(request);
    }

    fn destroy_all_of(&mut self, user: u32) {
        // The id of the cookie may be an old one of the session that is spared.
        let number_spared = self.cookie.map(|number| self.sessions.end_of(number));
        let spared = self.cookie.map(|number| self.sessions.id(number));
        let ended = self.manager.destroy_all_of(&principal(user), spared.as_ref()).unwrap();
        let mut expected = 0;
        for (number, (fate, _)) in self.sessions.0.iter_mut().enumerate() {
            if matches!(fate, Fate::Lives(data) if data.get(OWNER) == Some(&user)) && number_spared != Some(number) {
                *fate = Fate::Ended;
                expected += 1;
            }
        }
        assert_eq!(ended, expected, "sessions of user {user} that were ended");
    }

    /// All that was last used before this has ended, the tombstones of renewals too.
    fn expire(&mut self) {
        self.place.clock.advance(IDLE + TOMBSTONE_LIFETIME);
        self.sessions.end_all();
        self.requests.iter_mut().flatten().for_each(|request| request.model.is_old = true);
    }

    fn restart(&mut self) {
        self.requests = Default::default();
        if !self.reopens {
            return;
        }
        self.storage = self.place.opened_again();
        self.manager = self.place.builder_over(Arc::clone(&self.storage)).build().unwrap();
        if self.place.kind == Kind::Memory {
            self.sessions.end_all();
        }
    }

    /// The storage holds what the model holds: dead ids stay dead, and nothing lives under an id nobody knows.
    fn check(&self) {
        let mut living = 0;
        for (fate, id) in &self.sessions.0 {
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
                Fate::Ended | Fate::RenewedTo(..) => assert_eq!(held, None, "a dead id lives"),
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
            self.close(at, true);
            self.check();
        }
        let lives = |(fate, _): &&(Fate, SessionId)| matches!(fate, Fate::Lives(_));
        assert_eq!(survivors(&*self.storage, self.now()), self.sessions.0.iter().filter(lives).count() as u64);
    }
}

fn principal(user: u32) -> String {
    format!("user-{user}")
}

pub(crate) fn run(kind: Kind, history: &History) {
    World::new(kind).run(history);
}

pub(crate) fn run_on(storage: impl Storage + 'static, history: &History) {
    World::on(storage).run(history);
}
