//! What lies in the same database and is no session of GoFrame's is neither served nor touched.

use gsession::{Delivery, Exchange, Manager, Session};
use gsession_test_servers::{RedisServer, resp::Reply};

use super::{KEY, each, hashes, open, strings};

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
