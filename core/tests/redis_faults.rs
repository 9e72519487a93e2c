//! What happens to sessions in Redis when the server, or the way to it, breaks: each fault is done to a real server, with
//! both storages and both faces.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    error::Error as StdError,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use gsession::{
    AnyStorage, AsyncManager, AsyncSession, AsyncStorage, Changes, ClientInfo, Delivery, Error, HashedIds,
    IdGenerator as _, Manager, Record, RedisHashStorage, RedisStorage, Saved, Session, SessionId, Storage,
    StorageError, StorageErrorKind, StoreKey, SystemClock, Timestamp,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, Swept, Touched,
        redis::{NearCache, RedisBuilder},
    },
};
use gsession_test_servers::{
    Cluster, Proxy, RedisServer, Sentinels,
    resp::{Client, Reply},
};
use tokio::runtime::{Builder, Runtime};

const TIMEOUT: Duration = Duration::from_millis(300);
/// No single call may take longer: far more than the timeouts, so that only what hangs takes so long.
const NO_HANG: Duration = Duration::from_secs(20);
/// What all keys begin with.
const PREFIX: &str = "gsession:";

// --- Both storages, with both faces -------------------------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Strings,
    Hashes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Blocking,
    Waiting,
}

const ALL: [(Form, Side); 4] = [
    (Form::Strings, Side::Blocking),
    (Form::Strings, Side::Waiting),
    (Form::Hashes, Side::Blocking),
    (Form::Hashes, Side::Waiting),
];

/// An async storage as a blocking one, so that one test serves both.
struct Driven(Arc<Runtime>, AnyStorage);

impl Storage for Driven {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.0.block_on(self.1.load(key, access))
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        self.0.block_on(self.1.fetch(key, names, access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.0.block_on(self.1.create(key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.0.block_on(self.1.commit(key, commit))
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        self.0.block_on(self.1.touch(key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.0.block_on(self.1.move_to(from, to, commit))
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.0.block_on(self.1.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.0.block_on(self.1.find(principal, now))
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.0.block_on(self.1.sweep(now))
    }
}

#[derive(Clone)]
enum Gives {
    Blocking(Manager),
    Waiting(AsyncManager, Arc<Runtime>),
}

/// One storage with one face, and a manager over it.
#[derive(Clone)]
struct Face {
    form: Form,
    side: Side,
    storage: Arc<dyn Storage>,
    gives: Gives,
}

enum Request {
    Blocking(Session),
    Waiting(AsyncSession, Arc<Runtime>),
}

macro_rules! ask {
    ($request:expr, $session:ident => $call:expr) => {
        match $request {
            Request::Blocking($session) => $call,
            Request::Waiting($session, runtime) => runtime.block_on($call),
        }
    };
}

macro_rules! tell {
    ($request:expr, $session:ident => $call:expr) => {
        match $request {
            Request::Blocking($session) => $call,
            Request::Waiting($session, _) => $call,
        }
    };
}

impl Request {
    fn get(&self, key: &str) -> Result<Option<u64>, Error> {
        ask!(self, session => session.get(key))
    }

    fn add(&self, key: &str) -> Result<u64, Error> {
        ask!(self, session => session.update(key, |n: Option<u64>| n.unwrap_or(0) + 1))
    }

    fn save(&self) -> Result<Saved, Error> {
        ask!(self, session => session.save())
    }

    /// Ends the request; the client's id, if it is told one.
    fn close(&self) -> Result<Option<SessionId>, Error> {
        let closed = ask!(self, session => session.close())?;
        Ok(match closed.delivery {
            Delivery::Send { id, .. } => Some(id),
            _ => None,
        })
    }

    fn set(&self, key: &str, value: u64) -> &Self {
        tell!(self, session => session.set(key, &value)).unwrap();
        self
    }

    fn remove(&self, key: &str) -> &Self {
        tell!(self, session => session.remove(key));
        self
    }

    fn clear(&self) -> &Self {
        tell!(self, session => session.clear());
        self
    }

    fn renew(&self) -> &Self {
        tell!(self, session => session.renew());
        self
    }

    fn destroy(&self) -> &Self {
        tell!(self, session => session.destroy());
        self
    }

    fn id(&self) -> Option<SessionId> {
        tell!(self, session => session.id())
    }

    fn abandon(&self) {
        tell!(self, session => session.abandon());
    }
}

fn quick<S>(builder: RedisBuilder<S>) -> RedisBuilder<S> {
    builder.connect_timeout(TIMEOUT).response_timeout(TIMEOUT)
}

/// A runtime whose connections are driven also while nobody waits, as in a server.
fn runtime() -> Arc<Runtime> {
    Arc::new(Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
}

impl Face {
    fn over<S: Storage + AsyncStorage + Clone + 'static>((form, side): (Form, Side), storage: S) -> Self {
        let (storage, gives): (Arc<dyn Storage>, _) = match side {
            Side::Blocking => (Arc::new(storage.clone()), Gives::Blocking(Manager::new(storage))),
            Side::Waiting => {
                let runtime = runtime();
                let driven = Driven(Arc::clone(&runtime), AnyStorage::new(storage.clone()));
                (Arc::new(driven), Gives::Waiting(AsyncManager::new(storage), runtime))
            }
        };
        Self { form, side, storage, gives }
    }

    fn try_at(which: (Form, Side), url: &str) -> Result<Self, StorageError> {
        Ok(match which.0 {
            Form::Strings => Self::over(which, quick(RedisStorage::builder(url)).build()?),
            Form::Hashes => Self::over(which, quick(RedisHashStorage::builder(url)).build()?),
        })
    }

    fn at(which: (Form, Side), url: &str) -> Self {
        Self::try_at(which, url).unwrap()
    }

    fn request(&self, id: Option<&SessionId>) -> Request {
        let id = id.map(SessionId::as_str);
        match &self.gives {
            Gives::Blocking(manager) => Request::Blocking(manager.session(id, ClientInfo::default())),
            Gives::Waiting(manager, runtime) => {
                Request::Waiting(manager.session(id, ClientInfo::default()), Arc::clone(runtime))
            }
        }
    }

    fn with(&self, id: &SessionId) -> Request {
        self.request(Some(id))
    }

    /// A new session with the entry n = 1.
    fn try_login(&self) -> Result<SessionId, Error> {
        let request = self.request(None);
        let done = request.set("n", 1).close();
        request.abandon();
        done.map(|id| id.expect("a new session has an id to send"))
    }

    fn login(&self) -> SessionId {
        self.try_login().unwrap()
    }

    /// Uses each script once, so that the server knows them and there is a connection.
    fn warm_up(&self) {
        let request = self.with(&self.login());
        assert_eq!(request.add("n").unwrap(), 2);
        assert_eq!(request.set("m", 1).save().unwrap(), Saved::Committed);
        assert_eq!(request.renew().save().unwrap(), Saved::Renewed);
        assert_eq!(request.destroy().save().unwrap(), Saved::Destroyed);
        let key = some_key();
        let now = now();
        self.storage.create(&key, &Record::new(now, support::IDLE, None), now).unwrap();
        self.storage.touch(&key, &support::active(now)).unwrap();
        self.storage.remove(&key).unwrap();
    }

    /// Calls until it works, which must happen soon; gives back the result.
    fn until_it_works<T>(&self, what: &str, mut call: impl FnMut() -> Result<T, Error>) -> T {
        let start = Instant::now();
        loop {
            match timed(&mut call) {
                Ok(done) => return done,
                Err(error) => assert!(start.elapsed() < NO_HANG, "{self:?}: {what}: {}", texts(&error)),
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.form, self.side)
    }
}

// --- Looking at errors and servers --------------------------------------------------------------------------------------

fn now() -> Timestamp {
    use gsession::Clock as _;
    SystemClock.now()
}

fn some_key() -> StoreKey {
    StoreKey::of(&HashedIds::new().generate(&ClientInfo::default()).unwrap())
}

/// Runs a call that must not hang.
fn timed<T>(call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = call();
    assert!(start.elapsed() < NO_HANG, "it took {:?}", start.elapsed());
    done
}

/// Runs a call that may well hang, which fails the test.
fn bounded<T: Send + 'static>(what: &str, call: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, is_done) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let _ = done.send(call());
    });
    is_done.recv_timeout(NO_HANG).unwrap_or_else(|_| panic!("it hangs, or has panicked: {what}"))
}

/// Everything that an error says.
fn texts(error: &dyn StdError) -> String {
    let mut all = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        all += &format!(" | {error}");
        next = error.source();
    }
    all
}

#[track_caller]
fn kind(error: &Error) -> StorageErrorKind {
    match error {
        Error::Storage(error) => error.kind(),
        other => panic!("not an error of the storage: {}", texts(other)),
    }
}

/// The error says that the storage is down, or did not answer.
#[track_caller]
fn assert_down(face: &Face, error: &Error) {
    let is_down = matches!(kind(error), StorageErrorKind::Unavailable | StorageErrorKind::Timeout);
    assert!(is_down, "{face:?}: {}", texts(error));
}

/// The header of what stands under a key.
fn head(server: &RedisServer, key: &[u8]) -> Vec<u8> {
    let parts: &[&[u8]] = match server.command(&[b"TYPE", key]).text().as_str() {
        "string" => &[b"GET", key],
        "hash" => &[b"HGET", key, b"m"],
        _ => return Vec::new(),
    };
    match server.command(parts) {
        Reply::Bytes(bytes) => bytes,
        _ => Vec::new(),
    }
}

/// How many keys there are of a kind: `S` for sessions, `F` for traces of renewals, `P` for what is prepared.
fn count(server: &RedisServer, kind: u8) -> usize {
    let is = |key: &&Vec<u8>| head(server, key).get(..2) == Some(&[1, kind]);
    server.keys("*").iter().filter(is).count()
}

/// No key is without an expiry.
#[track_caller]
fn assert_all_expire(server: &RedisServer) {
    for key in server.keys("*") {
        let left = server.command(&[b"PTTL", &key[..]]).int();
        // -2: it has ended meanwhile.
        assert!(left > 0 || left == -2, "PTTL {left} of {}", String::from_utf8_lossy(&key));
    }
}

/// Everything that a server holds, except when it expires.
fn contents(server: &RedisServer) -> Vec<(Vec<u8>, Vec<Reply>)> {
    let mut keys = server.keys("*");
    keys.sort();
    let value = |key: &Vec<u8>| match server.command(&[b"TYPE", &key[..]]).text().as_str() {
        "hash" => {
            let fields = server.command(&[b"HGETALL", &key[..]]).list();
            let mut pairs: Vec<Vec<Reply>> = fields.chunks(2).map(<[Reply]>::to_vec).collect();
            pairs.sort_by_key(|pair| pair[0].text());
            pairs.concat()
        }
        _ => vec![server.command(&[b"GET", &key[..]])],
    };
    keys.iter().map(|key| (key.clone(), value(key))).collect()
}

fn name(key: &StoreKey) -> Vec<u8> {
    format!("{PREFIX}{key}").into_bytes()
}

/// A server that writes everything to its disk before it answers.
fn durable() -> RedisServer {
    RedisServer::builder().set("appendonly", "yes").set("appendfsync", "always").start()
}

// --- The server is gone, for a while ------------------------------------------------------------------------------------

#[test]
fn killed_and_restarted() {
    for which in ALL {
        let mut server = durable();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        server.kill();
        for _ in 0..3 {
            for result in [
                timed(|| face.with(&id).get("n")).map(drop),
                timed(|| face.try_login()).map(drop),
                timed(|| face.with(&id).add("n")).map(drop),
                timed(|| face.with(&id).destroy().save()).map(drop),
            ] {
                let error = result.unwrap_err();
                assert_eq!(kind(&error), StorageErrorKind::Unavailable, "{face:?}: {}", texts(&error));
            }
            let request = face.with(&id);
            assert_eq!(kind(&request.renew().set("x", 1).save().unwrap_err()), StorageErrorKind::Unavailable);
            request.abandon();
        }
        server.start_again();
        assert_eq!(face.until_it_works("reading after a restart", || face.with(&id).get("n")), Some(1));
        // The attempts have left nothing, and everything works.
        assert_eq!(count(&server, b'S'), 1, "{face:?}");
        assert_eq!(face.with(&id).add("n").unwrap(), 2);
        let request = face.with(&id);
        let renewed = request.renew().close().unwrap().unwrap();
        assert_eq!(face.with(&renewed).get("n").unwrap(), Some(2));
        assert_eq!(face.with(&renewed).destroy().save().unwrap(), Saved::Destroyed);
        assert_eq!(count(&server, b'S'), 0);
        assert_all_expire(&server);
    }
}

#[test]
fn the_first_write_after_an_idle_restart_works_or_fails_cleanly() {
    for idle in [Duration::ZERO, Duration::from_millis(1300)] {
        for which in ALL {
            let mut server = durable();
            let face = Face::at(which, &server.url());
            face.warm_up();
            let id = face.login();
            server.kill();
            server.start_again();
            thread::sleep(idle);
            let request = face.with(&id);
            request.set("late", 7);
            match timed(|| request.save()) {
                Ok(saved) => assert_eq!(saved, Saved::Committed, "{face:?}"),
                Err(error) => {
                    assert_eq!(kind(&error), StorageErrorKind::Unavailable, "{face:?}: {}", texts(&error));
                    assert!(
                        idle.is_zero(),
                        "{face:?}: a connection that has been idle is tried out first: {}",
                        texts(&error)
                    );
                    // Nobody has to wait for the next one.
                    assert_eq!(face.until_it_works("the second try", || request.save()), Saved::Committed);
                }
            }
            assert_eq!(face.with(&id).get("late").unwrap(), Some(7), "{face:?}");
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1), "{face:?}");
            assert_eq!(count(&server, b'S'), 1);
            assert_all_expire(&server);
        }
    }
}

#[test]
fn frozen_and_thawed() {
    for which in ALL {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        server.freeze();
        for _ in 0..2 {
            let reading = timed(|| face.with(&id).get("n")).unwrap_err();
            assert_eq!(kind(&reading), StorageErrorKind::Timeout, "{face:?}: {}", texts(&reading));
            let creating = timed(|| face.try_login()).unwrap_err();
            assert_eq!(kind(&creating), StorageErrorKind::Timeout, "{face:?}: {}", texts(&creating));
            let request = face.with(&id);
            let saving = timed(|| request.set("x", 5).save()).unwrap_err();
            assert_eq!(kind(&saving), StorageErrorKind::Timeout, "{face:?}: {}", texts(&saving));
            request.abandon();
        }
        server.thaw();
        assert_eq!(face.until_it_works("reading after thawing", || face.with(&id).get("n")), Some(1));
        assert_eq!(face.with(&id).add("n").unwrap(), 2);
        assert!(face.try_login().is_ok());
        assert_all_expire(&server);
    }
}

#[test]
fn an_update_that_timed_out_is_never_applied_twice() {
    for which in ALL {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        let (attempts, acknowledged, highest) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (over, unanswered) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !over.load(Ordering::SeqCst) {
                        let request = face.with(&id);
                        if timed(|| request.get("n")).is_err() {
                            thread::sleep(Duration::from_millis(5));
                            continue;
                        }
                        attempts.fetch_add(1, Ordering::SeqCst);
                        match timed(|| request.add("n")) {
                            Ok(value) => {
                                acknowledged.fetch_add(1, Ordering::SeqCst);
                                highest.fetch_max(value, Ordering::SeqCst);
                            }
                            Err(error) => {
                                unanswered.fetch_add(1, Ordering::SeqCst);
                                assert_down(&face, &error);
                            }
                        }
                        thread::sleep(Duration::from_millis(1));
                    }
                });
            }
            // Until it has hit an update and not a read.
            for round in 0..30 {
                thread::sleep(Duration::from_millis(150));
                server.freeze();
                thread::sleep(TIMEOUT + Duration::from_millis(200));
                server.thaw();
                if round >= 2 && unanswered.load(Ordering::SeqCst) > 0 {
                    break;
                }
            }
            thread::sleep(Duration::from_millis(300));
            over.store(true, Ordering::SeqCst);
        });
        let value = face.until_it_works("reading the counter", || face.with(&id).get("n")).unwrap() - 1;
        let (attempts, acknowledged) = (attempts.into_inner(), acknowledged.into_inner());
        assert!(acknowledged > 0 && attempts > acknowledged, "{face:?}: {acknowledged} of {attempts}");
        assert!((acknowledged..=attempts).contains(&value), "{face:?}: {acknowledged} <= {value} <= {attempts}");
        assert!(highest.into_inner() <= value + 1);
        assert_all_expire(&server);
    }
}

