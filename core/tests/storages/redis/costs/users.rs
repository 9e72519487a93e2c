//! What a user, a tag, a remembered login and rotation cost.

use super::*;

/// Reads and writes are the same, although the settings of the manager do not apply. Only when a touch is due, one command more
/// confirms what the client's cookie is to say, as for any persistent cookie.
#[tokio::test]
async fn a_remembered_session_is_read_and_written_by_the_commands_of_any_other() {
    const HOUR: Duration = Duration::from_secs(3600);
    for (kind, place) in Place::each() {
        place.warm_up().await;
        let session = place.manager.begin(None, ClientInfo::default);
        session.log_in(Login::new("ada").remember_for(10_000 * HOUR).idle_timeout(1_000 * HOUR)).await.unwrap();
        session.set("n", &0).unwrap();
        let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("it has an id") };
        let read = if kind == "string" { "GET" } else { "HMGET" };
        let replace = if kind == "string" { place.replaces() } else { "EVALSHA" };
        let reading = async || {
            let session = place.open(&id);
            assert!(session.contains_key("n").await.unwrap());
            let _ = session.close().await.unwrap();
        };
        let writing = async || {
            let session = place.open(&id);
            session.set("n", &1).unwrap();
            assert_eq!(session.close().await.unwrap().saved, Saved::Committed);
        };
        let both = async || {
            let session = place.open(&id);
            let n: u32 = session.get_or("n", 0).await.unwrap();
            session.set("n", &(n + 1)).unwrap();
            let _ = session.close().await.unwrap();
        };
        let (written, expired): (&[&str], &[&str]) = match kind {
            "string" => (&["GET", "SETRANGE", "APPEND"], &["GET", "SETRANGE", "APPEND", "PEXPIRE"]),
            _ => (&["HGET", "HSTRLEN", "HSET"], &["HGET", "HSTRLEN", "HSET", "PEXPIRE"]),
        };
        // The script of a touch is known.
        place.clock.advance(Duration::from_secs(120));
        reading().await;
        for unused in [30, 60] {
            // Longer than the manager allows. The first request tells the index, too.
            place.clock.advance(unused * HOUR);
            place.cost(writing).await.is("writing after a long time", &["EVALSHA", "EVALSHA"]);
            place.cost(reading).await.is("reading", &[read]);
            place.cost(both).await.is("reading and writing", &[read, replace]);
            let cost = place.cost(writing).await;
            cost.is("writing", &["EVALSHA"]);
            cost.runs("writing", written);
            place.clock.advance(Duration::from_secs(120));
            let cost = place.cost(writing).await;
            cost.is("writing, and a touch is due", &["EVALSHA"]);
            cost.runs("writing, and a touch is due", expired);
            place.clock.advance(Duration::from_secs(120));
            place.cost(reading).await.is("reading with a touch due", &["EVALSHA", "EVALSHA"]);
        }
    }
}

