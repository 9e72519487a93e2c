//! GoFrame's formats: sessions that the real GoFrame has stored (recorded in tests/goframe/recorded.json) are read, changed
//! and written as GoFrame does.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{collections::BTreeMap, thread, time::Duration};

use gsession::{
    ClientInfo, CustomIds, Delivery, Error, Exchange, GoFrameIds, IdGenerator as _, Manager, RedisHashStorage,
    RedisStorage, Saved, Session, SessionId, Storage, StorageErrorKind,
};
use gsession_test_servers::{
    Cluster, Proxy, RedisServer,
    resp::{Client, Reply},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// A session as GoFrame has stored it.
#[derive(Debug, Deserialize)]
struct Recorded {
    storage: String,
    prefix: String,
    id: String,
    key: String,
    seconds: i64,
    #[serde(default)]
    value_base64: String,
    #[serde(default)]
    fields_base64: BTreeMap<String, String>,
}

fn recorded(storage: &str) -> Vec<Recorded> {
    let all: Vec<Recorded> = serde_json::from_str(include_str!("../../tests/goframe/recorded.json")).unwrap();
    let some: Vec<_> = all.into_iter().filter(|recorded| recorded.storage == storage).collect();
    assert_eq!(some.len(), 2);
    some
}

fn base64(text: &str) -> Vec<u8> {
    let digit =
        |byte| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|&d| d == byte);
    let digits: Vec<u32> = text.bytes().filter_map(digit).map(|digit| u32::try_from(digit).unwrap()).collect();
    let bits = |group: &[u32]| group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
    digits.chunks(4).flat_map(|group| bits(group).to_be_bytes()[1..group.len()].to_vec()).collect()
}

impl Recorded {
    /// Puts it into a server as it was.
    fn store(&self, client: &mut Client) {
        let run = |client: &mut Client, parts: &[&[u8]]| {
            assert!(!matches!(client.command(parts).unwrap(), Reply::Error(_)));
        };
        if self.storage == "redis" {
            run(client, &[b"SET", self.key.as_bytes(), &base64(&self.value_base64)]);
        }
        for (field, value) in &self.fields_base64 {
            run(client, &[b"HSET", self.key.as_bytes(), field.as_bytes(), &base64(value)]);
        }
        run(client, &[b"EXPIRE", self.key.as_bytes(), self.seconds.to_string().as_bytes()]);
    }
}

fn strings(server: &RedisServer, prefix: &str) -> Manager {
    told_of_others(RedisStorage::builder(&server.url()).goframe().key_prefix(prefix).build().unwrap())
}

fn hashes(server: &RedisServer, prefix: &str) -> Manager {
    told_of_others(RedisHashStorage::builder(&server.url()).goframe().key_prefix(prefix).build().unwrap())
}

/// Accepts ids of the recording, too: their form is another than the one that GoFrame's generator makes.
fn told_of_others<S: Storage + 'static>(storage: S) -> Manager {
    let is_recorded = |text: &str| text.len() == 30 && text.starts_with("gf");
    let ids = CustomIds::new(
        |client| GoFrameIds.generate(client),
        move |text| is_recorded(text) || GoFrameIds.parse(text).is_ok(),
    );
    Manager::builder(storage).id_generator(ids).build().unwrap()
}

fn open(manager: &Manager, id: &str) -> Exchange<Session> {
    manager.begin(Some(id), ClientInfo::default)
}

fn fields(server: &RedisServer, key: &str) -> BTreeMap<String, Vec<u8>> {
    let list = server.command(&["HGETALL", key]).list();
    let bytes = |reply: &Reply| if let Reply::Bytes(bytes) = reply { bytes.clone() } else { panic!("no bytes") };
    list.chunks(2).map(|pair| (pair[0].text(), bytes(&pair[1]))).collect()
}