#[test]
fn a_closed_port() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let url = format!("redis://127.0.0.1:{port}");
    for which in ALL {
        let face = Face::at(which, &url);
        for _ in 0..3 {
            let error = timed(|| face.try_login()).unwrap_err();
            assert_eq!(kind(&error), StorageErrorKind::Unavailable);
            assert!(texts(&error).contains("refused"), "{}", texts(&error));
        }
        let id = HashedIds::new().generate(&ClientInfo::default()).unwrap();
        let error = timed(|| face.with(&id).get("n")).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Unavailable);
        assert!(!texts(&error).contains(id.as_str()));
        assert!(!texts(&error).contains(&StoreKey::of(&id).to_string()));
    }
    assert!(timed(|| RedisStorage::open(&url)).is_err());
    assert!(timed(|| RedisHashStorage::open(&url)).is_err());
}

#[test]
fn a_connection_that_is_cut_while_idle() {
    let server = RedisServer::start();
    for which in ALL {
        for idle in [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(1200)] {
            let proxy = Proxy::to(server.port());
            let face = Face::at(which, &proxy.url());
            face.warm_up();
            let id = face.login();
            proxy.cut();
            thread::sleep(idle);
            // Reading is repeated; that it was cut shows nowhere.
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1), "{face:?} after {idle:?}");
            proxy.cut();
            thread::sleep(idle);
            let request = face.with(&id);
            request.set("n", 2);
            match request.save() {
                Ok(saved) => assert_eq!(saved, Saved::Committed),
                Err(error) => {
                    assert_eq!(kind(&error), StorageErrorKind::Unavailable);
                    assert!(idle < Duration::from_secs(1), "{face:?}: {}", texts(&error));
                    assert_eq!(face.until_it_works("the second try", || request.save()), Saved::Committed);
                }
            }
            assert_eq!(face.with(&id).get("n").unwrap(), Some(2));
            // A logout is repeated as well.
            proxy.cut();
            assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed, "{face:?} after {idle:?}");
            assert_eq!(count(&server, b'S'), 0);
            assert_all_expire(&server);
        }
    }
}

#[test]
fn a_server_that_refuses_new_connections_for_a_while() {
    let server = RedisServer::start();
    for which in ALL {
        let proxy = Proxy::to(server.port());
        let face = Face::at(which, &proxy.url());
        face.warm_up();
        let id = face.login();
        proxy.refuse(true);
        proxy.cut();
        for _ in 0..5 {
            assert!(timed(|| face.with(&id).get("n")).is_err());
            assert!(timed(|| face.try_login()).is_err());
        }
        proxy.refuse(false);
        assert_eq!(face.until_it_works("reading again", || face.with(&id).get("n")), Some(1));
        assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed);
        assert_eq!(count(&server, b'S'), 0);
    }
}

// --- The answer is lost, after the server has done it -------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// No answer comes in time.
    Silence,
    /// The connection breaks instead.
    Cut,
}

/// Calls while the answers of the server vanish; what the server is asked, it does.
fn without_answer<T: Send>(proxy: &Proxy, lost: Lost, call: impl FnOnce() -> T) -> T {
    proxy.swallow_replies(true);
    let over = AtomicBool::new(false);
    let before = proxy.received();
    let done = thread::scope(|scope| {
        if lost == Lost::Cut {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    if proxy.received() > before {
                        proxy.cut();
                        return;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        let done = timed(call);
        over.store(true, Ordering::SeqCst);
        done
    });
    assert!(proxy.received() > before, "the server was not reached: this tests nothing");
    proxy.swallow_replies(false);
    // What came on a connection whose answers were lost must not be used.
    done
}

fn for_each_loss(test: impl Fn(&RedisServer, &Proxy, &Face, Lost)) {
    let server = RedisServer::start();
    for which in ALL {
        for lost in [Lost::Silence, Lost::Cut] {
            server.command(&["FLUSHALL"]);
            let proxy = Proxy::to(server.port());
            let face = Face::at(which, &proxy.url());
            face.warm_up();
            server.command(&["FLUSHALL"]);
            test(&server, &proxy, &face, lost);
            assert_all_expire(&server);
        }
    }
}

fn assert_lost(face: &Face, lost: Lost, error: &Error) {
    let kind = kind(error);
    match lost {
        Lost::Silence => assert_eq!(kind, StorageErrorKind::Timeout, "{face:?}: {}", texts(error)),
        Lost::Cut => assert!(
            matches!(kind, StorageErrorKind::Unavailable | StorageErrorKind::Timeout),
            "{face:?}: {}",
            texts(error)
        ),
    }
}

#[test]
fn a_create_without_an_answer_is_one_session_after_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        let request = face.request(None);
        request.set("n", 1).set("a", 1);
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        assert_eq!(count(server, b'S'), 1, "the server had done it");
        assert_eq!(request.id(), None);
        request.set("b", 2);
        let saved = face.until_it_works("another try", || request.save());
        assert!(matches!(saved, Saved::Created | Saved::Committed), "{face:?} {lost:?}: {saved:?}");
        assert_eq!(count(server, b'S'), 1, "{face:?} {lost:?}");
        let id = request.close().unwrap().unwrap();
        for (key, value) in [("n", 1), ("a", 1), ("b", 2)] {
            assert_eq!(face.with(&id).get(key).unwrap(), Some(value), "{face:?} {lost:?}: {key}");
        }
    });
}

