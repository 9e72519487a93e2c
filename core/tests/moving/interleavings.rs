//! The storage operations of two and of three requests in many orders, in every mix of deployments, also if one of them dies. If two have
//! few operations, it is every order.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use gsession::{
    AsyncStorage as _, MemoryStorage, MovingStorage, Record, Storage as _, StoreKey,
    storage::{Access, Committed, Created, Lookup, Moved, Removed},
};

use crate::{
    explorer::{All, Chooser, Random, Stepping, Task, run},
    support::{IDLE, NOW, commit_at, key, quiet_memory, record, setting},
};

/// What a request does with the session that began under key 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Load,
    Touch,
    /// Stores an entry of its own.
    Commit,
    /// To a key of its own.
    Renew,
    Logout,
}

const ACTS: [Act; 5] = [Act::Load, Act::Touch, Act::Commit, Act::Renew, Act::Logout];

/// In which deployment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Prepared,
    Moving,
}

/// Where the session is when they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Old,
    New,
    /// A process died when it had set the session aside.
    SetAside,
    /// A process died when it had stored the session at the new place.
    LeftOver,
}

const STARTS: [Start; 4] = [Start::Old, Start::New, Start::SetAside, Start::LeftOver];

type Request = (Act, Version);

/// What a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    Renewed,
    Gone,
    /// A session, but not this one.
    Empty,
}

struct World {
    old: Arc<MemoryStorage>,
    new: Arc<MemoryStorage>,
    moving: MovingStorage,
    answers: Rc<RefCell<Vec<(usize, Answer)>>>,
}

/// How many orders are tried one after the other, and, if there are more, by chance.
const MOST: usize = 500;
/// Steps until the session is set aside, and until it is stored.
const TO_SET_ASIDE: usize = 3;
const TO_STORE: usize = 5;

fn begun() -> Record {
    let mut begun = Record::new(NOW, IDLE, Some(NOW + IDLE * 2));
    begun.principal = Some("ada".into());
    begun.entries = record(&[("a", "1")]).entries;
    begun
}

impl World {
    fn new(start: Start) -> Self {
        let (old, new) = (Arc::new(quiet_memory()), Arc::new(quiet_memory()));
        let moving = MovingStorage::new(Stepping(Arc::clone(&old)), Stepping(Arc::clone(&new))).unwrap();
        let checked = moving.clone();
        // Only the first request of a process finds out whether there are two places.
        run(vec![Box::pin(async move { checked.check().await.unwrap() })], 0, &mut Random(0));
        let world = Self { old, new, moving, answers: Rc::default() };
        let place = if start == Start::New { &world.new } else { &world.old };
        assert_eq!(place.create(&key(1), &begun(), NOW).unwrap(), Created::Done);
        let steps = match start {
            Start::Old | Start::New => 0,
            Start::SetAside => TO_SET_ASIDE,
            Start::LeftOver => TO_STORE,
        };
        let mut bringing: Task = world.task(0, (Act::Load, Version::Moving));
        // A step is done by the poll after the one that comes to it. The first one tells the time.
        for _ in 0..=steps {
            let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
            assert!(bringing.as_mut().poll(context).is_pending());
        }
        drop(bringing);
        let (at_old, at_new) = (world.old.count(NOW).unwrap(), world.new.count(NOW).unwrap());
        let wanted = match start {
            Start::Old | Start::SetAside => (1, 0),
            Start::New => (0, 1),
            Start::LeftOver => (1, 1),
        };
        assert_eq!((at_old, at_new), wanted, "{start:?}");
        let is_aside = matches!(world.old.load(&key(1), &Access::passive(NOW)).unwrap(), Lookup::Renewed(_));
        assert_eq!(is_aside, matches!(start, Start::SetAside | Start::LeftOver));
        world
    }

    fn version(&self, version: Version) -> MovingStorage {
        match version {
            Version::Moving => self.moving.clone(),
            Version::Prepared => self.moving.clone().prepared(),
        }
    }

    fn task(&self, number: usize, (act, version): Request) -> Task {
        let storage = self.version(version);
        let (answers, name) = (Rc::clone(&self.answers), format!("r{number}"));
        Box::pin(async move {
            let access = Access::active(NOW, IDLE, std::time::Duration::ZERO);
            let answer = match act {
                Act::Load => match storage.load(&key(1), &access).await.unwrap() {
                    Lookup::Found(found) => {
                        if found.record.entries.get_str("a") == Some("1") {
                            Answer::Done
                        } else {
                            Answer::Empty
                        }
                    }
                    Lookup::Renewed(_) => Answer::Renewed,
                    _ => Answer::Gone,
                },
                Act::Touch => match storage.touch(&key(1), &access).await.unwrap() {
                    gsession::storage::Touched::Done(_) => Answer::Done,
                    // Of a renewal, too.
                    gsession::storage::Touched::Gone => Answer::Renewed,
                },
                Act::Commit => match storage.commit(&key(1), &commit_at(setting(&name, "1"), NOW)).await.unwrap() {
                    Committed::Done { .. } => Answer::Done,
                    Committed::Renewed(_) => Answer::Renewed,
                    _ => Answer::Gone,
                },
                Act::Renew => {
                    let commit = commit_at(setting(&name, "1"), NOW);
                    match storage.move_to(&key(1), &own_key(number), &commit).await.unwrap() {
                        Moved::Done { .. } => Answer::Done,
                        Moved::Renewed(_) => Answer::Renewed,
                        other => {
                            assert_eq!(other, Moved::Gone);
                            Answer::Gone
                        }
                    }
                }
                Act::Logout => {
                    let mut at = key(1);
                    loop {
                        match storage.remove(&at).await.unwrap() {
                            Removed::Renewed(to) => at = to,
                            Removed::Done => break Answer::Done,
                            Removed::Absent => break Answer::Gone,
                        }
                    }
                }
            };
            answers.borrow_mut().push((number, answer));
        })
    }