/// A tag costs its login two commands more, and then one each time its session is touched; twice in an idle timeout two. Others pay
/// nothing for it.
#[tokio::test]
async fn a_tag_is_paid_for_by_the_sessions_that_have_one() {
    for (kind, place) in Place::each() {
        let read_all = if kind == "string" { "GET" } else { "HGETALL" };
        let create = if kind == "string" { "SET" } else { "EVALSHA" };
        let replace = if kind == "string" { place.replaces() } else { "EVALSHA" };
        let log_in = async |login: Login| {
            let session = place.manager.begin(None, ClientInfo::default);
            session.log_in(login).await.unwrap();
            let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("an id") };
            id
        };
        let read = async |id: &SessionId| {
            let session = place.open(id);
            assert_eq!(session.get::<u32>("n").await.unwrap(), None);
            let _ = session.close().await.unwrap();
        };
        // Every script is known to the server.
        for _ in 0..2 {
            for login in [Login::new("ada").tag("warm"), Login::new("bob").tag("warm"), Login::new("ada")] {
                let id = log_in(login).await;
                place.clock.advance(Duration::from_secs(120));
                read(&id).await;
                place.clock.advance(Duration::from_secs(12 * 60 * 60));
                read(&id).await;
            }
            let _ = log_in(Login::new("ada").tag("warm")).await;
            let _ = log_in(Login::new("bob").tag("warm")).await;
        }
        let (mut plain, mut tagged) = (None, None);
        let cost = place.cost(async || plain = Some(log_in(Login::new("ada")).await)).await;
        cost.is("a login without a tag", &["EVALSHA", create, "EVALSHA"]);
        let cost = place.cost(async || tagged = Some(log_in(Login::new("ada").tag("sid")).await)).await;
        cost.is("the first login with a tag", &[read_all, create, "EVALSHA", create, "EVALSHA"]);
        let cost = place.cost(async || drop(log_in(Login::new("ada").tag("sid")).await)).await;
        cost.is("another login with it", &[read_all, replace, "EVALSHA", create, "EVALSHA"]);
        let (plain, tagged) = (plain.unwrap(), tagged.unwrap());
        let small = if kind == "string" { "GET" } else { "HMGET" };
        for id in [&plain, &tagged] {
            place.cost(async || read(id).await).await.is("no touch is due", &[small]);
        }
        place.clock.advance(Duration::from_secs(60 * 60));
        place.cost(async || read(&plain).await).await.is("a touch without a tag", &["EVALSHA", "EVALSHA"]);
        place.cost(async || read(&tagged).await).await.is("a touch with a tag", &["EVALSHA", "EVALSHA", read_all]);
        place.clock.advance(Duration::from_secs(60 * 2));
        place.cost(async || read(&plain).await).await.is("a touch without a tag", &["EVALSHA"]);
        place.cost(async || read(&tagged).await).await.is("a touch with a tag", &["EVALSHA", read_all]);
        place.clock.advance(Duration::from_secs(12 * 60 * 60));
        place.cost(async || read(&plain).await).await.is("after half of an idle timeout", &["EVALSHA", "EVALSHA"]);
        let kept = ["EVALSHA", "EVALSHA", read_all, replace];
        place.cost(async || read(&tagged).await).await.is("after half of an idle timeout, with a tag", &kept);
    }
}

/// Listing one user's sessions asks for nothing of others, however many there are and whatever they have left.
#[test]
fn a_listing_costs_what_that_user_has() {
    const OTHERS: usize = 1_000;
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port());
    let forms: [(Box<dyn Storage>, &str); 2] = [
        (Box::new(RedisStorage::builder(&proxy.url()).build().unwrap()), "GET"),
        (Box::new(RedisHashStorage::builder(&proxy.url()).build().unwrap()), "HMGET"),
    ];
    for (storage, read) in forms {
        server.command(&["FLUSHALL"]);
        let manager = Manager::new(storage);
        let log_in = |user: &str| {
            let session = manager.begin(None, ClientInfo::default);
            session.set_principal(user).unwrap();
            assert_eq!(session.save().unwrap(), Saved::Created);
            session
        };
        for number in 0..OTHERS {
            let bob = log_in("bob");
            bob.renew().unwrap();
            assert_eq!(bob.save().unwrap(), Saved::Renewed);
            if number % 2 == 0 {
                bob.destroy();
                assert_eq!(bob.save().unwrap(), Saved::Destroyed);
            }
        }
        let mut ada: Vec<_> = (0..3).map(|_| StoreKey::of(&log_in("ada").id().unwrap())).collect();
        ada.sort_by_key(ToString::to_string);
        let listed = |what: &str, expected: &[&str], round_trips: u64| {
            let mut monitor = Monitor::of(&server);
            proxy.reset();
            let mut listed: Vec<_> = manager.sessions_of("ada").unwrap().iter().map(|(key, _)| *key).collect();
            listed.sort_by_key(ToString::to_string);
            assert_eq!(listed, ada, "{what}");
            assert_eq!(monitor.seen().names(), expected, "{what}");
            assert_eq!(proxy.round_trips(), round_trips, "{what}");
        };
        manager.sessions_of("bob").unwrap();
        listed("the mark is known", &["ZRANGEBYSCORE", read, read, read], 2);
        // A page reads one session more than it has, which shows that there is a next one.
        let paged = |after: Option<StoreKey>, expected: &[&str], round_trips: u64| {
            let mut monitor = Monitor::of(&server);
            proxy.reset();
            let page = manager.sessions_page("ada", after, NonZeroUsize::MIN).unwrap();
            assert_eq!(monitor.seen().names(), expected);
            assert_eq!(proxy.round_trips(), round_trips);
            page.sessions[0].0
        };
        assert_eq!(paged(None, &["ZRANGEBYSCORE", read, read], 2), ada[0]);
        assert_eq!(paged(Some(ada[1]), &["ZRANGEBYSCORE", read], 2), ada[2], "the last page");
        // Others are read only if there was no session under some of the keys.
        server.command(&["DEL", &format!("gsession:{}", ada[0])]);
        assert_eq!(paged(None, &["ZRANGEBYSCORE", read, read, read], 3), ada[1]);
    }
}