#[test]
fn a_create_without_an_answer_and_then_a_destroy_leave_nothing() {
    for_each_loss(|server, proxy, face, lost| {
        let request = face.request(None);
        request.set("n", 1);
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        request.destroy();
        assert_eq!(face.until_it_works("ending it", || request.save()), Saved::Destroyed);
        assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
    });
}

#[test]
fn a_commit_without_an_answer_is_right_after_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        let id = face.login();
        assert_eq!(face.with(&id).set("old", 1).set("gone", 1).save().unwrap(), Saved::Committed);
        let request = face.with(&id);
        request.clear().set("n", 2).set("a", 1).remove("gone");
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        // It was not told, but it was done.
        assert_eq!(face.until_it_works("reading", || face.with(&id).get("n")), Some(2));
        request.set("b", 2).remove("a");
        assert_eq!(face.until_it_works("another try", || request.save()), Saved::Committed, "{face:?} {lost:?}");
        assert_eq!(count(server, b'S'), 1);
        for (key, value) in [("n", Some(2)), ("a", None), ("b", Some(2)), ("old", None), ("gone", None)] {
            assert_eq!(face.with(&id).get(key).unwrap(), value, "{face:?} {lost:?}: {key}");
        }
    });
}

#[test]
fn an_update_without_an_answer_is_no_success() {
    for_each_loss(|server, proxy, face, lost| {
        let id = face.login();
        let request = face.with(&id);
        assert_eq!(request.get("n").unwrap(), Some(1));
        assert_lost(face, lost, &without_answer(proxy, lost, || request.add("n")).unwrap_err());
        assert_eq!(face.until_it_works("reading", || face.with(&id).get("n")), Some(2), "{face:?} {lost:?}");
        // Whoever tries again, asks again: it is another attempt, on the value that is there.
        assert_eq!(face.until_it_works("another try", || request.add("n")), 3, "{face:?} {lost:?}");
        assert_eq!(face.with(&id).get("n").unwrap(), Some(3));
        assert_eq!(count(server, b'S'), 1);
    });
}

#[test]
fn a_renewal_without_an_answer_leaves_one_living_id_after_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        for reads in [false, true] {
            let old = face.until_it_works("logging in", || face.try_login());
            let request = face.with(&old);
            if reads {
                assert_eq!(request.get("n").unwrap(), Some(1));
            }
            request.renew().set("a", 1);
            assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
            assert_eq!(
                face.until_it_works("reading the old one", || face.with(&old).get("n")),
                None,
                "the server had done it"
            );
            let saved = face.until_it_works("another try", || request.save());
            assert!(matches!(saved, Saved::Renewed | Saved::Committed), "{face:?} {lost:?}: {saved:?}");
            let id = request.close().unwrap().unwrap();
            assert_ne!(id, old);
            assert_eq!(count(server, b'S'), 1, "{face:?} {lost:?}");
            assert_eq!(face.with(&old).get("n").unwrap(), None);
            for key in ["n", "a"] {
                assert_eq!(face.with(&id).get(key).unwrap(), Some(1), "{face:?} {lost:?}: {key}");
            }
            // A logout with the old id finds it.
            assert_eq!(face.with(&old).destroy().save().unwrap(), Saved::Destroyed);
            assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
        }
    });
}

#[test]
fn what_is_written_after_a_renewal_without_an_answer_is_stored_by_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        let old = face.login();
        let request = face.with(&old);
        request.renew().set("a", 1);
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        request.set("b", 2).remove("n");
        let saved = face.until_it_works("another try", || request.save());
        assert!(matches!(saved, Saved::Renewed | Saved::Committed), "{face:?} {lost:?}: {saved:?}");
        let id = request.close().unwrap().unwrap();
        assert_eq!(count(server, b'S'), 1);
        for (key, value) in [("a", Some(1)), ("b", Some(2)), ("n", None)] {
            assert_eq!(
                face.with(&id).get(key).unwrap(),
                value,
                "{face:?} {lost:?}: {key}: the save was told to have succeeded"
            );
        }
    });
}

#[test]
fn a_renewal_without_an_answer_and_then_a_destroy_leave_nothing() {
    for_each_loss(|server, proxy, face, lost| {
        let old = face.login();
        let request = face.with(&old);
        request.renew().set("a", 1);
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        request.destroy();
        assert_eq!(face.until_it_works("ending it", || request.save()), Saved::Destroyed);
        assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
    });
}

#[test]
fn a_renewal_without_an_answer_does_not_come_back_after_a_logout_elsewhere() {
    for_each_loss(|server, proxy, face, lost| {
        for reads in [false, true] {
            let old = face.until_it_works("logging in", || face.try_login());
            let request = face.with(&old);
            if reads {
                assert_eq!(request.get("n").unwrap(), Some(1));
            }
            request.renew().set("a", 1);
            assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
            assert_eq!(face.until_it_works("a logout", || face.with(&old).destroy().save()), Saved::Destroyed);
            assert_eq!(count(server, b'S'), 0);
            let saved = face.until_it_works("another try", || request.save());
            if reads {
                assert_eq!(saved, Saved::Gone, "{face:?} {lost:?}");
                assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
                assert_eq!(request.close().unwrap(), None);
            } else if saved != Saved::Gone {
                // Who never looked gets a session of what it has written, and of nothing else.
                assert_eq!(saved, Saved::Created);
                let fresh = request.close().unwrap().unwrap();
                assert_eq!(face.with(&fresh).get("n").unwrap(), None);
                assert_eq!(face.with(&fresh).destroy().save().unwrap(), Saved::Destroyed);
                assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
            }
        }
    });
}

#[test]
fn a_logout_without_an_answer_is_an_error_and_done_after_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        let id = face.login();
        let request = face.with(&id);
        request.destroy();
        match without_answer(proxy, lost, || request.save()) {
            Err(error) => assert_lost(face, lost, &error),
            // It was asked again, over another connection.
            Ok(saved) => assert_eq!((saved, lost), (Saved::Destroyed, Lost::Cut)),
        }
        assert_eq!(face.until_it_works("another try", || request.close()), None);
        assert_eq!(count(server, b'S'), 0);
        assert_eq!(face.with(&id).get("n").unwrap(), None);
    });
}

#[test]
fn answers_that_come_too_late_are_nobody_elses() {
    let server = RedisServer::start();
    for which in ALL {
        let proxy = Proxy::to(server.port());
        let face = Face::at(which, &proxy.url());
        let ids: Vec<SessionId> = (0..20).map(|_| face.login()).collect();
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(face.with(id).set("who", at as u64).save().unwrap(), Saved::Committed);
        }
        for round in 0..3 {
            proxy.hold_replies(true);
            let error = timed(|| face.with(&ids[round]).get("who")).unwrap_err();
            assert_eq!(kind(&error), StorageErrorKind::Timeout);
            proxy.hold_replies(false);
            for (at, id) in ids.iter().enumerate() {
                let who = face.until_it_works("reading", || face.with(id).get("who"));
                assert_eq!(who, Some(at as u64), "{face:?}: somebody else's session");
            }
        }
    }
}

/// Awaiting is given up in the middle, as when a client hangs up.
#[test]
fn futures_that_are_dropped_leave_the_connection_sound() {
    let server = RedisServer::start();
    for form in [Form::Strings, Form::Hashes] {
        let face = Face::at((form, Side::Waiting), &server.url());
        let Gives::Waiting(manager, runtime) = &face.gives else { unreachable!() };
        let ids: Vec<SessionId> = (0..10).map(|_| face.login()).collect();
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(face.with(id).set("who", at as u64).save().unwrap(), Saved::Committed);
        }
        runtime.block_on(async {
            for micros in (0..400).step_by(5) {
                let session = manager.session(Some(ids[0].as_str()), ClientInfo::default());
                session.set("x", &micros).unwrap();
                let _ = tokio::time::timeout(Duration::from_micros(micros), session.save()).await;
                session.abandon();
                for (at, id) in ids.iter().enumerate() {
                    let session = manager.session(Some(id.as_str()), ClientInfo::default());
                    assert_eq!(session.get::<u64>("who").await.unwrap(), Some(at as u64));
                }
            }
        });
    }
    assert_all_expire(&server);
}

// --- The server refuses ---------------------------------------------------------------------------------------------------

#[test]
fn a_wrong_password_is_named_and_not_shown() {
    const RIGHT: &str = "correct-horse";
    const WRONG: &str = "battery-staple";
    let server = RedisServer::builder().set("requirepass", RIGHT).start();
    let with = |login: &str| server.url().replace("redis://", &format!("redis://{login}@"));
    for which in ALL {
        for url in [with(&format!(":{WRONG}")), with(&format!("nobody:{WRONG}")), server.url()] {
            let face = Face::at(which, &url);
            let error = timed(|| face.try_login()).unwrap_err();
            let text = texts(&error);
            assert_eq!(kind(&error), StorageErrorKind::Unavailable, "{text}");
            assert!(text.contains("password"), "{face:?}: what is wrong is not named: {text}");
            assert!(!text.contains(WRONG) && !text.contains(RIGHT), "{text}");
        }
        let face = Face::at(which, &with(&format!(":{RIGHT}")));
        assert!(face.try_login().is_ok());
    }
    for url in [with(&format!(":{WRONG}")), with(&format!("nobody:{WRONG}")), server.url()] {
        let errors = [RedisStorage::open(&url).unwrap_err(), RedisHashStorage::open(&url).unwrap_err()];
        for error in errors {
            let text = texts(&error);
            assert!(text.contains("password") && !text.contains(WRONG), "{text}");
        }
        let (strings, hashes) =
            (RedisStorage::builder(&url).password(WRONG), RedisHashStorage::builder(&url).password(WRONG));
        assert!(!format!("{strings:?}{hashes:?}").contains(WRONG));
        let (strings, hashes) = (strings.build().unwrap(), hashes.build().unwrap());
        assert!(!format!("{strings:?}{hashes:?}").contains(WRONG));
        let manager = Manager::new(strings);
        assert!(!format!("{manager:?}").contains(WRONG));
    }
    // A password that stops being right later.
    for which in ALL {
        let face = Face::at(which, &with(&format!(":{RIGHT}")));
        let id = face.login();
        server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert_eq!(face.until_it_works("reading", || face.with(&id).get("n")), Some(1));
    }
}

