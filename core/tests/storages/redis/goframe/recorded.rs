//! What the real GoFrame has stored is read with its types, and what is written here lies in Redis as GoFrame leaves it.

use std::collections::BTreeMap;

use gsession::{ClientInfo, Delivery, Manager, Saved};
use gsession_test_servers::{
    RedisServer,
    resp::{Client, Reply},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{hashes, open, strings};

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
    let all: Vec<Recorded> = serde_json::from_str(include_str!("../../../../../tests/goframe/recorded.json")).unwrap();
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
