//! Moving all sessions to another storage, beside a service that uses both.

use std::sync::Arc;

use gsession::{
    BlockingMovingStorage, ClientInfo, Delivery, GoFrameIds, Login, Manager, RedisStorage, SessionId, Storage,
};
use gsession_test_servers::RedisServer;
use serde_json::json;

use crate::{
    program::{Run, command},
    shop::{Shop, VALUE},
    support::redis,
};

/// Where sessions go.
struct Destination {
    options: Vec<String>,
    storage: RedisStorage,
}

impl Destination {
    fn new() -> Self {
        let prefix = redis::prefix();
        let options = ["--to", &redis::url(), "--to-prefix", &prefix].map(str::to_owned).to_vec();
        Self { options, storage: redis::strings_at(&prefix) }
    }

    fn command<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["move"], &*self.options.iter().map(String::as_str).collect::<Vec<_>>(), more].concat()
    }
}

fn basket(manager: &Manager, id: &SessionId) -> Option<String> {
    manager.begin(Some(id.as_str()), ClientInfo::default).get("basket").unwrap()
}

#[test]
fn all_sessions_move_and_nobody_is_logged_out() {
    for shop in Shop::each() {
        let to = Destination::new();
        let mut ids: Vec<_> = (0..40).map(|_| shop.visit()).collect();
        ids.extend((0..20).map(|_| shop.log_in(Login::new("ada"))));
        let ended = shop.visit();
        let session = shop.manager.begin(Some(ended.as_str()), ClientInfo::default);
        session.destroy();
        session.close().unwrap();
        let run = shop.run(&to.command(&[]));
        let said = run.done();
        assert!(
            said.starts_with("60 moved, 0 there already, ") && said.ends_with(", 0 refused, and 0 lists\n"),
            "{}: {said}",
            shop.name
        );
        assert_eq!(shop.run(&["count"]).done(), "0\n", "{}", shop.name);
        let manager = Manager::new(to.storage.clone());
        for id in &ids {
            assert_eq!(basket(&manager, id).as_deref(), Some(VALUE), "{}", shop.name);
        }
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 20, "{}", shop.name);
        assert_eq!(manager.count().unwrap(), 60, "{}", shop.name);
        // Once more: there is nothing left to do.
        let again = shop.run(&to.command(&["--json"])).json();
        assert_eq!((&again[0]["moved"], &again[0]["there"], &again[0]["refused"]), (&json!(0), &json!(0), &json!(0)));
    }
}

#[test]
fn what_a_service_has_moved_is_not_moved_again() {
    for shop in Shop::each() {
        let to = Destination::new();
        let ids: Vec<_> = (0..10).map(|_| shop.visit()).collect();
        let both = BlockingMovingStorage::new(shop.shared(), to.storage.clone()).unwrap();
        let service = Manager::new(both);
        for id in &ids[..4] {
            assert_eq!(basket(&service, id).as_deref(), Some(VALUE), "{}", shop.name);
        }
        // One logs out, and must not come back.
        let session = service.begin(Some(ids[0].as_str()), ClientInfo::default);
        session.destroy();
        session.close().unwrap();
        let moved = shop.run(&to.command(&["--json"])).json();
        assert_eq!(moved[0]["moved"], 6, "{}", shop.name);
        assert_eq!(basket(&service, &ids[0]), None, "{}", shop.name);
        assert_eq!(service.count().unwrap(), 9, "{}", shop.name);
        for id in &ids[1..] {
            assert_eq!(basket(&Manager::new(to.storage.clone()), id).as_deref(), Some(VALUE), "{}", shop.name);
        }
    }
}

/// GoFrame's sessions move to a storage of our own. Their clients keep their ids.
#[test]
fn sessions_move_from_goframe_s_formats() {
    for (layout, is_hash) in [("goframe-strings", false), ("goframe-hashes", true)] {
        for realm in [None, Some("shop")] {
            let (prefix, to) = (redis::prefix(), Destination::new());
            let manager = |storage: Arc<dyn Storage>| Manager::builder(storage).id_generator(GoFrameIds);
            let goframe: Arc<dyn Storage> = if is_hash {
                Arc::new(redis::goframe_hashes_at(&prefix))
            } else {
                Arc::new(redis::goframe_strings_at(&prefix))
            };
            let before = manager(goframe).build().unwrap();
            let ids: Vec<_> = (0..5).map(|_| begin(&before)).collect();
            let url = redis::url();
            let from = ["--storage", &url, "--layout", layout, "--prefix", &prefix];
            let realm_option: Vec<_> = realm.iter().flat_map(|realm| ["--realm", realm]).collect();
            let run = Run::of(&mut command(&[&from[..], &to.command(&realm_option)].concat()));
            assert_eq!(run.done(), "5 moved, 0 there already, 0 gone meanwhile, 0 refused, and 0 lists\n", "{layout}");
            let after = manager(Arc::new(to.storage.clone()));
            let after = match realm {
                Some(realm) => after.realm(realm),
                None => after,
            };
            let after = after.build().unwrap();
            for id in &ids {
                assert_eq!(basket(&after, id).as_deref(), Some(VALUE), "{layout} {realm:?}");
                assert_eq!(basket(&before, id), None, "{layout}");
            }
        }
    }
}