#[test]
fn a_user_who_may_not_do_it() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "reader", "on", ">secret-word", "~*", "+@connection", "+@read", "+info"]);
    let url = server.url().replace("redis://", "redis://reader:secret-word@");
    for which in ALL {
        let face = Face::at(which, &url);
        let error = timed(|| face.try_login()).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Unavailable);
        assert!(!texts(&error).contains("secret-word"), "{}", texts(&error));
    }
    assert!(server.keys("*").is_empty());
}

#[test]
fn out_of_memory_changes_nothing() {
    for which in ALL {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let (id, other) = (face.login(), face.login());
        assert_eq!(face.with(&id).set("a", 1).set("b", 2).save().unwrap(), Saved::Committed);
        assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
        server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let before = contents(&server);

        let full = |what: &str, request: &Request, result: Result<(), Error>| {
            let error = result.expect_err(&format!("{face:?}: {what}: the server is full"));
            assert_eq!(kind(&error), StorageErrorKind::Full, "{face:?}: {what}: {}", texts(&error));
            assert!(contents(&server) == before, "{face:?}: {what}: something was changed");
            request.abandon();
        };
        type Write = fn(&Request) -> &Request;
        let write: [(&str, Write); 7] = [
            ("set", |request| request.set("c", 3)),
            ("replace", |request| request.set("a", 3)),
            ("remove", |request| request.remove("a")),
            ("clear", Request::clear),
            ("set, remove", |request| request.set("c", 3).remove("a")),
            ("clear, set", |request| request.clear().set("c", 3).set("b", 4)),
            ("renew", |request| request.renew().set("c", 3).remove("a")),
        ];
        for reads in [false, true] {
            for (what, write) in write {
                let request = face.with(&id);
                if reads {
                    assert_eq!(request.get("n").unwrap(), Some(1));
                }
                write(&request);
                full(what, &request, request.save().map(drop));
            }
            let request = face.with(&id);
            full("update", &request, request.add("n").map(drop));
            let request = face.with(&id);
            request.clear().renew().set("c", 3);
            full("clear and renew", &request, request.save().map(drop));
        }
        let request = face.request(None);
        full("create", &request, request.set("n", 1).save().map(drop));
        // Over a storage that has not seen the sessions before, too.
        let another = Face::at(which, &server.url());
        assert_eq!(another.with(&id).get("a").unwrap(), Some(1), "{face:?}: reading a session that needs no touch");
        assert_eq!(face.with(&id).get("b").unwrap(), Some(2));

        assert_eq!(face.with(&other).destroy().save().unwrap(), Saved::Destroyed, "{face:?}: a logout");
        assert_eq!(another.with(&other).get("n").unwrap(), None);
        assert_eq!(another.with(&id).get("n").unwrap(), Some(1));
        assert_all_expire(&server);

        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(face.with(&id).set("c", 3).save().unwrap(), Saved::Committed);
        assert_eq!(face.with(&id).get("a").unwrap(), Some(1));
        assert_all_expire(&server);
    }
}

#[test]
fn a_full_server_and_a_save_that_is_tried_again() {
    for which in ALL {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let (new, renewing) = (face.request(None), face.with(&id));
        new.set("n", 1);
        renewing.renew().set("a", 1);
        let _ = (new.save(), renewing.save());
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(new.save().unwrap(), Saved::Created);
        assert_eq!(renewing.save().unwrap(), Saved::Renewed);
        assert_eq!(count(&server, b'S'), 2, "{face:?}");
        for request in [new, renewing] {
            let id = request.close().unwrap().unwrap();
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
        }
        assert_eq!(face.with(&id).get("n").unwrap(), None);
        assert_all_expire(&server);
    }
}

#[test]
fn a_read_only_replica() {
    let primary = RedisServer::start();
    let replica = RedisServer::builder()
        .set("replicaof", &format!("127.0.0.1 {}", primary.port()))
        .set("repl-diskless-sync-delay", "0")
        .start();
    for which in ALL {
        let at_primary = Face::at(which, &primary.url());
        let id = at_primary.login();
        let key = String::from_utf8(name(&StoreKey::of(&id))).unwrap();
        support::wait_until("the replica has the session", || {
            replica.client().command(&["EXISTS", &key]).is_ok_and(|there| there == Reply::Int(1))
        });
        let face = Face::at(which, &replica.url());
        let before = contents(&replica);
        let request = face.with(&id);
        let results = [
            ("create", face.try_login().map(drop)),
            ("commit", request.set("a", 1).save().map(drop)),
            ("renew", request.renew().save().map(drop)),
            ("update", face.with(&id).add("n").map(drop)),
            ("destroy", face.with(&id).destroy().save().map(drop)),
        ];
        for (what, result) in results {
            let error = result.expect_err(what);
            assert_eq!(kind(&error), StorageErrorKind::Unavailable, "{face:?}: {what}: {}", texts(&error));
            assert!(texts(&error).contains("READONLY"), "{face:?}: {what}: {}", texts(&error));
        }
        request.abandon();
        assert!(contents(&replica) == before);
        assert_all_expire(&replica);
    }
    for error in [
        RedisStorage::open(&replica.url()).unwrap_err(),
        RedisHashStorage::open(&replica.url()).unwrap_err(),
        RedisStorage::builder(&replica.url()).build().unwrap().check().unwrap_err(),
    ] {
        assert_eq!(error.kind(), StorageErrorKind::Setup);
        assert!(texts(&error).contains("replica"), "{}", texts(&error));
    }
}

#[test]
fn replicas_that_do_not_confirm() {
    let server = RedisServer::start();
    for which in ALL {
        server.command(&["FLUSHALL"]);
        let wait = Duration::from_millis(100);
        let url = server.url();
        let face = match which.0 {
            Form::Strings => {
                Face::over(which, quick(RedisStorage::builder(&url)).wait_for_replicas(1, wait).build().unwrap())
            }
            Form::Hashes => {
                Face::over(which, quick(RedisHashStorage::builder(&url)).wait_for_replicas(1, wait).build().unwrap())
            }
        };
        let request = face.request(None);
        request.set("n", 1);
        for _ in 0..3 {
            let error = timed(|| request.save()).unwrap_err();
            assert_eq!(kind(&error), StorageErrorKind::Timeout, "{face:?}: {}", texts(&error));
            assert!(texts(&error).contains("0 of 1 replicas"), "{}", texts(&error));
        }
        request.abandon();
        assert_eq!(count(&server, b'S'), 1, "{face:?}: each try made another session");
        assert_all_expire(&server);
    }
}

// --- Something else stands there ------------------------------------------------------------------------------------------

#[test]
fn what_is_no_session_is_absent_and_the_next_write_works() {
    let server = RedisServer::start();
    for which in ALL {
        let face = Face::at(which, &server.url());
        let run = |parts: &[&[u8]]| drop(server.command(parts));
        // The value of a real session of this form, and of the other one.
        let raw = |key: &[u8]| server.command(&[b"DUMP", key]);
        let dump = |form| {
            let id = Face::at((form, Side::Blocking), &server.url()).login();
            let Reply::Bytes(dump) = raw(&name(&StoreKey::of(&id))) else { panic!("it was stored") };
            dump
        };
        let (strings, hashes) = (dump(Form::Strings), dump(Form::Hashes));
        let (own, foreign) = match which.0 {
            Form::Strings => (&strings, &hashes),
            Form::Hashes => (&hashes, &strings),
        };
        let string = |key: &[u8], value: &[u8]| run(&[b"SET", key, value, b"PX", b"600000"]);
        let hash = |key: &[u8], fields: &[&[u8]]| {
            run(&[&[&b"HSET"[..], key], fields].concat());
            run(&[b"PEXPIRE", key, b"600000"]);
        };
        let restore = |key: &[u8], dump: &[u8]| run(&[b"RESTORE", key, b"600000", dump, b"REPLACE"]);
        let value_of = |key: &[u8]| head(&server, key);

        type Put<'a> = (String, Box<dyn Fn(&[u8]) + 'a>);
        let mut cases: Vec<Put<'_>> = vec![
            (
                "a list".into(),
                Box::new(|key| {
                    run(&[b"LPUSH", key, b"x"]);
                    run(&[b"PEXPIRE", key, b"600000"]);
                }),
            ),
            (
                "a set".into(),
                Box::new(|key| {
                    run(&[b"SADD", key, b"x"]);
                    run(&[b"PEXPIRE", key, b"600000"]);
                }),
            ),
            ("the other storage's".into(), Box::new(|key| restore(key, foreign))),
        ];
        let garbage: Vec<(String, Vec<u8>)> = vec![
            ("nothing".into(), vec![]),
            ("a byte".into(), vec![1]),
            ("text".into(), b"{\"user\":\"ada\"}".to_vec()),
            ("zeros".into(), vec![0; 200]),
            ("ones".into(), vec![1; 200]),
            ("0xff".into(), vec![0xff; 200]),
            ("a header of 0xff".into(), [&b"\x01S"[..], &[0xff; 200]].concat()),
            ("a header of zeros".into(), [&b"\x01S"[..], &[0; 200]].concat()),
            ("an unknown kind".into(), [&b"\x01Q"[..], &[7; 200]].concat()),
            ("a short trace".into(), b"\x01F1234".to_vec()),
            ("a long-ended trace".into(), [&b"\x01F"[..], &[0; 40]].concat()),
        ];
        for (what, bytes) in garbage {
            let string = &string;
            let hash = &hash;
            match which.0 {
                Form::Strings => cases.push((what, Box::new(move |key| string(key, &bytes)))),
                Form::Hashes => cases.push((what, Box::new(move |key| hash(key, &[b"m", &bytes])))),
            }
        }
        // A real session that was damaged.
        let damage = |key: &[u8], change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
            restore(key, own);
            let value = change(value_of(key));
            match which.0 {
                Form::Strings => string(key, &value),
                Form::Hashes => hash(key, &[b"m", &value]),
            }
        };
        let damage = &damage;
        let longest = {
            restore(b"look", own);
            let longest = value_of(b"look").len();
            run(&[b"DEL", b"look"]);
            longest
        };
        for len in 0..longest {
            cases.push((format!("cut at {len}"), Box::new(move |key| damage(key, &|v| v[..len].to_vec()))));
        }
        cases.push((
            "a future version".into(),
            Box::new(|key| {
                damage(key, &|mut v| {
                    v[0] = 2;
                    v
                });
            }),
        ));
        match which.0 {
            Form::Strings => {
                cases.push((
                    "a tail of garbage".into(),
                    Box::new(|key| {
                        damage(key, &|v| [v, vec![0xff; 50]].concat());
                    }),
                ));
                cases.push((
                    "a huge log offset".into(),
                    Box::new(|key| {
                        damage(key, &|mut v| {
                            v[58..62].copy_from_slice(&[0xff; 4]);
                            v
                        });
                    }),
                ));
                cases.push((
                    "a log that begins in the header".into(),
                    Box::new(|key| {
                        damage(key, &|mut v| {
                            v[58..62].copy_from_slice(&[5, 0, 0, 0]);
                            v
                        });
                    }),
                ));
            }
            Form::Hashes => {
                cases.push(("no header".into(), Box::new(|key| hash(key, &[b":user", b"\"ada\""]))));
                let deep = "[".repeat(100_000);
                for (what, field, value) in [
                    ("a key that is no text", &b":\xff\xff"[..], b"1".to_vec()),
                    ("a value that is no text", b":n", b"\xff\xfe".to_vec()),
                    ("a value that is deep", b":n", deep.into_bytes()),
                ] {
                    let (restore, hash) = (&restore, &hash);
                    cases.push((
                        what.into(),
                        Box::new(move |key| {
                            restore(key, own);
                            hash(key, &[field, &value]);
                        }),
                    ));
                }
            }
        }
        for (what, put) in cases {
            let id = HashedIds::new().generate(&ClientInfo::default()).unwrap();
            let key = name(&StoreKey::of(&id));
            put(&key);
            let there = raw(&key);
            for active in [false, true] {
                let access = if active { support::active(now()) } else { Access::passive(now()) };
                let lookup = face.storage.load(&StoreKey::of(&id), &access).unwrap();
                assert!(matches!(lookup, Lookup::Absent), "{face:?}: {what}: {lookup:?}");
            }
            let is_partial = what == "a key that is no text";
            if !is_partial {
                assert_eq!(face.with(&id).get("n").unwrap(), None, "{face:?}: {what}");
            }
            // A request that reads first gets a new session under a new id, and leaves what is there alone.
            let request = face.with(&id);
            assert_eq!(tell_len(&request).unwrap(), 0, "{face:?}: {what}");
            let fresh = request.set("x", 9).close().unwrap().unwrap_or_else(|| panic!("{face:?}: {what}: no new id"));
            assert_ne!(fresh, id);
            assert_eq!(face.with(&fresh).get("x").unwrap(), Some(9), "{face:?}: {what}");
            // The header of a session that is damaged behind it can be read, and so touched.
            let is_headed = value_of(&key).get(..2) == Some(b"\x01S") && value_of(&key).len() >= 62;
            assert!(raw(&key) == there || is_headed, "{face:?}: {what}: it was changed");
            // Listing and sweeping do not mind.
            face.storage.find("ada", now()).unwrap();
            face.storage.sweep(now()).unwrap();
            run(&[b"DEL", &key]);

            // One that writes, renews or logs out without reading does not fail either.
            put(&key);
            for renews in [false, true] {
                let request = face.with(&id);
                request.set("x", 9);
                if renews {
                    request.renew();
                }
                match request.close() {
                    // What the header says about its size is believed by who has not looked: see the next test.
                    Err(Error::Storage(error)) if matches!(error.kind(), StorageErrorKind::Limit(_)) => {}
                    closed => assert!(closed.is_ok(), "{face:?}: {what}: {}", texts(&closed.unwrap_err())),
                }
            }
            let ended = face.with(&id).destroy().save();
            assert!(ended.is_ok(), "{face:?}: {what}: {}", texts(&ended.unwrap_err()));
            assert_all_expire(&server);
            server.command(&["FLUSHALL"]);
        }
    }
}