#[test]
fn a_session_that_goframe_stored_as_json_is_read_with_its_types() {
    let server = RedisServer::start();
    for recorded in recorded("redis") {
        recorded.store(&mut server.client());
        let manager = strings(&server, &recorded.prefix);
        let data = open(&manager, &recorded.id).data().unwrap();
        let marks = "quote \" < > & back\\slash / \u{2028} line\nbreak";
        for (key, value) in [
            ("ascii", json!("ada")),
            ("unicode", json!("Ångström ⛵ 名")),
            ("marks", json!(marks)),
            ("digits", json!("123456")),
            ("int", json!(42)),
            ("big", json!(9_007_199_254_740_993_i64)),
            ("huge", json!(u64::MAX)),
            ("float", json!(1.5)),
            ("true", json!(true)),
            ("nil", Value::Null),
            ("strings", json!(["a", "b<c"])),
            ("nested", json!({ "z": 1, "a": [null, true, "x"] })),
            ("struct", json!({ "name": "Ada", "Age": 36 })),
            ("time", json!("2026-01-02T03:04:05.0000006Z")),
            ("empty_map", json!({})),
        ] {
            assert_eq!(data[key], value, "{key}");
        }
        assert_eq!(data.len(), 29);
    }
}

#[test]
fn a_session_that_goframe_stored_as_a_hash_is_read_as_whatever_is_asked_for() {
    let server = RedisServer::start();
    for recorded in recorded("redis-hash") {
        recorded.store(&mut server.client());
        let manager = hashes(&server, &recorded.prefix);
        let session = open(&manager, &recorded.id);
        let text = |key: &str| session.get::<String>(key).unwrap().unwrap();
        assert_eq!((text("ascii"), text("unicode")), ("ada".to_owned(), "Ångström ⛵ 名".to_owned()));
        assert_eq!(text("marks"), "quote \" < > & back\\slash / \u{2028} line\nbreak");
        assert_eq!((text("digits"), text("zeros"), text("empty")), ("123456".into(), "007".into(), String::new()));
        assert_eq!((text("word_true"), text("word_null")), ("true".to_owned(), "null".to_owned()));
        assert_eq!((text("int"), text("json_like")), ("42".to_owned(), r#"{"a":1}"#.to_owned()));
        assert_eq!(session.get::<u32>("int").unwrap(), Some(42));
        assert_eq!(session.get::<u32>("digits").unwrap(), Some(123_456));
        assert_eq!(session.get::<i64>("big").unwrap(), Some(9_007_199_254_740_993));
        assert_eq!(session.get::<u64>("huge").unwrap(), Some(u64::MAX));
        assert_eq!(session.get::<f64>("float").unwrap(), Some(1.5));
        assert_eq!(session.get::<f64>("float_big").unwrap(), Some(1e21));
        let boolean = |key: &str| session.get::<bool>(key).unwrap();
        assert_eq!((boolean("true"), boolean("false"), boolean("nil")), (Some(true), Some(false), Some(false)));
        assert_eq!(session.get::<Vec<String>>("strings").unwrap().unwrap(), ["a", "b<c"]);
        assert_eq!(session.get::<Value>("nested").unwrap(), Some(json!({ "z": 1, "a": [null, true, "x"] })));
        assert_eq!(session.len().unwrap(), 29);
    }
}

#[test]
fn changing_one_entry_leaves_every_other_byte_as_goframe_wrote_it() {
    let server = RedisServer::start();
    for recorded in recorded("redis") {
        recorded.store(&mut server.client());
        let manager = strings(&server, &recorded.prefix);
        let session = open(&manager, &recorded.id);
        session.set("zz", "ours").unwrap();
        assert_eq!(session.save().unwrap(), Saved::Committed);
        let before = String::from_utf8(base64(&recorded.value_base64)).unwrap();
        let after = server.command(&["GET", &recorded.key]).text();
        assert_eq!(after, format!("{},\"zz\":\"ours\"}}", before.strip_suffix('}').unwrap()));
    }
    for recorded in recorded("redis-hash") {
        recorded.store(&mut server.client());
        let manager = hashes(&server, &recorded.prefix);
        let session = open(&manager, &recorded.id);
        assert!(session.contains_key("ascii").unwrap());
        session.set("zz", "ours").unwrap();
        session.remove("ascii").unwrap();
        assert_eq!(session.save().unwrap(), Saved::Committed);
        let mut expected: BTreeMap<_, _> =
            recorded.fields_base64.iter().map(|(field, value)| (field.clone(), base64(value))).collect();
        expected.insert("zz".to_owned(), b"ours".to_vec());
        expected.remove("ascii");
        assert_eq!(fields(&server, &recorded.key), expected);
    }
}

/// The values of the recorded sessions that Rust has types for, written here, lie in Redis as GoFrame has left them.
#[test]
fn what_is_written_here_is_what_goframe_would_have_written() {
    let server = RedisServer::start();
    let values = json!({
        "ascii": "ada", "unicode": "Ångström ⛵ 名", "marks": "quote \" < > & back\\slash / \u{2028} line\nbreak",
        "empty": "", "digits": "123456", "zeros": "007", "word_true": "true", "word_null": "null", "json_like": "{\"a\":1}",
        "int": 42, "negative": -7, "big": 9_007_199_254_740_993_i64, "huge": u64::MAX, "float": 1.5, "float_big": 1e21,
        "float_small": 1e-7, "float_whole": 3.0, "true": true, "false": false, "nil": null, "strings": ["a", "b<c"],
        "numbers": [1, 2], "nested": { "a": [null, true, "x"], "z": 1 }, "struct": { "name": "Ada", "Age": 36 },
        "empty_map": {}, "empty_list": []
    });
    let written = |manager: &Manager| {
        let session = manager.begin(None, ClientInfo::default);
        for (key, value) in values.as_object().unwrap() {
            session.set(key, value).unwrap();
        }
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
        assert_eq!(id.as_str().len(), 32);
        id
    };
    // Go's maps are sorted when they are written; its structs are not, and byte slices and times have no JSON type.
    let others = ["bytes", "gtime", "time", "struct"];

    let id = written(&strings(&server, "app:"));
    let ours: BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(&server.command(&["GET", &format!("app:{}", id.as_str())]).text()).unwrap();
    let text = base64(&recorded("redis")[0].value_base64);
    let theirs: BTreeMap<String, Box<serde_json::value::RawValue>> = serde_json::from_slice(&text).unwrap();
    for (key, value) in theirs.iter().filter(|(key, _)| !others.contains(&key.as_str())) {
        assert_eq!(ours[key].get(), value.get(), "{key}");
    }

    let id = written(&hashes(&server, "app:"));
    let key = format!("app:{}", id.as_str());
    let ours = fields(&server, &key);
    for (field, value) in
        recorded("redis-hash")[0].fields_base64.iter().filter(|(key, _)| !others.contains(&key.as_str()))
    {
        assert_eq!(ours[field], base64(value), "{field}");
    }
    assert_eq!(server.command(&["TTL", &key]).int(), 86_400);
}

/// Each of the two formats.
fn each(run: impl Fn(&RedisServer, Manager)) {
    let server = RedisServer::start();
    run(&server, strings(&server, ""));
    run(&server, hashes(&server, ""));
}

fn logged_in(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    session.set("n", &0).unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
    id
}

#[test]
fn overlapping_requests_lose_nothing_and_logout_is_final() {
    each(|_, manager| {
        let id = logged_in(&manager);
        let (one, other) = (open(&manager, id.as_str()), open(&manager, id.as_str()));
        assert!(one.contains_key("user").unwrap() && other.contains_key("user").unwrap());
        one.set("a", &1).unwrap();
        other.set("b", &2).unwrap();
        assert_eq!((one.save().unwrap(), other.save().unwrap()), (Saved::Committed, Saved::Committed));
        one.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        other.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        let read = open(&manager, id.as_str());
        let numbers = ["a", "b", "n"].map(|key| read.get::<u32>(key).unwrap().unwrap());
        assert_eq!(numbers, [1, 2, 2]);

        // What one has met in an update, it does not overwrite afterwards.
        one.set("c", &3).unwrap();
        assert_eq!(one.save().unwrap(), Saved::Committed);
        assert_eq!(open(&manager, id.as_str()).len().unwrap(), 5);

        let slow = open(&manager, id.as_str());
        assert!(slow.contains_key("user").unwrap());
        slow.set("late", &1).unwrap();
        let leaving = open(&manager, id.as_str());
        leaving.destroy();
        assert_eq!(leaving.save().unwrap(), Saved::Destroyed);
        assert_eq!(slow.save().unwrap(), Saved::Gone);
        assert!(open(&manager, id.as_str()).is_empty().unwrap());
    });
}

#[test]
fn a_renewal_moves_the_session_and_a_logout_with_the_old_id_ends_it() {
    each(|server, manager| {
        let id = logged_in(&manager);
        let session = open(&manager, id.as_str());
        session.renew().unwrap();
        session.set("role", "admin").unwrap();
        assert_eq!(session.save().unwrap(), Saved::Renewed);
        let new = session.id().unwrap();
        assert_ne!(new, id);
        assert_eq!(open(&manager, new.as_str()).get::<String>("role").unwrap().as_deref(), Some("admin"));
        // GoFrame finds nothing under the old id.
        assert_eq!(server.command(&["EXISTS", id.as_str()]).int(), 0);
        assert!(open(&manager, id.as_str()).is_empty().unwrap());
        let leaving = open(&manager, id.as_str());
        leaving.destroy();
        assert_eq!(leaving.save().unwrap(), Saved::Destroyed);
        assert!(open(&manager, new.as_str()).is_empty().unwrap());
        for key in server.keys("*") {
            assert!(server.command(&[b"PTTL", &key[..]]).int() > 0, "a key without an expiry");
        }
    });
}

#[test]
fn renewals_cross_the_nodes_of_a_cluster() {
    let cluster = Cluster::start();
    let managers = [
        Manager::new(RedisStorage::cluster(cluster.urls()).goframe().build().unwrap()),
        Manager::new(RedisHashStorage::cluster(cluster.urls()).goframe().build().unwrap()),
    ];
    for manager in managers {
        for _ in 0..10 {
            let id = logged_in(&manager);
            let session = open(&manager, id.as_str());
            session.set("x", &1).unwrap();
            session.renew().unwrap();
            assert_eq!(session.save().unwrap(), Saved::Renewed);
            let new = session.id().unwrap();
            let read = open(&manager, new.as_str());
            assert_eq!((read.get("x").unwrap(), read.get("n").unwrap()), (Some(1), Some(0)));
            let old = open(&manager, id.as_str());
            old.destroy();
            assert_eq!(old.save().unwrap(), Saved::Destroyed);
            assert!(open(&manager, new.as_str()).is_empty().unwrap());
        }
    }
    for key in cluster.keys("*") {
        let node = cluster.node_of(cluster.slot_of(&key)).unwrap();
        assert!(cluster.nodes[node].command(&[b"PTTL", &key[..]]).int() > 0, "a key without an expiry");
    }
}

#[test]
fn what_goframes_format_has_no_place_for_is_an_error() {
    each(|server, manager| {
        let session = manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set_principal("ada").unwrap();
        let Err(Error::Storage(error)) = session.save() else { panic!("it cannot be stored") };
        assert_eq!(error.kind(), StorageErrorKind::Unsupported);
        session.abandon();

        let storage = RedisStorage::builder(&server.url()).goframe().build().unwrap();
        let lifetime = Duration::from_secs(60);
        let bounded = Manager::builder(storage).absolute_lifetime(lifetime).build().unwrap();
        let session = bounded.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        assert!(matches!(session.save(), Err(Error::Storage(error)) if error.kind() == StorageErrorKind::Unsupported));
        session.abandon();
        // An id that cannot be a key reaches no server.
        assert!(!manager.accepts(&"a".repeat(33)) && !manager.accepts("custom_session_id"));
        assert!(open(&manager, &"a".repeat(40)).is_empty().unwrap());
    });
    assert!(GoFrameIds.generate(&ClientInfo::default()).is_ok());
}

#[test]
fn reading_extends_a_session() {
    each(|server, manager| {
        let id = logged_in(&manager);
        server.command(&["EXPIRE", id.as_str(), "1000"]);
        assert!(open(&manager, id.as_str()).contains_key("user").unwrap());
        assert_eq!(server.command(&["TTL", id.as_str()]).int(), 86_400);
    });
}

/// The key of something that is no session of GoFrame's, although a client can name it.
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What another application may keep under such a key, and the commands that put it there.
const OTHERS: [(&str, &[&[&str]]); 12] = [
    ("a list", &[&["RPUSH", KEY, "{}"], &["EXPIRE", KEY, "1000"]]),
    ("a set", &[&["SADD", KEY, "{}"], &["EXPIRE", KEY, "1000"]]),
    ("a sorted set", &[&["ZADD", KEY, "1", "{}"], &["EXPIRE", KEY, "1000"]]),
    ("a stream", &[&["XADD", KEY, "*", "user", "ada"], &["EXPIRE", KEY, "1000"]]),
    ("a number", &[&["SET", KEY, "17", "EX", "1000"]]),
    ("nothing", &[&["SET", KEY, "", "EX", "1000"]]),
    ("a text", &[&["SET", KEY, "\"ada\"", "EX", "1000"]]),
    ("a list in JSON", &[&["SET", KEY, "[{}]", "EX", "1000"]]),
    ("no JSON", &[&["SET", KEY, "{not json}", "EX", "1000"]]),
    ("JSON that goes on", &[&["SET", KEY, "{} {}", "EX", "1000"]]),
    ("an object that never ends", &[&["SET", KEY, "{\"user\":\"ada\"}"]]),
    ("a hash that never ends", &[&["HSET", KEY, "user", "ada"]]),
];

/// What stands under [`KEY`], and when it ends.
fn stands(server: &RedisServer) -> (Reply, i64) {
    (server.command(&["DUMP", KEY]), server.command(&["EXPIRETIME", KEY]).int())
}

/// Whatever a request does with it, what stands there stays, to the byte and to the second.
fn stays_as_it_is(server: &RedisServer, manager: &Manager, what: &str) {
    type Deed = fn(&Exchange<Session>);
    let deeds: [(&str, Deed); 6] = [
        ("reads", |session| assert_eq!(session.get::<String>("user").unwrap(), None)),
        ("reads all", |session| assert!(session.is_empty().unwrap())),
        ("writes", |session| session.set("user", "eve").unwrap()),
        ("renews", |session| session.renew().and_then(|()| session.set("user", "eve")).unwrap()),
        ("updates", |session| assert_eq!(session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap(), 1)),
        ("logs out", |session| session.destroy()),
    ];
    let before = stands(server);
    assert!(matches!(before.0, Reply::Bytes(_)), "{what}");
    for (deed, does) in deeds {
        let session = open(manager, KEY);
        does(&session);
        let closed = session.close().unwrap();
        assert_eq!(stands(server), before, "{what}: a request that {deed}");
        assert!(!matches!(&closed.delivery, Delivery::Send { id, .. } if id.as_str() == KEY), "{what}: {deed}");
    }
}

#[test]
fn what_is_no_session_of_goframes_is_neither_served_nor_touched() {
    each(|server, manager| {
        for (what, put) in OTHERS {
            for command in put {
                assert!(!matches!(server.command(command), Reply::Error(_)), "{what}");
            }
            stays_as_it_is(server, &manager, what);
            server.command(&["DEL", KEY]);
        }
    });
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    /// A session, which is served.
    Served,
    /// A session over the limits, which is not served, but may be ended.
    TooMuch,
    NoSession,
}

/// Texts about which parsers of JSON do not agree, or hardly.
fn odd_texts() -> Vec<(&'static str, Vec<u8>, Odd)> {
    use Odd::{NoSession, Served, TooMuch};
    let many: Vec<String> = (0..1_001).map(|n| format!("\"n{n}\":1")).collect();
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("an object", text(r#"{"n":1}"#), Served),
        ("an empty object", text("{}"), Served),
        ("null", text("null"), Served),
        ("a leading space", text(r#" {"n":1}"#), Served),
        ("a leading newline", text("\n{\"n\":1}"), Served),
        ("a space at the end", text("{\"n\":1}\t \r\n"), Served),
        ("a lone surrogate", text(r#"{"n":1,"b":"\ud800"}"#), Served),
        ("a key twice", text(r#"{"n":1,"n":2}"#), Served),
        ("a number of many digits", text(r#"{"n":1,"e":1e999}"#), Served),
        ("deep", text(&format!(r#"{{"n":{}{}}}"#, "[".repeat(200), "]".repeat(200))), TooMuch),
        ("deeper than any stack", text(&format!(r#"{{"n":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000))), TooMuch),
        ("many entries", text(&format!("{{{}}}", many.join(","))), TooMuch),
        ("many bytes", text(&format!(r#"{{"n":"{}"}}"#, "x".repeat(5 << 20))), TooMuch),
        ("not a number", text(r#"{"n":NaN}"#), NoSession),
        ("infinity", text(r#"{"n":Infinity}"#), NoSession),
        ("hexadecimal", text(r#"{"n":0x10}"#), NoSession),
        ("a leading zero", text(r#"{"n":01}"#), NoSession),
        ("a comma at the end", text(r#"{"n":1,}"#), NoSession),
        ("garbage at the end", text(r#"{"n":1}x"#), NoSession),
        ("a zero byte at the end", b"{\"n\":1}\0".to_vec(), NoSession),
        ("a byte order mark", text("\u{feff}{\"n\":1}"), NoSession),
        ("a surrogate as a key", text(r#"{"\ud800":1}"#), NoSession),
        ("no UTF-8", b"{\"n\":\"\xff\"}".to_vec(), NoSession),
        ("null with a space", text(" null"), NoSession),
        ("a list", text(r#"["n",1]"#), NoSession),
    ]
}

/// Both of the promises of S4 and S6: what is served a logout ends, and what is no session nobody touches.
#[test]
fn what_is_served_is_what_a_logout_ends() {
    let server = RedisServer::start();
    let manager = strings(&server, "");
    for (what, text, odd) in odd_texts() {
        let put = || server.command(&[b"SET", KEY.as_bytes(), &text, b"EX", b"1000"]);
        put();
        if odd == Odd::NoSession {
            stays_as_it_is(&server, &manager, what);
            assert!(open(&manager, KEY).info().unwrap().is_none(), "{what}");
            continue;
        }
        let served = open(&manager, KEY).info().unwrap().is_some();
        assert_eq!(served, odd == Odd::Served, "{what}");
        assert_eq!(server.command(&["TTL", KEY]).int() > 1000, served, "{what}: extended by reading");
        for has_read in [false, true] {
            put();
            let leaving = open(&manager, KEY);
            if has_read {
                leaving.is_empty().unwrap();
            }
            leaving.destroy();
            let _ = leaving.close().unwrap();
            assert_eq!(server.command(&["EXISTS", KEY]).int(), 0, "{what}: after a logout");
        }
    }
    let manager = hashes(&server, "");
    for (what, text, _) in odd_texts() {
        server.command(&[b"SET", KEY.as_bytes(), &text, b"EX", b"1000"]);
        stays_as_it_is(&server, &manager, what);
    }
}

/// A logout whose session is another one when it comes to be removed.
#[test]
fn a_change_between_judging_and_removing_saves_no_session() {
    let server = RedisServer::start();
    for (what, change, rest) in [
        ("changed", &["SET", KEY, " {\"n\":2}", "EX", "1000"][..], None),
        ("gone", &["DEL", KEY], None),
        ("no session", &["SET", KEY, "17", "EX", "1000"], Some("17")),
    ] {
        let proxy = Proxy::to(server.port());
        let manager = told_of_others(RedisStorage::builder(&proxy.url()).goframe().build().unwrap());
        logged_out(&manager, logged_in(&manager).as_str());
        server.command(&["SET", KEY, "{\"n\":1}", "EX", "1000"]);
        proxy.hold_replies(true);
        let leaving = thread::spawn({
            let manager = manager.clone();
            move || logged_out(&manager, KEY)
        });
        proxy.wait_for_held(1);
        assert_eq!(server.command(&["EXISTS", KEY]).int(), 1, "{what}: it has not been judged yet");
        server.command(change);
        proxy.hold_replies(false);
        leaving.join().unwrap();
        let left = server.command(&["GET", KEY]);
        assert_eq!(matches!(left, Reply::Bytes(_)).then(|| left.text()).as_deref(), rest, "{what}");
    }
}

fn logged_out(manager: &Manager, id: &str) {
    let leaving = open(manager, id);
    leaving.destroy();
    assert_eq!(leaving.save().unwrap(), Saved::Destroyed);
}

/// What stood under the old id when it was renewed is not all that may stand there later.
#[test]
fn a_logout_follows_a_renewal_past_what_is_no_session() {
    each(|server, manager| {
        let id = logged_in(&manager);
        let session = open(&manager, id.as_str());
        session.renew().unwrap();
        assert_eq!(session.save().unwrap(), Saved::Renewed);
        let new = session.id().unwrap();
        server.command(&["SET", id.as_str(), "17", "EX", "1000"]);
        logged_out(&manager, id.as_str());
        assert_eq!(server.command(&["EXISTS", new.as_str()]).int(), 0);
        assert_eq!(server.command(&["GET", id.as_str()]).text(), "17");
    });
}

/// A read that is to extend a session which GoFrame changes meanwhile answers what it has read, and extends nothing.
#[test]
fn a_change_between_reading_and_extending_is_left_as_it_is() {
    let server = RedisServer::start();
    for (change, seconds) in [(&["SET", KEY, "{\"n\":2}", "EX", "500"][..], 500), (&["DEL", KEY], -2)] {
        let proxy = Proxy::to(server.port());
        let manager = told_of_others(RedisStorage::builder(&proxy.url()).goframe().build().unwrap());
        logged_out(&manager, logged_in(&manager).as_str());
        server.command(&["SET", KEY, "{\"n\":1}", "EX", "1000"]);
        assert_eq!(open(&manager, KEY).get("n").unwrap(), Some(1));
        assert_eq!(server.command(&["TTL", KEY]).int(), 86_400, "the scripts are known");
        server.command(&["EXPIRE", KEY, "1000"]);
        proxy.hold_replies(true);
        let reading = thread::spawn({
            let manager = manager.clone();
            move || open(&manager, KEY).get::<u32>("n").unwrap()
        });
        proxy.wait_for_held(1);
        server.command(change);
        proxy.hold_replies(false);
        assert_eq!(reading.join().unwrap(), Some(1));
        let left = server.command(&["TTL", KEY]).int();
        assert!((seconds - 5..=seconds).contains(&left), "{left}");
    }
}

/// A hundred years stand for ever: more than that Redis does not count.
#[test]
fn a_lifetime_without_an_end_is_a_very_long_one() {
    const FOREVER: i64 = 3_155_760_000;
    let server = RedisServer::start();
    let endless = |storage: Box<dyn Storage>| Manager::builder(storage).idle_timeout(Duration::MAX).build().unwrap();
    for manager in [
        endless(Box::new(RedisStorage::builder(&server.url()).goframe().build().unwrap())),
        endless(Box::new(RedisHashStorage::builder(&server.url()).goframe().build().unwrap())),
    ] {
        let lives = |id: &SessionId| {
            let left = server.command(&["TTL", id.as_str()]).int();
            assert!((FOREVER - 60..=FOREVER).contains(&left), "{left}");
        };
        let id = logged_in(&manager);
        lives(&id);
        server.command(&["EXPIRE", id.as_str(), "1000"]);
        assert_eq!(open(&manager, id.as_str()).get("n").unwrap(), Some(0));
        lives(&id);
        let session = open(&manager, id.as_str());
        session.set("x", &1).unwrap();
        assert_eq!(session.save().unwrap(), Saved::Committed);
        lives(&id);
        session.renew().unwrap();
        assert_eq!(session.save().unwrap(), Saved::Renewed);
        let id = session.id().unwrap();
        lives(&id);
        assert_eq!(open(&manager, id.as_str()).get("x").unwrap(), Some(1));
        logged_out(&manager, id.as_str());
    }
}

/// Keys of the application in the same database, where GoFrame's sessions have no prefix.
#[test]
fn a_client_cannot_name_any_key_it_likes() {
    each(|server, manager| {
        for key in ["config", "user:1", "A123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcde"] {
            server.command(&["HSET", key, "user", "root"]);
            server.command(&["EXPIRE", key, "1000"]);
            assert!(!manager.accepts(key), "{key}");
            assert!(open(&manager, key).is_empty().unwrap());
            let leaving = open(&manager, key);
            leaving.destroy();
            let _ = leaving.close().unwrap();
            assert_eq!(server.command(&["EXISTS", key]).int(), 1, "{key}");
        }
    });
}
