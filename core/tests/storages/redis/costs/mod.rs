//! What the Redis storages cost, counted at the server: commands that clients sent, and round trips on the wire.

mod users;

use std::{num::NonZeroUsize, time::Duration};

use gsession::{
    AnyStorage, AsyncManager, ClientInfo, Delivery, Exchange, IntoStorage, Limits, Login, Manager, ManualClock,
    RedisHashStorage, RedisStorage, Saved, SessionId, Storage, StoreKey, storage::redis::NearCache,
};
use gsession_test_servers::{Monitor, Proxy, RedisServer, Seen, resp};

/// A server, watched, with a manager that reaches it through a counting proxy.
struct Place {
    server: RedisServer,
    proxy: Proxy,
    manager: AsyncManager,
    clock: ManualClock,
}

/// What something cost.
struct Cost {
    seen: Seen,
    round_trips: u64,
    sent: u64,
    received: u64,
}

impl Place {
    fn new<S: IntoStorage>(build: impl FnOnce(&str) -> S) -> Self {
        let server = RedisServer::start();
        let proxy = Proxy::to(server.port());
        let storage: AnyStorage = build(&proxy.url()).into_storage();
        let clock = ManualClock::default();
        let manager = AsyncManager::builder(storage).clock(clock.clone()).limits(limits()).build().unwrap();
        Self { server, proxy, manager, clock }
    }

    fn each() -> [(&'static str, Self); 2] {
        [
            ("string", Self::new(|url| RedisStorage::builder(url).limits(limits()).build().unwrap())),
            ("hash", Self::new(|url| RedisHashStorage::builder(url).limits(limits()).build().unwrap())),
        ]
    }

    fn open(&self, id: &SessionId) -> Exchange {
        self.manager.begin(Some(id.as_str()), ClientInfo::default)
    }

    async fn log_in(&self) -> SessionId {
        let session = self.manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set("n", &1).unwrap();
        let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else {
            panic!("a new session has an id")
        };
        id
    }

    /// Every script is known to the server, and the connection stands, so that what is counted is what happens always.
    async fn warm_up(&self) {
        for _ in 0..2 {
            let id = self.log_in().await;
            self.clock.advance(Duration::from_secs(120));
            for is_read in [true, false] {
                let session = self.open(&id);
                assert!(!is_read || session.contains_key("user").await.unwrap());
                session.set("user", &"ada").unwrap();
                let _ = session.close().await.unwrap();
            }
            let session = self.open(&id);
            session.set("x", &1).unwrap();
            session.renew().unwrap();
            let _ = session.close().await.unwrap();
            let id = session.id().unwrap();
            let session = self.open(&id);
            session.destroy();
            let _ = session.close().await.unwrap();
        }
    }

    /// The command that replaces a string which was read and has not changed: `SET … IFEQ` where the server knows it.
    fn replaces(&self) -> &'static str {
        let asked = self.server.client().command(&["SET", "no-such-key", "new", "IFEQ", "old"]).unwrap();
        if matches!(asked, resp::Reply::Error(_)) { "EVALSHA" } else { "SET" }
    }

    async fn cost(&self, run: impl AsyncFnOnce()) -> Cost {
        let mut monitor = Monitor::of(&self.server);
        self.proxy.reset();
        run().await;
        let (sent, received) = (self.proxy.sent(), self.proxy.received());
        Cost { seen: monitor.seen(), round_trips: self.proxy.round_trips(), sent, received }
    }
}

fn limits() -> Limits {
    Limits::default().max_value_bytes(16 << 20).max_record_bytes(16 << 20)
}

impl Cost {
    #[track_caller]
    fn is(&self, what: &str, commands: &[&str]) {
        assert_eq!(self.seen.names(), commands, "{what}");
        assert_eq!(self.round_trips, commands.len() as u64, "{what}: round trips");
    }

    /// What its scripts ran.
    #[track_caller]
    fn runs(&self, what: &str, commands: &[&str]) {
        let name = |line: &String| line.split(' ').next().unwrap_or_default().trim_matches('"').to_owned();
        let ran: Vec<_> = self.seen.inside_scripts.iter().map(name).collect();
        assert_eq!(ran, commands, "{what}");
    }
}