/// A request that writes without having read finds a session whose header can be read, but not what follows. What it is told
/// to have stored must be there for the next request.
#[test]
fn a_write_without_a_look_at_a_damaged_session_is_not_lost() {
    let server = RedisServer::start();
    for which in ALL {
        let face = Face::at(which, &server.url());
        let id = face.login();
        let key = name(&StoreKey::of(&id));
        let whole = head(&server, &key);
        let store = |value: &[u8]| {
            server.command(&[b"DEL", &key[..]]);
            match which.0 {
                Form::Strings => server.command(&[b"SET", &key[..], value, b"PX", b"600000"]),
                Form::Hashes => {
                    server.command(&[b"HSET", &key[..], b"m", value, b":n", b"1"]);
                    server.command(&[b"PEXPIRE", &key[..], b"600000"])
                }
            };
        };
        let mut damaged: Vec<(String, Vec<u8>)> = Vec::new();
        match which.0 {
            Form::Strings => {
                damaged.extend((62..whole.len()).map(|len| (format!("cut at {len}"), whole[..len].to_vec())));
            }
            Form::Hashes => {
                let mut counts = whole.clone();
                counts[26..34].fill(0xff);
                damaged.push(("counts".into(), counts));
            }
        }
        let mut lost = Vec::new();
        for (what, value) in &damaged {
            store(value);
            let request = face.with(&id);
            let told = request.set("x", 9).close();
            request.abandon();
            let found = match &told {
                Ok(fresh) => face.with(fresh.as_ref().unwrap_or(&id)).get("x").unwrap(),
                Err(_) => None,
            };
            if found != Some(9) {
                lost.push(format!("{what}: {:?}", told.map(|fresh| fresh.map(drop)).map_err(|error| texts(&error))));
            }
        }
        assert!(lost.is_empty(), "{face:?}: {} of {}: {:#?}", lost.len(), damaged.len(), lost.first());
    }
}

/// How many entries the session has.
fn tell_len(request: &Request) -> Result<usize, Error> {
    ask!(request, session => session.len())
}

#[test]
fn a_session_under_which_something_else_appears_meanwhile() {
    let server = RedisServer::start();
    for which in ALL {
        let face = Face::at(which, &server.url());
        face.warm_up();
        for replace in [
            |server: &RedisServer, key: &[u8]| drop(server.command(&[b"LPUSH", key, b"x"])),
            |server: &RedisServer, key: &[u8]| drop(server.command(&[b"SET", key, b"\x02Sgarbage"])),
            |server: &RedisServer, key: &[u8]| drop(server.command(&[b"HSET", key, b"f", b"v"])),
        ] {
            let id = face.login();
            let key = name(&StoreKey::of(&id));
            let request = face.with(&id);
            assert_eq!(request.get("n").unwrap(), Some(1));
            server.command(&[b"DEL", &key[..]]);
            replace(&server, &key);
            assert_eq!(request.set("n", 2).save().unwrap(), Saved::Gone, "{face:?}");
            let update = face.with(&id).add("n");
            assert!(matches!(update, Ok(1)), "{face:?}: {update:?}");
            server.command(&["FLUSHALL"]);
        }
    }
}

#[test]
fn scripts_that_are_flushed_at_any_time() {
    let server = RedisServer::start();
    let flush = || drop(server.command(&["SCRIPT", "FLUSH"]));
    for which in ALL {
        let face = Face::at(which, &server.url());
        flush();
        let id = face.login();
        flush();
        assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
        flush();
        let touched = face.storage.touch(&StoreKey::of(&id), &support::active(now() + Duration::from_secs(5))).unwrap();
        assert!(matches!(touched, Touched::Done(_)));
        flush();
        let lookup = face.storage.load(&StoreKey::of(&id), &support::active(now() + Duration::from_secs(90))).unwrap();
        assert!(matches!(lookup, Lookup::Found(_)));
        flush();
        assert_eq!(face.with(&id).set("a", 1).save().unwrap(), Saved::Committed);
        flush();
        assert_eq!(face.with(&id).add("n").unwrap(), 2);
        flush();
        let request = face.with(&id);
        let renewed = request.renew().close().unwrap().unwrap();
        flush();
        assert_eq!(face.with(&renewed).get("n").unwrap(), Some(2));
        flush();
        face.storage.find("ada", now()).unwrap();
        flush();
        face.storage.sweep(now()).unwrap();
        flush();
        assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed);
        flush();
        assert_eq!(face.with(&renewed).get("n").unwrap(), None);
        assert_all_expire(&server);

        // And while others work.
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let flusher = scope.spawn(|| {
                let mut client = server.client();
                while !over.load(Ordering::SeqCst) {
                    client.command(&["SCRIPT", "FLUSH"]).unwrap();
                    thread::yield_now();
                }
            });
            let id = face.login();
            for n in 0..200 {
                assert_eq!(face.with(&id).add("n").unwrap(), n + 2, "{face:?}");
            }
            assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed);
            over.store(true, Ordering::SeqCst);
            flusher.join().unwrap();
        });
    }
}

// --- Not a server -----------------------------------------------------------------------------------------------------------

#[test]
fn malformed_urls_are_refused_when_the_storage_is_built() {
    for url in [
        "",
        " ",
        "127.0.0.1",
        "127.0.0.1:6379",
        "//127.0.0.1",
        "http://127.0.0.1:6379",
        "redis:",
        "redis://",
        "redis://:6379",
        "redis://[::1",
        "redis://127.0.0.1:port",
        "redis://127.0.0.1:99999",
        "redis://127.0.0.1/zero",
        "redis://127.0.0.1/99999999999999999999999",
        "redis://127.0.0.1/-1",
        "redis://user:pa%ZZss@",
        "unix://",
        "redis://127.0.0.1:6379/0?protocol=resp9",
        "\0",
        "redis://exa mple",
    ] {
        for which in ALL {
            match bounded(url, move || Face::try_at(which, url)) {
                Err(error) => {
                    assert_eq!(error.kind(), StorageErrorKind::Setup, "{url:?}");
                    assert!(!texts(&error).contains("pa%ZZss"), "{}", texts(&error));
                }
                // What can be read as a URL must at least fail cleanly.
                Ok(face) => {
                    let error = bounded(url, move || face.try_login()).map(drop);
                    assert!(error.is_err() || url == "redis://127.0.0.1/-1", "{url:?} opens a session");
                    eprintln!("accepted by build: {url:?} ({})", error.map_err(|e| texts(&e)).unwrap_err());
                }
            }
        }
    }
    let none: [&str; 0] = [];
    assert_eq!(RedisStorage::cluster(none).build().unwrap_err().kind(), StorageErrorKind::Setup);
    assert_eq!(RedisStorage::sentinel(none, "x").build().unwrap_err().kind(), StorageErrorKind::Setup);
    let builder = || RedisStorage::builder("redis://127.0.0.1");
    assert_eq!(builder().connect_timeout(Duration::ZERO).build().unwrap_err().kind(), StorageErrorKind::Setup);
    assert_eq!(builder().response_timeout(Duration::ZERO).build().unwrap_err().kind(), StorageErrorKind::Setup);
}

#[test]
fn a_password_in_a_malformed_url_is_not_shown() {
    for url in [
        "redis://:hunter2@127.0.0.1:port",
        "redis://user:hunter2@127.0.0.1/zero",
        "redis://user:hunter2@",
        "http://user:hunter2@127.0.0.1",
        "redis://user:hunter2@127.0.0.1:99999",
        "rediss://user:hunter2@127.0.0.1/zero",
    ] {
        let error = RedisStorage::builder(url).build().unwrap_err();
        assert!(!texts(&error).contains("hunter2"), "{}", texts(&error));
        assert!(!format!("{:?}", RedisStorage::builder(url)).contains("hunter2"));
    }
}