/// What rotation of ids adds to a request whose id is not due: nothing, except a look at strings that are written without reading.
#[tokio::test]
async fn rotation_costs_commands_only_when_it_is_due() {
    let period = Duration::from_secs(15 * 60);
    for (kind, place) in Place::each() {
        let rotating = |url: &str| match kind {
            "string" => RedisStorage::builder(url).build().unwrap().into_storage(),
            _ => RedisHashStorage::builder(url).build().unwrap().into_storage(),
        };
        let builder = AsyncManager::builder(rotating(&place.proxy.url())).clock(place.clock.clone());
        let place = Place { manager: builder.rotate_every(period).build().unwrap(), ..place };
        place.warm_up().await;
        let mut id = place.log_in().await;
        let read = if kind == "string" { "GET" } else { "HMGET" };
        let replace = if kind == "string" { place.replaces() } else { "EVALSHA" };
        let reading = async |id: &SessionId| {
            let session = place.open(id);
            assert_eq!(session.get::<String>("user").await.unwrap().as_deref(), Some("ada"));
            session.close().await.unwrap().delivery
        };
        for round in 0..2 {
            place.cost(async || drop(reading(&id).await)).await.is("reading one entry", &[read]);
            let writing = async || {
                let session = place.open(&id);
                session.set("x", &round).unwrap();
                assert_eq!(session.close().await.unwrap().saved, Saved::Committed);
            };
            // A condition on an entry of a string is checked here, not at the server.
            let blind: &[&str] = if kind == "string" { &["EVALSHA", "EVALSHA"] } else { &["EVALSHA"] };
            place.cost(writing).await.is("writing without reading", blind);
            let both = async || {
                let session = place.open(&id);
                let n: u32 = session.get_or("n", 0).await.unwrap();
                session.set("n", &(n + 1)).unwrap();
                let _ = session.close().await.unwrap();
            };
            place.cost(both).await.is("reading and writing", &[read, replace]);

            place.clock.advance(period);
            let mut next = None;
            let rotate = async || {
                if let Delivery::Send { id, .. } = reading(&id).await {
                    next = Some(id);
                }
            };
            // The read touches the session, which is due as well.
            place.cost(rotate).await.is("a rotation", &["EVALSHA", replace]);
            id = next.unwrap();
            place.cost(async || drop(reading(&id).await)).await.is("the first use of a new id", &[read, replace]);
        }
    }
}

#[test]
fn counting_reads_headers_and_more_only_of_what_may_be_a_list() {
    let server = RedisServer::start();
    let forms: [(Box<dyn Storage>, &str, &str); 2] = [
        (Box::new(RedisStorage::builder(&server.url()).build().unwrap()), "GETRANGE", "GET"),
        (Box::new(RedisHashStorage::builder(&server.url()).build().unwrap()), "HGET", "HMGET"),
    ];
    for (storage, header, whole) in forms {
        server.flush();
        let manager = Manager::new(storage);
        let begin = |principal: Option<&str>| {
            let session = manager.begin(None, ClientInfo::default);
            principal.map_or_else(|| session.set("a", &1), |principal| session.set_principal(principal)).unwrap();
            assert_eq!(session.save().unwrap(), Saved::Created);
        };
        (0..3).for_each(|_| begin(Some("ada")));
        let counted = |number: u64| {
            let mut monitor = Monitor::of(&server);
            assert_eq!(manager.count().unwrap(), number);
            monitor.seen().names()
        };
        assert_eq!(counted(3), ["SCAN", header, header, header]);
        (0..2).for_each(|_| begin(None));
        assert_eq!(counted(5), [&["SCAN"][..], &[header; 5], &[whole; 2]].concat());
    }
}