#[tokio::test]
async fn a_request_costs_as_many_commands_as_it_has_to() {
    for (kind, place) in Place::each() {
        place.warm_up().await;
        let id = place.log_in().await;
        let read = if kind == "string" { "GET" } else { "HMGET" };

        let untouched = place.cost(async || drop(place.open(&id).close().await.unwrap())).await;
        untouched.is("untouched", &[]);

        let reading = async || {
            let session = place.open(&id);
            assert_eq!(session.get::<String>("user").await.unwrap().as_deref(), Some("ada"));
            assert_eq!(session.get::<String>("user").await.unwrap().as_deref(), Some("ada"));
            let _ = session.close().await.unwrap();
        };
        place.cost(reading).await.is("reading one entry", &[read]);

        let several = async || {
            let session = place.open(&id);
            assert_eq!(session.get_many(&["user", "n", "other"]).await.unwrap().len(), 2);
            let _ = session.close().await.unwrap();
        };
        place.cost(several).await.is("reading several entries", &[read]);

        // The lifetime is extended in the same round trip.
        place.clock.advance(Duration::from_secs(3600));
        let expires_before = place.open(&id).info().await.unwrap().unwrap().expires_at;
        place.clock.advance(Duration::from_secs(3600));
        let cost = place.cost(reading).await;
        cost.is("reading with a touch due", &["EVALSHA"]);
        assert!(cost.seen.inside_scripts.iter().any(|command| command.contains("PEXPIRE")), "{kind}");
        let expires_after = place.open(&id).info().await.unwrap().unwrap().expires_at;
        assert_eq!(expires_after.since(expires_before), Duration::from_secs(3600), "{kind}");

        let writing = async || {
            let session = place.open(&id);
            session.set("x", &1).unwrap();
            session.remove("y").unwrap();
            let closed = session.close().await.unwrap();
            assert_eq!(closed.saved, Saved::Committed);
        };
        place.cost(writing).await.is("writing without reading", &["EVALSHA"]);

        let replace = if kind == "string" { place.replaces() } else { "EVALSHA" };
        let both = async || {
            let session = place.open(&id);
            let n: u32 = session.get_or("n", 0).await.unwrap();
            session.set("n", &(n + 1)).unwrap();
            let _ = session.close().await.unwrap();
        };
        place.cost(both).await.is("reading and writing", &[read, replace]);

        let updating = async || {
            let session = place.open(&id);
            session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).await.unwrap();
            let _ = session.close().await.unwrap();
        };
        place.cost(updating).await.is("an atomic update", &[read, replace]);

        let create = if kind == "string" { "SET" } else { "EVALSHA" };
        place.cost(async || drop(place.log_in().await)).await.is("a new session", &[create]);

        let renewing = async || {
            let session = place.open(&id);
            session.renew().unwrap();
            session.set("role", "admin").unwrap();
            assert_eq!(session.close().await.unwrap().saved, Saved::Renewed);
        };
        place.cost(renewing).await.is("renewing", &["EVALSHA"]);

        let other = place.log_in().await;
        let leaving = async || {
            let session = place.open(&other);
            session.destroy();
            assert_eq!(session.close().await.unwrap().saved, Saved::Destroyed);
        };
        place.cost(leaving).await.is("destroying", &["EVALSHA"]);
    }
}

/// What most commits make the server do: one comparison and one or two writes. The expiry moves only if a touch is due, and in the
/// same round trip.
#[tokio::test]
async fn a_commit_runs_few_commands_inside_its_script() {
    for (kind, place) in Place::each() {
        place.warm_up().await;
        let id = place.log_in().await;
        let counting = async || {
            let session = place.open(&id);
            let n: u32 = session.get_or("n", 0).await.unwrap();
            session.set("n", &(n + 1)).unwrap();
            let _ = session.close().await.unwrap();
        };
        let blind = async || {
            let session = place.open(&id);
            session.set("n", &7).unwrap();
            let _ = session.close().await.unwrap();
        };
        let growing = async || {
            let session = place.open(&id);
            let big: Option<String> = session.get("big").await.unwrap();
            session.set("big", &big.unwrap_or_else(|| "x".repeat(10_000))).unwrap();
            session.set("n", &8).unwrap();
            let _ = session.close().await.unwrap();
        };
        let (counted, written): (&[&str], &[&str]) = match (kind, place.replaces()) {
            ("string", "SET") => (&[], &["GET", "SETRANGE", "APPEND"]),
            ("string", _) => (&["GETRANGE", "SET"], &["GET", "SETRANGE", "APPEND"]),
            _ => (&["HGET", "HSET"], &["HGET", "HSTRLEN", "HSET"]),
        };
        place.cost(counting).await.runs("reading and writing", counted);
        place.cost(blind).await.runs("writing", written);
        place.clock.advance(Duration::from_secs(120));
        place.cost(blind).await.runs("writing, and a touch is due", &[written, &["PEXPIRE"]].concat());
        if kind == "string" {
            // The first write makes it long, and the second rewrites it, because its log would be longer than the rest.
            place.cost(growing).await;
            place.cost(growing).await;
            let cost = place.cost(async || {
                let session = place.open(&id);
                assert!(session.contains_key("big").await.unwrap());
                session.set("n", &9).unwrap();
                let _ = session.close().await.unwrap();
            });
            let cost = cost.await;
            cost.runs("a long session", &["GETRANGE", "SETRANGE", "APPEND"]);
            assert!(cost.sent < 500, "{} bytes", cost.sent);
            assert_eq!(place.open(&id).get("n").await.unwrap(), Some(9));
        }
    }
}

