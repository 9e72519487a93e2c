//! What happens to sessions in Redis when the server, or the way to it, breaks: each fault is done to a real server, with
//! both storages and both faces.

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
    AnyStorage, AsyncManager, AsyncStorage, BincodeCodec, Changes, ClientInfo, Codec, CodecError, Delivery, Error,
    Exchange, HashedIds, IdGenerator as _, Limits, Manager, Record, RedisHashStorage, RedisStorage, Saved, Session,
    SessionId, Storage, StorageError, StorageErrorKind, StoreKey, SystemClock, Timestamp,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Swept, Touched, Watched,
        redis::{NearCache, RedisBuilder, Strings},
    },
};
use gsession_test_servers::{
    Cluster, Monitor, Proxy, RedisServer, Sentinels,
    resp::{Client, Reply},
    wait,
};
use tokio::runtime::{Builder, Runtime};

use crate::support;

const TIMEOUT: Duration = Duration::from_millis(300);
/// No single call may take longer: far more than the timeouts, so that only what hangs takes so long.
const NO_HANG: Duration = Duration::from_secs(20);
/// What all keys begin with.
const PREFIX: &str = "gsession:";

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

impl Driven {
    fn over(runtime: &Arc<Runtime>, storage: Box<dyn AsyncStorage>) -> Self {
        Self(Arc::clone(runtime), AnyStorage::new(storage))
    }
}

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

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        self.0.block_on(self.1.count(now))
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        self.0.block_on(self.1.scan(after, now))
    }

    fn check(&self) -> Result<(), StorageError> {
        self.0.block_on(self.1.check())
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.1.watch(key)
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
    Blocking(Exchange<Session>),
    Waiting(Exchange, Arc<Runtime>),
}

/// One face of the storage of one form, by settings that are the same for both; the name that is given stands for its type.
macro_rules! face {
    ($which:expr, $Storage:ident => $builder:expr) => {
        match $which.0 {
            Form::Strings => {
                type $Storage = RedisStorage;
                $builder.build().map(|storage| Face::over($which, storage))
            }
            Form::Hashes => {
                type $Storage = RedisHashStorage;
                $builder.build().map(|storage| Face::over($which, storage))
            }
        }
    };
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
        tell!(self, session => session.remove(key)).unwrap();
        self
    }

    fn clear(&self) -> &Self {
        tell!(self, session => session.clear()).unwrap();
        self
    }

    fn renew(&self) -> &Self {
        tell!(self, session => session.renew()).unwrap();
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

/// How many entries the session has.
fn tell_len(request: &Request) -> Result<usize, Error> {
    ask!(request, session => session.len())
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
        face!(which, Redis => quick(Redis::builder(url)))
    }

    fn at(which: (Form, Side), url: &str) -> Self {
        Self::try_at(which, url).unwrap()
    }

    fn request(&self, id: Option<&SessionId>) -> Request {
        let id = id.map(SessionId::as_str);
        match &self.gives {
            Gives::Blocking(manager) => Request::Blocking(manager.begin(id, ClientInfo::default)),
            Gives::Waiting(manager, runtime) => {
                Request::Waiting(manager.begin(id, ClientInfo::default), Arc::clone(runtime))
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

/// Does the same with each of them at once, for what takes long only because it waits. They must not disturb each other.
fn at_once<T: Send>(all: impl IntoIterator<Item = T>, run: impl Fn(T) + Sync) {
    let run = &run;
    thread::scope(|scope| all.into_iter().for_each(|one| drop(scope.spawn(move || run(one)))));
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

/// How many keys there are of a kind: `S` for sessions, `F` for tombstones of renewals, `P` for what is prepared.
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
        "zset" => server.command(&[b"ZRANGE", &key[..], b"0", b"-1", b"WITHSCORES"]).list(),
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

/// What the Sentinel of [`sentinel_of`] calls its primary.
const SERVICE: &str = "alone";

/// A Sentinel that names this server.
fn sentinel_of(server: &RedisServer) -> RedisServer {
    let monitor = format!("{SERVICE} 127.0.0.1 {} 1", server.port());
    RedisServer::builder().sentinel().set("sentinel monitor", &monitor).start()
}

// Below the macros, so that they see them.
mod chases;
mod cycles;
mod forgotten;
mod gone;
mod lost_answers;
mod many_servers;
mod near_cache;
mod no_server;
mod ready;
mod reasons;
mod refusals;
mod settings;
mod slow;
mod sockets;
mod something_else;
mod tls_places;
mod unreadable;