#[cfg(not(feature = "redis-tls"))]
#[test]
fn tls_without_the_feature_is_refused_and_the_feature_named() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "rediss://");
    for which in ALL {
        match Face::try_at(which, &url) {
            Err(error) => {
                assert_eq!(error.kind(), StorageErrorKind::Setup);
                assert!(texts(&error).to_lowercase().contains("tls"), "{}", texts(&error));
            }
            Ok(face) => panic!("{face:?}: it cannot speak TLS, and was built: {:?}", face.try_login().map(drop)),
        }
    }
    assert!(server.keys("*").is_empty());
}

#[cfg(feature = "redis-tls")]
#[test]
fn a_server_that_speaks_no_tls() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "rediss://");
    for which in ALL {
        let url = url.clone();
        let error = bounded("TLS", move || Face::at(which, &url).try_login()).unwrap_err();
        assert!(texts(&error).contains("TLS") || kind(&error) == StorageErrorKind::Timeout, "{}", texts(&error));
    }
}

/// Something that listens and is no Redis; each connection is handled on a thread of its own.
fn listening(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), handle) = (stream, Arc::clone(&handle)) else { continue };
            thread::spawn(move || handle(stream));
        }
    });
    url
}

fn answering(answer: &'static [u8]) -> String {
    listening(move |mut stream| {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer) {
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    })
}