/// If another request changes the session in between, the commit takes one round trip more. It is decided by a script that knows all
/// cases.
#[tokio::test]
async fn a_commit_after_a_change_by_another_request_costs_one_round_trip_more() {
    for (kind, place) in Place::each() {
        place.warm_up().await;
        let id = place.log_in().await;
        let (read, replace) = if kind == "string" { ("GET", place.replaces()) } else { ("HMGET", "EVALSHA") };
        let overtaken = async || {
            let session = place.open(&id);
            let n: u32 = session.get_or("n", 0).await.unwrap();
            let other = place.open(&id);
            other.set("other", &n).unwrap();
            let _ = other.close().await.unwrap();
            session.set("n", &(n + 1)).unwrap();
            let _ = session.close().await.unwrap();
        };
        // The general script has to be known.
        overtaken().await;
        place.cost(overtaken).await.is("a commit that comes second", &[read, "EVALSHA", replace, "EVALSHA"]);
        assert_eq!(place.open(&id).get("n").await.unwrap(), Some(3), "{kind}");
        assert_eq!(place.open(&id).get("other").await.unwrap(), Some(2), "{kind}");
    }
}

#[tokio::test]
async fn scripts_that_a_server_has_forgotten_are_sent_once_more() {
    for (_, place) in Place::each() {
        place.warm_up().await;
        let id = place.log_in().await;
        place.server.command(&["SCRIPT", "FLUSH"]);
        let writing = async || {
            let session = place.open(&id);
            session.set("x", &1).unwrap();
            let _ = session.close().await.unwrap();
        };
        place.cost(writing).await.is("writing after a flush", &["EVALSHA", "EVAL"]);
        place.cost(writing).await.is("writing after that", &["EVALSHA"]);
    }
}

/// Reading one small entry of a session of 10 MB moves less than 1 kB.
#[tokio::test]
async fn the_hash_storage_transfers_what_is_asked_for() {
    let place = Place::new(|url| RedisHashStorage::builder(url).limits(limits()).build().unwrap());
    place.warm_up().await;
    let session = place.manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    for number in 0..10 {
        session.set(&format!("big{number}"), &"x".repeat(1 << 20)).unwrap();
    }
    let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("a new session has an id") };
    let reading = async || {
        let session = place.open(&id);
        assert_eq!(session.get::<String>("user").await.unwrap().as_deref(), Some("ada"));
        let _ = session.close().await.unwrap();
    };
    for (what, due) in [("a plain read", false), ("one with a touch", true)] {
        if due {
            place.clock.advance(Duration::from_secs(120));
        }
        let cost = place.cost(reading).await;
        assert_eq!(cost.round_trips, 1, "{what}");
        assert!(cost.received < 1000, "{what}: {} bytes", cost.received);
    }
}

/// Writes that do not read append to the session; now and then it is put together again, which costs one round trip more.
#[tokio::test]
async fn the_log_of_a_string_is_put_together_now_and_then() {
    let place = Place::new(|url| RedisStorage::builder(url).build().unwrap());
    place.warm_up().await;
    let id = place.log_in().await;
    let cost = place
        .cost(async || {
            for number in 0..1000 {
                let session = place.open(&id);
                session.set("x", &number).unwrap();
                let _ = session.close().await.unwrap();
            }
        })
        .await;
    let commands = cost.seen.names();
    assert!(commands.iter().all(|name| name == "EVALSHA"));
    // 512 bytes of log hold some 70 changes of 7 bytes.
    assert!((1002..1020).contains(&commands.len()), "{}", commands.len());
    let name = format!("gsession:{}", StoreKey::of(&id));
    assert!(place.server.command(&["STRLEN", &name]).int() < 1024);
    assert_eq!(place.open(&id).get("x").await.unwrap(), Some(999));
}

#[tokio::test]
async fn a_cached_read_costs_nothing_and_sees_every_change() {
    let near = [
        Place::new(|url| {
            RedisStorage::builder(url).near_cache(NearCache::default().trust_for(Duration::MAX)).build().unwrap()
        }),
        Place::new(|url| {
            RedisHashStorage::builder(url).near_cache(NearCache::default().trust_for(Duration::MAX)).build().unwrap()
        }),
    ];
    for place in near {
        place.warm_up().await;
        let id = place.log_in().await;
        let reading = async || {
            let session = place.open(&id);
            assert_eq!(session.get::<String>("user").await.unwrap().as_deref(), Some("ada"));
            let _ = session.close().await.unwrap();
        };
        assert_eq!(place.cost(reading).await.round_trips, 1, "after an own write");
        assert_eq!(place.cost(reading).await.round_trips, 0, "then from the cache");
        // Its own writes are seen at once.
        for number in 0..20 {
            let session = place.open(&id);
            session.set("n", &number).unwrap();
            let _ = session.close().await.unwrap();
            assert_eq!(place.open(&id).get("n").await.unwrap(), Some(number));
        }
        // A due touch is one, and then the session is cached again.
        place.cost(reading).await;
        place.clock.advance(Duration::from_secs(120));
        assert_eq!(place.cost(reading).await.round_trips, 1, "a due touch");
        place.cost(reading).await;
        assert_eq!(place.cost(reading).await.round_trips, 0, "cached again");
        let session = place.open(&id);
        session.destroy();
        let _ = session.close().await.unwrap();
        assert!(place.open(&id).is_empty().await.unwrap());
    }
}