fn begin(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("basket", VALUE).unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
    id
}

#[test]
fn what_cannot_be_is_refused() {
    let (shop, to) = (Shop::of_files(), Destination::new());
    let id = shop.visit();
    assert!(shop.run(&["move"]).failed(2).contains("--to"));
    assert!(shop.run(&to.command(&["--realm", "shop"])).failed(2).contains("--realm is for GoFrame's formats"));
    let goframe = shop.run(&to.command(&["--to-layout", "goframe-strings"])).failed(1);
    assert!(goframe.contains("sessions cannot move to GoFrame's format"), "{goframe}");
    // Nobody is there.
    let nowhere = shop.run(&["move", "--to", "redis://127.0.0.1:1"]).failed(1);
    assert!(!nowhere.contains("run it again"), "{nowhere}");
    assert!(shop.is_alive(&id), "nothing was moved");
}

/// The way to change the layout without thinking.
#[test]
fn sessions_do_not_move_to_where_they_are() {
    for shop in Shop::each() {
        let id = shop.visit();
        let options = shop.as_destination();
        let command: Vec<&str> = ["move"].into_iter().chain(options.iter().map(String::as_str)).collect();
        let refused = shop.run(&command).failed(1);
        assert!(refused.contains("both are the same place"), "{}: {refused}", shop.name);
        assert!(shop.is_alive(&id), "{}", shop.name);
        assert_eq!(shop.run(&["count"]).done(), "1\n", "{}", shop.name);
    }
}

/// An operator looks for a user's sessions and ends them, wherever they are by now.
#[test]
fn meanwhile_both_places_are_looked_at() {
    for shop in Shop::each() {
        let to = Destination::new();
        let service = Manager::new(BlockingMovingStorage::new(shop.shared(), to.storage.clone()).unwrap());
        let ids: Vec<_> = (0..3).map(|_| shop.log_in(Login::new("ada"))).collect();
        assert_eq!(basket(&service, &ids[0]).as_deref(), Some(VALUE));
        let options: Vec<&str> = to.options.iter().map(String::as_str).collect();
        let with = |command: &[&'static str]| [command, &options].concat();
        assert_eq!(shop.run(&with(&["count"])).done(), "3\n", "{}", shop.name);
        assert_eq!(shop.run(&with(&["list", "ada", "--json"])).json().len(), 3, "{}", shop.name);
        assert_eq!(shop.run(&["list", "ada", "--json"]).json().len(), 2, "{}: one has moved", shop.name);
        assert_eq!(shop.run(&with(&["end-all", "ada", "--yes"])).done(), "3 sessions ended\n", "{}", shop.name);
        for id in &ids {
            assert_eq!(basket(&service, id), None, "{}", shop.name);
        }
    }
}

/// The new storage is full in the middle of it. What has moved so far is said, and a second run moves the rest, also what was on its way.
#[test]
fn what_has_stopped_goes_on() {
    const SESSIONS: u64 = 400;
    let (shop, server) = (Shop::of_files(), RedisServer::start());
    for _ in 0..SESSIONS {
        let session = shop.manager.begin(None, ClientInfo::default);
        session.set("basket", &"tea ".repeat(1_000)).unwrap();
        session.close().unwrap();
    }
    let limit = |bytes: u64| server.command(&["CONFIG", "SET", "maxmemory", &bytes.to_string()]);
    let memory = server.command(&["INFO", "memory"]).text().to_owned();
    let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    limit(used.trim().parse::<u64>().unwrap() + SESSIONS * 2_000);
    let url = server.url();
    let run = shop.run(&["move", "--to", &url, "--json"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.err.contains("make room first; run it again to move the rest"), "{run:?}");
    let told: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let first = told["moved"].as_u64().unwrap();
    assert!(first > 0 && first < SESSIONS, "{run:?}");
    limit(0);
    let again = shop.run(&["move", "--to", &url, "--json"]).json();
    let second = again[0]["moved"].as_u64().unwrap() + again[0]["there"].as_u64().unwrap();
    // A session may have been stored when its request for that was answered with an error.
    assert!(first + second >= SESSIONS, "{first} and {again:?}");
    let storage = RedisStorage::builder(&url).build().unwrap();
    assert_eq!(Manager::new(storage).count().unwrap(), SESSIONS);
    assert_eq!(shop.run(&["count"]).done(), "0\n");
}

/// A list of the sessions with a tag moves, and is no session.
#[test]
fn lists_are_counted_apart() {
    let (shop, to) = (Shop::of_files(), Destination::new());
    for tag in ["a", "b"] {
        shop.log_in(Login::new("ada").tag(tag));
    }
    let said = shop.run(&to.command(&["--json"])).json();
    assert_eq!((&said[0]["moved"], &said[0]["lists"]), (&json!(2), &json!(2)), "{said:?}");
    assert_eq!(Manager::new(to.storage.clone()).sessions_tagged("b").unwrap().len(), 1);
}
