//! Random histories of one user whose ids rotate: overlapping requests, answers that come late, in another order or never, on two servers.
//! Whatever happens, the user stays logged in, in one session; and then a thief is found out.

use std::{sync::Arc, time::Duration};

use gsession::{ClientInfo, Delivery, Exchange, Manager, Session, SessionId};
use proptest::prelude::*;

use crate::support::{KINDS, Kind, Place};

const PERIOD: Duration = Duration::from_secs(15 * 60);
const GRACE: Duration = Duration::from_secs(60);
/// How long requests and answers take at most.
const SLOWEST: Duration = Duration::from_secs(50);

/// What happens next, and to what: it counts round.
#[derive(Debug, Clone, Copy)]
enum Act {
    Begin {
        server: bool,
    },
    Read(usize),
    Update(usize),
    /// Without reading, unless the request has read before.
    Write(usize),
    /// A request ends.
    Answer(usize),
    /// An answer arrives, or is lost.
    Receive {
        which: usize,
        is_lost: bool,
    },
    Wait {
        seconds: u64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let which = || 0..8_usize;
    prop_oneof![
        3 => any::<bool>().prop_map(|server| Act::Begin { server }),
        2 => which().prop_map(Act::Read),
        1 => which().prop_map(Act::Update),
        1 => which().prop_map(Act::Write),
        3 => which().prop_map(Act::Answer),
        2 => (which(), 0..3).prop_map(|(which, luck)| Act::Receive { which, is_lost: luck == 0 }),
        2 => prop_oneof![0..10_u64, 0..GRACE.as_secs(), 0..3 * PERIOD.as_secs()].prop_map(|seconds| Act::Wait { seconds }),
    ]
}

/// One user with one browser, and the service.
struct World {
    place: Place,
    managers: [Manager; 2],
    /// The id in the browser.
    jar: SessionId,
    /// Every id that was ever in it, in order.
    had: Vec<SessionId>,
    requests: Vec<Exchange<Session>>,
    /// Answers on their way: the id that they bring.
    answers: Vec<Option<SessionId>>,
    /// How long requests and answers have been under way at most.
    slowest: Duration,
    /// Whether its cookie has a `Max-Age`.
    keeps_cookies: bool,
    /// Increments that were acknowledged.
    count: u32,
}

impl World {
    fn new(kind: Kind, keeps_cookies: bool) -> Self {
        let place = Place::new(kind);
        let other = if kind == Kind::Memory { Arc::clone(&place.storage) } else { place.opened_again() };
        let rotating = |storage| place.builder_over(storage).rotate_every(PERIOD).build().unwrap();
        let managers = [rotating(Arc::clone(&place.storage)), rotating(other)];
        let session = managers[0].begin(None, ClientInfo::default);
        session.log_in("ada").unwrap();
        let Delivery::Send { id: jar, .. } = session.close().unwrap().delivery else { panic!("no id") };
        let had = vec![jar.clone()];
        let (requests, answers) = (Vec::new(), Vec::new());
        Self { place, managers, jar, had, requests, answers, slowest: Duration::ZERO, keeps_cookies, count: 0 }
    }

    fn begin(&self, manager: &Manager) -> Exchange<Session> {
        let request = manager.begin([self.jar.as_str()], ClientInfo::default);
        if self.keeps_cookies { request.client_keeps_expiry() } else { request }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Begin { server } => {
                let manager = &self.managers[usize::from(server)];
                self.requests.push(self.begin(manager));
            }
            Act::Answer(which) => self.answer(which),
            Act::Receive { which, is_lost } => self.receive(which, is_lost),
            Act::Wait { seconds } => self.wait(Duration::from_secs(seconds)),
            Act::Read(which) | Act::Update(which) | Act::Write(which) => {
                let Some(request) = picked(&self.requests, which).map(|at| &self.requests[at]) else { return };
                match act {
                    Act::Read(_) => assert!(request.principal().unwrap().is_some(), "logged out"),
                    Act::Update(_) => {
                        request.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
                        self.count += 1;
                    }
                    _ => request.set("x", &which).unwrap(),
                }
            }
        }
    }

    fn answer(&mut self, which: usize) {
        let Some(at) = picked(&self.requests, which) else { return };
        let closed = self.requests.swap_remove(at).close().unwrap();
        assert!(!closed.conflict, "changes were lost");
        self.answers.push(match closed.delivery {
            Delivery::Send { id, .. } => Some(id),
            Delivery::Refresh { id, .. } => self.keeps_cookies.then_some(id),
            Delivery::Keep => None,
            other => panic!("{other:?}"),
        });
    }

    fn receive(&mut self, which: usize, is_lost: bool) {
        let Some(at) = picked(&self.answers, which) else { return };
        if let Some(id) = self.answers.swap_remove(at).filter(|_| !is_lost) {
            self.jar = id.clone();
            self.had.push(id);
        }
    }

    /// Nothing is under way for longer than the network and the handlers take.
    fn wait(&mut self, time: Duration) {
        self.slowest += time;
        if self.slowest > SLOWEST {
            self.come_to_rest();
        }
        self.place.clock.advance(time);
    }

    /// Everything that is under way ends.
    fn come_to_rest(&mut self) {
        while !self.requests.is_empty() {
            self.answer(0);
        }
        while !self.answers.is_empty() {
            self.receive(0, false);
        }
        self.slowest = Duration::ZERO;
    }

    /// A request that sees how things are.
    fn look(&mut self) {
        self.requests.push(self.begin(&self.managers[0]));
        assert!(self.requests[0].principal().unwrap().is_some(), "logged out");
        assert_eq!(self.requests[0].get_or("n", 0).unwrap(), self.count, "an update was lost");
        self.come_to_rest();
    }

    fn check(mut self, history: &[Act]) {
        history.iter().for_each(|act| self.act(*act));
        self.come_to_rest();
        // The client has the current id, and has used it.
        self.look();
        self.look();
        assert_eq!(self.managers[1].sessions_of("ada").unwrap().len(), 1);
        assert_eq!(self.place.survivors(), 1);

        let Some(stolen) = self.had.iter().find(|id| **id != self.jar).cloned() else { return };
        self.place.clock.advance(GRACE);
        let thief = self.managers[1].begin([stolen.as_str()], ClientInfo::default);
        assert_eq!(thief.principal().unwrap(), None, "the thief is let in");
        assert_eq!(thief.close().unwrap().delivery, Delivery::Withdraw);
        assert_eq!(self.place.survivors(), 0);
    }
}

/// Which of a list, if it is not empty.
fn picked<T>(list: &[T], which: usize) -> Option<usize> {
    which.checked_rem(list.len())
}

fn histories() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 0..150)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn in_memory_the_user_stays_logged_in_and_a_thief_does_not_get_in(history in histories(), keeps_cookies: bool) {
        World::new(Kind::Memory, keeps_cookies).check(&history);
    }
}

proptest! {
    #![proptest_config(config(20))]

    #[test]
    fn on_every_storage_the_user_stays_logged_in_and_a_thief_does_not_get_in(history in histories(), keeps_cookies: bool) {
        KINDS.iter().for_each(|kind| World::new(*kind, keeps_cookies).check(&history));
    }
}