#[test]
fn servers_that_are_no_redis() {
    let places = [
        ("HTTP", answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
        (
            "HTTP, at once",
            listening(|mut stream| {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            }),
        ),
        (
            "SMTP",
            listening(|mut stream| {
                let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
                thread::sleep(NO_HANG * 2);
            }),
        ),
        (
            "silence",
            listening(|stream| {
                thread::sleep(NO_HANG * 2);
                drop(stream);
            }),
        ),
        ("closing at once", listening(drop)),
        (
            "closing after the first command",
            listening(|mut stream| {
                let _ = stream.read(&mut [0; 4096]);
            }),
        ),
        ("zeros", answering(&[0; 4096])),
        ("OK to everything", answering(b"+OK\r\n+OK\r\n+OK\r\n")),
        ("nil to everything", answering(b"_\r\n_\r\n_\r\n")),
        ("a number to everything", answering(b":1\r\n:1\r\n:1\r\n")),
        ("an endless array", answering(b"*2147483647\r\n")),
        ("a huge text", answering(b"$536870911\r\nabc")),
        ("a negative length", answering(b"*-7\r\n$-9\r\n")),
        ("nested arrays", answering(b"*1\r\n*1\r\n*1\r\n")),
        ("errors", answering(b"-ERR no\r\n-ERR no\r\n-ERR no\r\n")),
        ("pushes", answering(b">1\r\n+x\r\n")),
    ];
    let id = HashedIds::new().generate(&ClientInfo::default()).unwrap();
    thread::scope(|scope| {
        for (what, url) in &places {
            let id = &id;
            scope.spawn(move || {
                for which in ALL {
                    let what = format!("{which:?}: {what}");
                    let face = Face::at(which, url);
                    for _ in 0..2 {
                        let (face, id) = (face.clone(), id.clone());
                        let created = bounded(&what, {
                            let face = face.clone();
                            move || face.try_login().map(drop)
                        });
                        // Whoever says OK to everything is believed, as far as that goes.
                        assert!(created.is_err() || what.contains("OK to"), "{what}: a session was created");
                        let ended = bounded(&what, {
                            let (face, id) = (face.clone(), id.clone());
                            move || face.with(&id).destroy().save()
                        });
                        assert!(ended.is_err(), "{what}: a session was ended: {ended:?}");
                        let read = bounded(&what, move || face.with(&id).get("n"));
                        assert!(!matches!(read, Ok(Some(_))), "{what}: {read:?}");
                    }
                }
                let opened = bounded(what, {
                    let url = url.clone();
                    move || quick(RedisStorage::builder(&url)).build().unwrap().check()
                });
                assert!(opened.is_err(), "{what}: it passes for a server");
            });
        }
    });
}

/// Each byte comes in time, but the answer does not.
fn against_dripping(side: Side) {
    let endless = listening(|mut stream| {
        while stream.write_all(b"$").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let long = listening(|mut stream| {
        let _ = stream.write_all(b"$1000000\r\n");
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    for form in [Form::Strings, Form::Hashes] {
        for url in [&endless, &long] {
            let face = Face::at((form, side), url);
            assert!(bounded("an answer that drips", move || face.try_login()).is_err());
        }
    }
}

#[test]
fn an_answer_that_drips_async() {
    against_dripping(Side::Waiting);
}

#[test]
fn addresses_that_lead_nowhere() {
    for url in ["redis://no-such-host.invalid:6379", "unix:///nowhere/redis.sock"] {
        for which in ALL {
            let face = Face::at(which, url);
            let error = bounded(url, move || face.try_login()).unwrap_err();
            assert!(
                matches!(kind(&error), StorageErrorKind::Unavailable | StorageErrorKind::Timeout),
                "{url}: {}",
                texts(&error)
            );
        }
        let opened = bounded(url, move || quick(RedisStorage::builder(url)).build().unwrap().check());
        assert!(opened.is_err());
    }
}

#[test]
fn outside_of_a_runtime_the_async_face_is_an_error() {
    let server = RedisServer::start();
    let manager = AsyncManager::new(RedisStorage::builder(&server.url()).build().unwrap());
    let session = manager.session(None, ClientInfo::default());
    session.set("n", &1).unwrap();
    let error = futures::executor::block_on(session.save()).unwrap_err();
    assert_eq!(kind(&error), StorageErrorKind::Setup);
    assert!(texts(&error).contains("runtime"));
    session.abandon();
}

// --- The near cache ---------------------------------------------------------------------------------------------------------

#[test]
fn the_near_cache_does_not_outlive_its_connection() {
    let server = RedisServer::start();
    for form in [Form::Strings, Form::Hashes] {
        let proxy = Proxy::to(server.port());
        let which = (form, Side::Waiting);
        let near = match form {
            Form::Strings => {
                let builder = quick(RedisStorage::builder(&proxy.url())).near_cache(NearCache::default());
                Face::over(which, builder.build().unwrap())
            }
            Form::Hashes => {
                let builder = quick(RedisHashStorage::builder(&proxy.url())).near_cache(NearCache::default());
                Face::over(which, builder.build().unwrap())
            }
        };
        let elsewhere = Face::at((form, Side::Blocking), &server.url());
        near.warm_up();

        // The connection breaks, and meanwhile a logout happens elsewhere.
        let id = near.login();
        for _ in 0..5 {
            assert_eq!(near.with(&id).get("n").unwrap(), Some(1));
        }
        proxy.refuse(true);
        proxy.cut();
        assert_eq!(elsewhere.with(&id).destroy().save().unwrap(), Saved::Destroyed);
        support::wait_until("the cache is gone with the connection", || near.with(&id).get("n").is_err());
        proxy.refuse(false);
        assert_eq!(near.until_it_works("reading", || near.with(&id).get("n")), None, "{near:?}: a logout was not seen");

        // The server does not answer, so nothing tells of a logout: the cache is believed for a short time only.
        let id = near.login();
        for _ in 0..5 {
            assert_eq!(near.with(&id).get("n").unwrap(), Some(1));
        }
        proxy.stall(true);
        assert_eq!(elsewhere.with(&id).destroy().save().unwrap(), Saved::Destroyed);
        let start = Instant::now();
        while let Ok(seen) = near.with(&id).get("n") {
            assert!(seen.is_none() || start.elapsed() < NO_HANG, "{near:?}: believed for ever");
            if seen.is_none() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        proxy.stall(false);
        assert_eq!(near.until_it_works("reading", || near.with(&id).get("n")), None);
    }
    assert_all_expire(&server);
}

#[test]
fn commits_that_overlap_a_restart_lose_nothing_that_was_acknowledged() {
    for which in ALL {
        let mut server = durable();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        let over = AtomicBool::new(false);
        let acknowledged: Vec<Vec<u64>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..3_u64)
                .map(|worker| {
                    let (face, id, over) = (&face, &id, &over);
                    scope.spawn(move || {
                        let mut done = Vec::new();
                        for n in 0.. {
                            if over.load(Ordering::SeqCst) {
                                break;
                            }
                            let (request, entry) = (face.with(id), worker * 1_000_000 + n % 50);
                            request.set(&format!("k{entry}"), n);
                            match timed(|| request.save()) {
                                Ok(saved) => {
                                    assert_eq!(saved, Saved::Committed);
                                    done.push(entry);
                                }
                                Err(_) => thread::sleep(Duration::from_millis(2)),
                            }
                            request.abandon();
                        }
                        done
                    })
                })
                .collect();
            for _ in 0..2 {
                thread::sleep(Duration::from_millis(150));
                server.kill();
                thread::sleep(Duration::from_millis(50));
                server.start_again();
            }
            thread::sleep(Duration::from_millis(1500));
            over.store(true, Ordering::SeqCst);
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        for entry in acknowledged.iter().flatten() {
            assert!(face.with(&id).get(&format!("k{entry}")).unwrap().is_some(), "{face:?}: {entry} is lost");
        }
        assert!(acknowledged.iter().all(|done| !done.is_empty()));
        assert_all_expire(&server);
    }
}

#[test]
fn changes_over_the_storage_alone_are_all_or_nothing_when_full() {
    let server = RedisServer::start();
    for which in ALL {
        server.command(&["FLUSHALL"]);
        let face = Face::at(which, &server.url());
        face.warm_up();
        server.command(&["FLUSHALL"]);
        let (from, to, now) = (some_key(), some_key(), now());
        let mut record = Record::new(now, support::IDLE, None);
        record.entries = support::entries(&[("a", "1"), ("b", "2")]);
        face.storage.create(&from, &record, now).unwrap();
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let before = contents(&server);
        let mut changes = Changes::default();
        changes.clear();
        changes.set("c", "3");
        changes.set_principal(Some("ada".into()));
        let commit = Commit::new(changes, support::active(now + Duration::from_secs(100)));
        let results = [
            ("commit", face.storage.commit(&from, &commit).map(drop)),
            ("move", face.storage.move_to(&from, &to, &commit).map(drop)),
            ("create", face.storage.create(&to, &record, now).map(drop)),
        ];
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        for (what, result) in results {
            let error = result.expect_err(&format!("{face:?}: {what}"));
            assert_eq!(error.kind(), StorageErrorKind::Full, "{face:?}: {what}: {}", texts(&error));
        }
        assert!(contents(&server) == before, "{face:?}");
        assert_all_expire(&server);
    }
}

// --- Clusters and Sentinels -------------------------------------------------------------------------------------------------

/// All storages and faces on a cluster, with keys that begin with `prefix`.
fn on_cluster(cluster: &Cluster, prefix: &str) -> Vec<Face> {
    let face = |which: (Form, Side)| {
        let (urls, prefix) = (cluster.urls(), format!("{prefix}{which:?}:"));
        match which.0 {
            Form::Strings => Face::over(which, quick(RedisStorage::cluster(urls)).key_prefix(prefix).build().unwrap()),
            Form::Hashes => {
                Face::over(which, quick(RedisHashStorage::cluster(urls)).key_prefix(prefix).build().unwrap())
            }
        }
    };
    ALL.into_iter().map(face).collect()
}

fn on_sentinels(sentinels: &Sentinels, service: &str) -> Vec<Face> {
    let face = |which: (Form, Side)| {
        let (urls, prefix) = (sentinels.urls(), format!("{which:?}:"));
        match which.0 {
            Form::Strings => {
                Face::over(which, quick(RedisStorage::sentinel(urls, service)).key_prefix(prefix).build().unwrap())
            }
            Form::Hashes => {
                Face::over(which, quick(RedisHashStorage::sentinel(urls, service)).key_prefix(prefix).build().unwrap())
            }
        }
    };
    ALL.into_iter().map(face).collect()
}

/// No key is without an expiry on those of the servers that live and are no replicas.
#[track_caller]
fn assert_all_expire_on(servers: &[RedisServer]) {
    for server in servers {
        let role = Client::connect(server.port(), NO_HANG).and_then(|mut client| client.command(&["ROLE"]));
        if role.is_ok_and(|role| role.list()[0].text() == "master") {
            assert_all_expire(server);
        }
    }
}

fn redis_name(face: &Face, key: &StoreKey) -> Vec<u8> {
    format!("{:?}:{key}", (face.form, face.side)).into_bytes()
}

/// A key on that node of a cluster.
fn key_on(cluster: &Cluster, face: &Face, node: usize) -> StoreKey {
    loop {
        let key = some_key();
        if cluster.node_of(cluster.slot_of(&redis_name(face, &key))) == Some(node) {
            return key;
        }
    }
}

fn some_id() -> SessionId {
    HashedIds::new().generate(&ClientInfo::default()).unwrap()
}

fn living(face: &Face, keys: &[StoreKey]) -> usize {
    keys.iter().filter(|key| support::found(&*face.storage, key, now()).is_some()).count()
}

/// A logout.
fn remove_through(face: &Face, key: StoreKey) -> Result<(), StorageError> {
    let mut next = key;
    while let Removed::Moved(to) = face.storage.remove(&next)? {
        next = to;
    }
    Ok(())
}

fn until_done<T>(what: &str, mut call: impl FnMut() -> Result<T, StorageError>) -> T {
    let start = Instant::now();
    loop {
        match timed(&mut call) {
            Ok(done) => return done,
            Err(error) => assert!(start.elapsed() < NO_HANG, "{what}: {}", texts(&error)),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A session with the entry a = 1.
fn put(face: &Face, key: &StoreKey) {
    let mut record = Record::new(now(), support::IDLE, None);
    record.entries = support::entries(&[("a", "1")]);
    assert_eq!(face.storage.create(key, &record, now()).unwrap(), Created::Done);
}

fn setting_b() -> Commit {
    support::commit_at(support::setting("b", "2"), now())
}

/// The step of a move between nodes whose answer is lost.
#[derive(Debug, Clone, Copy)]
enum MoveStep {
    /// The session is prepared under the new key.
    Prepare,
    /// It is replaced by a trace under the old one.
    Claim,
    /// What was prepared becomes the session.
    Activate,
}

/// A cluster whose first two nodes are reached through proxies.
struct Proxied {
    cluster: Cluster,
    proxies: [Proxy; 2],
}

impl Proxied {
    fn start() -> Self {
        let cluster = Cluster::start();
        let proxies = [0, 1].map(|node| Proxy::to(cluster.nodes[node].port()));
        for (node, proxy) in cluster.nodes.iter().zip(&proxies) {
            node.command(&["CONFIG", "SET", "cluster-announce-port", &proxy.port().to_string()]);
        }
        support::wait_until("all nodes know the proxies", || {
            cluster.nodes.iter().all(|node| {
                let slots = node.command(&["CLUSTER", "NODES"]).text();
                proxies.iter().all(|proxy| slots.contains(&format!(":{}@", proxy.port())))
            })
        });
        Self { cluster, proxies }
    }

    /// A key on one of the two nodes.
    fn key_on(&self, face: &Face, node: usize) -> StoreKey {
        let range = [0..=5460, 5461..=10922][node].clone();
        loop {
            let key = some_key();
            if range.contains(&self.cluster.slot_of(&redis_name(face, &key))) {
                return key;
            }
        }
    }

    /// Begins a move of a new session, of which a step is done and its answer lost; the old key and the new one.
    fn lose(&self, face: &Face, step: MoveStep) -> (StoreKey, StoreKey) {
        let (from, to) = (self.key_on(face, 0), self.key_on(face, 1));
        put(face, &from);
        // There are connections, and they are fresh.
        assert_eq!(living(face, &[from, to]), 1);
        let [old, new] = &self.proxies;
        let (late, swallowing) = match step {
            MoveStep::Prepare => (None, new),
            MoveStep::Claim => (Some(1), old),
            MoveStep::Activate => (Some(0), new),
        };
        let error = thread::scope(|scope| {
            if let Some(late) = late {
                // The step before takes a while, in which answers begin to vanish.
                self.cluster.nodes[late].command(&["CLIENT", "PAUSE", "200", "WRITE"]);
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(100));
                    swallowing.swallow_replies(true);
                });
            } else {
                swallowing.swallow_replies(true);
            }
            timed(|| face.storage.move_to(&from, &to, &setting_b()))
        });
        swallowing.swallow_replies(false);
        let error = error.expect_err("an answer was lost");
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{face:?}: {step:?}: {}", texts(&error));
        (from, to)
    }
}

const STEPS: [MoveStep; 3] = [MoveStep::Prepare, MoveStep::Claim, MoveStep::Activate];

#[test]
fn a_move_between_nodes_without_an_answer() {
    let world = Proxied::start();
    for face in on_cluster(&world.cluster, "") {
        for step in STEPS {
            let what = format!("{face:?}: {step:?}");

            // Tried again.
            let (from, to) = world.lose(&face, step);
            let state = match step {
                MoveStep::Prepare => (1, 0),
                MoveStep::Claim => (0, 0),
                MoveStep::Activate => (0, 1),
            };
            let lives = |key| until_done(&what, || face.storage.load(key, &Access::passive(now())));
            let lives = |key| usize::from(matches!(lives(key), Lookup::Found(_)));
            assert_eq!((lives(&from), lives(&to)), state, "{what}: another step than meant");
            let moved = until_done(&what, || face.storage.move_to(&from, &to, &setting_b()));
            assert!(!matches!(moved, Moved::Gone), "{what}: {moved:?}");
            assert_eq!(living(&face, &[from]), 0, "{what}");
            let entries = support::stored(&*face.storage, &to, now()).expect(&what);
            assert_eq!(entries, [("a".into(), "1".into()), ("b".into(), "2".into())], "{what}");
            remove_through(&face, from).unwrap();
            assert_eq!(living(&face, &[from, to]), 0, "{what}");

            // Ended by somebody else, and then tried again.
            let (from, to) = world.lose(&face, step);
            until_done(&what, || remove_through(&face, from));
            assert_eq!(living(&face, &[from, to]), 0, "{what}");
            let moved = until_done(&what, || face.storage.move_to(&from, &to, &setting_b()));
            assert!(matches!(moved, Moved::Gone), "{what}: {moved:?}");
            assert_eq!(living(&face, &[from, to]), 0, "{what}: a session is back from the dead");

            // Moved elsewhere by somebody else, and then tried again.
            let (from, to) = world.lose(&face, step);
            let other = world.key_on(&face, 0);
            let moves = [other, to].map(|to| until_done(&what, || face.storage.move_to(&from, &to, &setting_b())));
            assert_eq!(living(&face, &[from, to, other]), 1, "{what}: {moves:?}");
            until_done(&what, || remove_through(&face, from));
            assert_eq!(living(&face, &[from, to, other]), 0, "{what}");

            // Left alone.
            let (from, to) = world.lose(&face, step);
            assert!(until_done(&what, || face.storage.remove(&some_key())) == Removed::Absent);
            assert_all_expire_on(&world.cluster.nodes);
            until_done(&what, || remove_through(&face, from));
            assert_eq!(living(&face, &[from, to]), 0, "{what}");
        }
    }
}

/// Whoever is told that a move is done is told that these changes are stored.
#[test]
fn what_a_move_between_nodes_is_tried_again_with_is_stored() {
    let world = Proxied::start();
    for face in on_cluster(&world.cluster, "") {
        for step in STEPS {
            let what = format!("{face:?}: {step:?}");
            let (from, to) = world.lose(&face, step);
            let mut changes = support::setting("b", "2");
            changes.set("c", "3");
            let commit = support::commit_at(changes, now());
            let moved = until_done(&what, || face.storage.move_to(&from, &to, &commit));
            let entries = support::stored(&*face.storage, &to, now()).expect(&what);
            if matches!(moved, Moved::Done { .. }) {
                assert!(
                    entries.iter().any(|(key, _)| key == "c"),
                    "{what}: told to be done, and not stored: {entries:?}"
                );
            }
        }
    }
}

#[test]
fn a_move_to_or_from_a_full_node_changes_nothing() {
    let cluster = Cluster::start();
    for face in on_cluster(&cluster, "") {
        for full in [0, 1] {
            let what = format!("{face:?}: the {} node is full", if full == 0 { "old one's" } else { "new one's" });
            let (from, to) = (key_on(&cluster, &face, 0), key_on(&cluster, &face, 1));
            put(&face, &from);
            cluster.nodes[full].command(&["CONFIG", "SET", "maxmemory", "1"]);
            let moved = face.storage.move_to(&from, &to, &setting_b());
            let entries = support::stored(&*face.storage, &from, now());
            let is_moved = living(&face, &[to]) > 0;
            cluster.nodes[full].command(&["CONFIG", "SET", "maxmemory", "0"]);
            let error = moved.map(drop).expect_err(&what);
            assert_eq!(error.kind(), StorageErrorKind::Full, "{what}: {}", texts(&error));
            assert_eq!(entries, Some(vec![("a".into(), "1".into())]), "{what}");
            assert!(!is_moved, "{what}");
            let moved = face.storage.move_to(&from, &to, &setting_b()).unwrap();
            assert!(matches!(moved, Moved::Done { .. }), "{what}: {moved:?}");
        }
    }
    assert_all_expire_on(&cluster.nodes);
}

/// Two moves, a commit and a logout of one session, at random times.
#[test]
fn moves_commits_and_logouts_at_once() {
    let cluster = Cluster::start();
    for face in on_cluster(&cluster, "") {
        for round in 0..150_u64 {
            let (from, one, two) = (some_key(), some_key(), some_key());
            put(&face, &from);
            let barrier = std::sync::Barrier::new(4);
            let begin = |share: u64| {
                barrier.wait();
                let until = Instant::now() + Duration::from_micros(round * 7919 * (share + 1) % 1500);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
            };
            let ends = round % 2 == 0;
            let (moves, committed) = thread::scope(|scope| {
                let moves = [one, two].map(|to| {
                    let (face, begin) = (&face, &begin);
                    scope.spawn(move || {
                        begin(u64::from(to == two));
                        let commit = Commit::new(Changes::default(), support::active(now()));
                        face.storage.move_to(&from, &to, &commit).unwrap()
                    })
                });
                let commit = scope.spawn(|| {
                    begin(2);
                    face.storage.commit(&from, &setting_b()).unwrap()
                });
                let remove = scope.spawn(|| {
                    begin(3);
                    if ends {
                        remove_through(&face, from).unwrap();
                    }
                });
                remove.join().unwrap();
                (moves.map(|moved| moved.join().unwrap()), commit.join().unwrap())
            });
            let what = format!("{face:?}, round {round}: {moves:?}, {committed:?}");
            let won = moves.iter().filter(|moved| matches!(moved, Moved::Done { .. })).count();
            let lives = living(&face, &[from, one, two]);
            if ends {
                assert!(won <= 1 && lives == 0, "{what}: {lives} live after a logout");
                continue;
            }
            assert_eq!((won, lives), (1, 1), "{what}");
            let to = if matches!(moves[0], Moved::Done { .. }) { one } else { two };
            let entries = support::stored(&*face.storage, &to, now()).expect(&what);
            let has = entries.iter().any(|(key, _)| key == "b");
            assert_eq!(has, matches!(committed, Committed::Done { .. }), "{what}: a commit was lost, or made up");
        }
    }
    assert_all_expire_on(&cluster.nodes);
}

#[test]
fn a_slot_moves_while_it_is_used() {
    let cluster = Cluster::start();
    // All keys in one slot.
    let slot = cluster.slot_of(b"{moving}");
    let over = AtomicBool::new(false);
    let use_it = |face: Face| {
        let (mut count, mut kept) = (0_u64, Vec::new());
        while !over.load(Ordering::SeqCst) {
            let old = face.login();
            for n in 2..5 {
                assert_eq!(face.with(&old).add("n").unwrap(), n, "{face:?}");
                assert_eq!(face.with(&old).set("x", n).save().unwrap(), Saved::Committed, "{face:?}");
                assert_eq!(face.with(&old).get("x").unwrap(), Some(n), "{face:?}");
            }
            let request = face.with(&old);
            let id = request.renew().close().unwrap().expect("a renewed session has an id to send");
            assert_eq!(face.with(&old).get("n").unwrap(), None, "{face:?}");
            assert_eq!(face.with(&id).get("n").unwrap(), Some(4), "{face:?}");
            if count % 4 == 0 {
                kept.push(id);
            } else {
                assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed, "{face:?}");
                assert_eq!(face.with(&id).get("n").unwrap(), None, "{face:?}");
            }
            count += 1;
        }
        for id in &kept {
            assert_eq!(face.with(id).get("n").unwrap(), Some(4), "{face:?}");
        }
        count
    };
    let counts: Vec<u64> = thread::scope(|scope| {
        let use_it = &use_it;
        let faces = on_cluster(&cluster, "{moving}").into_iter();
        let workers: Vec<_> = faces.map(|face| scope.spawn(move || use_it(face))).collect();
        for _ in 0..6 {
            let from = cluster.node_of(slot).unwrap();
            let to = (from + 1) % 3;
            cluster.begin_migration(slot, from, to);
            thread::sleep(Duration::from_millis(60));
            cluster.move_keys(slot, from, to);
            thread::sleep(Duration::from_millis(20));
            // What is written at the new one meanwhile is not moved; nothing can be left.
            cluster.move_keys(slot, from, to);
            cluster.finish_migration(slot, to);
            thread::sleep(Duration::from_millis(150));
        }
        over.store(true, Ordering::SeqCst);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(counts.iter().all(|&count| count > 3), "{counts:?}");
    assert_all_expire_on(&cluster.nodes);
}

/// Uses sessions for as long as it is told to; how often that worked.
fn use_while(face: &Face, over: &AtomicBool) -> u64 {
    let mut worked = 0;
    while !over.load(Ordering::SeqCst) {
        match timed(|| face.try_login().and_then(|id| face.with(&id).add("n"))) {
            // A failover may lose what was not replicated.
            Ok(1 | 2) | Err(Error::Gone) => worked += 1,
            Ok(other) => panic!("{face:?}: {other}"),
            Err(error) => {
                assert_down(face, &error);
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
    worked
}

#[test]
fn a_primary_dies_while_it_is_used_and_then_all_do() {
    let mut cluster = Cluster::start();
    let faces = on_cluster(&cluster, "");
    let ids: Vec<Vec<SessionId>> = faces.iter().map(|face| (0..15).map(|_| face.login()).collect()).collect();
    let size = |node: usize| cluster.nodes[node].keys("*").len();
    support::wait_until("the replicas have the sessions", || (0..3).all(|node| size(node) == size(node + 3)));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for face in &faces {
            scope.spawn(|| use_while(face, &over));
        }
        thread::sleep(Duration::from_millis(200));
        cluster.fail_over(0);
        over.store(true, Ordering::SeqCst);
    });
    for (face, ids) in faces.iter().zip(&ids) {
        for id in ids {
            assert_eq!(face.until_it_works("reading after a failover", || face.with(id).get("n")), Some(1), "{face:?}");
        }
        for _ in 0..20 {
            let id = face.until_it_works("logging in after a failover", || face.try_login());
            let request = face.with(&id);
            let renewed = face.until_it_works("renewing after a failover", || request.renew().close());
            assert_eq!(face.with(&renewed.unwrap()).get("n").unwrap(), Some(1), "{face:?}");
        }
    }
    assert_all_expire_on(&cluster.nodes);

    let all_fail = || {
        thread::scope(|scope| {
            for face in &faces {
                scope.spawn(move || {
                    for _ in 0..2 {
                        for result in [
                            timed(|| face.try_login()).map(drop),
                            timed(|| face.with(&some_id()).get("n")).map(drop),
                            timed(|| face.with(&some_id()).destroy().save()).map(drop),
                        ] {
                            assert_down(face, &result.unwrap_err());
                        }
                    }
                });
            }
        });
    };
    for node in &cluster.nodes[1..] {
        node.freeze();
    }
    all_fail();
    for node in &mut cluster.nodes[1..] {
        node.thaw();
        node.kill();
    }
    all_fail();
    let urls = cluster.urls();
    assert!(bounded("a dead cluster", move || quick(RedisStorage::cluster(urls)).build().unwrap().check()).is_err());
}

#[test]
fn a_cluster_without_most_of_its_primaries() {
    let mut cluster = Cluster::start();
    let faces = on_cluster(&cluster, "");
    let ids: Vec<SessionId> = faces.iter().map(Face::login).collect();
    for node in [3, 4, 0, 1] {
        cluster.nodes[node].kill();
    }
    support::wait_until("the last primary noticing", || {
        cluster.nodes[2].command(&["CLUSTER", "INFO"]).text().contains("cluster_state:fail")
    });
    for (face, id) in faces.iter().zip(&ids) {
        for _ in 0..5 {
            // Which never looks like a session that has ended.
            for result in [
                timed(|| face.try_login()).map(drop),
                timed(|| face.with(id).get("n")).map(drop),
                timed(|| face.with(id).set("a", 1).save()).map(drop),
                timed(|| face.with(id).destroy().save()).map(drop),
            ] {
                assert_down(face, &result.unwrap_err());
            }
        }
    }
}

#[test]
fn a_primary_of_sentinels_dies_while_it_is_used() {
    let mut sentinels = Sentinels::start();
    let faces = on_sentinels(&sentinels, sentinels.service());
    let ids: Vec<Vec<SessionId>> = faces.iter().map(|face| (0..5).map(|_| face.login()).collect()).collect();
    let have_all = || sentinels.servers.iter().all(|server| server.keys("*").len() == 20);
    support::wait_until("the replicas have the sessions", have_all);
    let over = AtomicBool::new(false);
    let worked: Vec<u64> = thread::scope(|scope| {
        let over = &over;
        let workers: Vec<_> = faces.iter().map(|face| scope.spawn(move || use_while(face, over))).collect();
        thread::sleep(Duration::from_millis(200));
        sentinels.fail_over();
        over.store(true, Ordering::SeqCst);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(worked.iter().all(|&worked| worked > 0), "{worked:?}");
    for (face, ids) in faces.iter().zip(&ids) {
        for id in ids {
            assert_eq!(face.until_it_works("reading after a failover", || face.with(id).get("n")), Some(1), "{face:?}");
        }
        let id = face.until_it_works("logging in after a failover", || face.try_login());
        let request = face.with(&id);
        let renewed = request.renew().close().unwrap().unwrap();
        assert_eq!(face.with(&renewed).get("n").unwrap(), Some(1));
        assert_eq!(face.with(&renewed).destroy().save().unwrap(), Saved::Destroyed);
    }
    assert_all_expire_on(&sentinels.servers);

    // A name that they do not know.
    for face in on_sentinels(&sentinels, "no-such-service") {
        let error = timed(|| face.try_login()).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Unavailable);
        assert!(texts(&error).contains("the Sentinels know no service of this name"), "{}", texts(&error));
    }
    // Some Sentinels are gone, then all. (All have to have heard of the failover, or those that are left never do.)
    let names = |sentinel: &RedisServer| {
        let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels.service()];
        sentinel.command(&question).list().get(1).map(Reply::text)
    };
    let primary = Some(sentinels.servers[sentinels.primary()].port().to_string());
    support::wait_until("all Sentinels naming the primary", || sentinels.sentinels.iter().all(|s| names(s) == primary));
    sentinels.sentinels[0].kill();
    let fresh = on_sentinels(&sentinels, sentinels.service());
    for face in &fresh {
        face.until_it_works("the first Sentinel is dead", || face.try_login());
    }
    sentinels.sentinels[1].freeze();
    for face in on_sentinels(&sentinels, sentinels.service()) {
        face.until_it_works("the second Sentinel is frozen", || face.try_login());
    }
    sentinels.sentinels[1].thaw();
    for sentinel in &mut sentinels.sentinels[1..] {
        sentinel.kill();
    }
    for face in &fresh {
        assert!(face.try_login().is_ok(), "who knows the primary needs no Sentinel");
    }
    for face in on_sentinels(&sentinels, sentinels.service()) {
        assert_down(&face, &timed(|| face.try_login()).unwrap_err());
    }
}