    /// What is found when all is over, and by which instance.
    fn end(&self, version: Version) -> Option<(StoreKey, Record)> {
        let moving = self.version(version);
        let mut at = key(1);
        loop {
            let lookup = settle(async { moving.load(&at, &Access::passive(NOW)).await.unwrap() });
            match lookup {
                Lookup::Found(found) => return Some((at, found.record)),
                Lookup::Renewed(_) => {
                    at = settle(async { moving.tombstone(&at, NOW).await.unwrap() }).expect("a renewal leads on").to;
                }
                _ => return None,
            }
        }
    }

    fn judge(&self, requests: &[Request], order: &[usize]) {
        let answers = self.answers.borrow().clone();
        let died: Vec<usize> = order.iter().filter_map(|number| number.checked_sub(100)).collect();
        let says = |text: &str| format!("{text}: {requests:?} in the order {order:?} were answered {answers:?}");
        let logout = |number: usize| requests[number].0 == Act::Logout;
        let has_ended = answers.iter().any(|(number, _)| logout(*number));
        let may_have_ended = has_ended || died.iter().any(|number| logout(*number));
        let renewals =
            answers.iter().filter(|(number, answer)| requests[*number].0 == Act::Renew && *answer == Answer::Done);
        assert!(answers.iter().all(|(_, answer)| *answer != Answer::Empty), "{}", says("there was another session"));
        assert!(renewals.count() <= 1, "{}", says("two renewals"));
        if !may_have_ended {
            assert!(answers.iter().all(|(_, answer)| *answer != Answer::Gone), "{}", says("a session was missing"));
        }
        for version in [Version::Prepared, Version::Moving] {
            let end = self.end(version);
            assert!(!has_ended || end.is_none(), "{}", says("it has come back"));
            assert!(may_have_ended || end.is_some(), "{}", says("it is lost"));
            let Some((_, record)) = end else { continue };
            let deadlines = (record.created_at, record.absolute_deadline, record.principal.as_deref());
            assert_eq!(deadlines, (NOW, Some(NOW + IDLE * 2), Some("ada")), "{}", says("the record is another"));
            let wanted = answers.iter().filter(|(number, answer)| {
                matches!(requests[*number].0, Act::Commit | Act::Renew) && *answer == Answer::Done
            });
            for name in wanted.map(|(number, _)| format!("r{number}")).chain(["a".to_owned()]) {
                assert_eq!(record.entries.get_str(&name), Some("1"), "{}", says("what was stored is lost"));
            }
            let names: Vec<_> = record.entries.iter().map(|(name, _)| name).filter(|name| name.len() > 2).collect();
            assert!(names.is_empty(), "{}", says("the application sees what moving has left"));
        }
        // Whoever was not ended lives once, and what has ended nowhere.
        let living = self.old.count(NOW).unwrap() + self.new.count(NOW).unwrap();
        assert!(!has_ended || living == 0, "{}", says("something is left"));
        assert!(living <= 1 || !died.is_empty(), "{}", says("there are two"));
    }
}

fn own_key(number: usize) -> StoreKey {
    key(100 + number as u8)
}

/// Runs a future by itself.
fn settle<T: 'static>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
            return output;
        }
    }
}

fn try_once(start: Start, requests: &[Request], deaths: usize, chooser: &mut impl Chooser) {
    let world = World::new(start);
    let tasks = requests.iter().enumerate().map(|(number, request)| world.task(number, *request)).collect();
    let order = run(tasks, deaths, chooser);
    world.judge(requests, &order);
}

/// In every order, if these are not more than [`MOST`], otherwise in the first of them and in as many by chance.
fn orders(start: Start, requests: &[Request], deaths: usize) {
    let mut all = All::default();
    for _ in 0..MOST {
        try_once(start, requests, deaths, &mut all);
        if !all.next() {
            return;
        }
    }
    let mut random = Random(MOST as u64);
    for _ in 0..MOST {
        try_once(start, requests, deaths, &mut random);
    }
}

fn pairs(versions: [Version; 2]) {
    for start in STARTS {
        for (number, first) in ACTS.into_iter().enumerate() {
            // If both are of one version, the order of the two does not matter.
            let seconds = if versions[0] == versions[1] { &ACTS[number..] } else { &ACTS[..] };
            for second in seconds {
                orders(start, &[(first, versions[0]), (*second, versions[1])], 0);
            }
        }
    }
}

#[test]
fn two_requests_of_the_moving_version() {
    pairs([Version::Moving, Version::Moving]);
}

#[test]
fn requests_of_both_versions() {
    pairs([Version::Prepared, Version::Moving]);
}

#[test]
fn two_requests_of_the_prepared_version() {
    pairs([Version::Prepared, Version::Prepared]);
}

#[test]
fn one_of_two_requests_dies_at_any_step() {
    for act in ACTS {
        for start in [Start::Old, Start::SetAside] {
            orders(start, &[(act, Version::Moving)], 1);
            for version in [Version::Moving, Version::Prepared] {
                orders(start, &[(Act::Load, Version::Moving), (act, version)], 1);
            }
        }
    }
}

#[test]
fn three_requests_in_many_orders() {
    let mut random = Random(16);
    for number in 0..20_000 {
        let request = |random: &mut Random| {
            let version = if random.choose(3) == 0 { Version::Prepared } else { Version::Moving };
            (ACTS[random.choose(ACTS.len())], version)
        };
        let requests: [Request; 3] = std::array::from_fn(|_| request(&mut random));
        let start = STARTS[random.choose(STARTS.len())];
        try_once(start, &requests, number % 2, &mut random);
    }
}
