//! The shapes of JSON, which programs rely on.

use std::time::Duration;

use gsession::{Login, Record, StoreKey};
use serde_json::{Value, json};

use crate::{
    program::Run,
    shop::{Shop, VALUE, key_of},
    support::entries,
};

fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    shape.eq("0000-00-00T00:00:00.000Z".bytes())
}

/// Takes the times out, after a look at them.
fn without_times(mut object: Value) -> Value {
    for name in ["created_at", "last_seen", "expires_at", "authenticated_at"] {
        let time = object.as_object_mut().unwrap().remove(name).unwrap();
        assert!(is_time(&time) || (name == "authenticated_at" && time.is_null()), "{name}: {time}");
    }
    object
}

#[test]
fn a_listed_session_is_one_line_with_every_field() {
    for shop in Shop::each() {
        let id = shop.log_in(Login::new("ada").label("phone").tag("sid-1").address("2001:db8::1".parse().unwrap()));
        let expected = json!({
            "key": key_of(&id), "principal": "ada", "label": "phone", "tag": "sid-1", "absolute_deadline": null,
            "is_remembered": false, "address": "2001:db8::1",
        });
        for arguments in [["list", "ada", "--json"].as_slice(), &["--json", "list", "--tag", "sid-1"]] {
            let [line] = &shop.run(arguments).json()[..] else { panic!("one session is one line") };
            assert_eq!(without_times(line.clone()), expected, "{}", shop.name);
        }
        let second = shop.log_in(Login::new("ada"));
        let lines = shop.run(&["list", "ada", "--json"]).json();
        assert_eq!(lines.len(), 2);
        let bare = lines.iter().find(|line| line["key"] == key_of(&second)).unwrap();
        assert_eq!((&bare["label"], &bare["tag"], &bare["address"]), (&Value::Null, &Value::Null, &Value::Null));
    }
}

#[test]
fn a_session_that_is_shown_has_its_entries_too() {
    for shop in Shop::each() {
        let id = shop.visit();
        let session = json!({
            "key": key_of(&id), "principal": null, "label": null, "tag": null, "absolute_deadline": null,
            "is_remembered": false, "address": null,
        });
        let with = |entries: Value| {
            let mut object = session.clone();
            object["entries"] = entries;
            object
        };
        let [shown] = &shop.run(&["show", &key_of(&id), "--json"]).json()[..] else { panic!("one object") };
        assert_eq!(without_times(shown.clone()), with(json!([{"key": "basket", "bytes": 36}])));
        let [shown] = &Run::of(&mut shop.command(&["show", &key_of(&id), "--json", "--values"])).json()[..] else {
            panic!("one object")
        };
        assert_eq!(without_times(shown.clone()), with(json!([{"key": "basket", "bytes": 36, "value": VALUE}])));
    }
}

/// To its service, a damaged entry is none. Others may write JSON in several lines, as GoFrame does.
#[test]
fn a_damaged_entry_hides_no_other_and_a_session_stays_one_line() {
    let lines = "{\n  \"apples\": 12345678901234567890123,\r\n  \"b\": 1\n}";
    for shop in Shop::each() {
        let id = shop.visit();
        let key = StoreKey::of(&id);
        let mut record = Record::new(shop.manager.now(), Duration::from_secs(3600), None);
        record.entries = entries(&[("a", "oops"), ("basket", lines), ("c", "\"\\n\"")]);
        shop.storage().remove(&key).unwrap();
        shop.storage().create(&key, &record, record.created_at).unwrap();
        let key = key.to_string();
        let [shown] = &shop.run(&["show", &key, "--json", "--values"]).json()[..] else { panic!("one line") };
        let damaged = &shown["entries"][0];
        assert_eq!(damaged, &json!({"key": "a", "bytes": 4, "value": null, "damaged": true}), "{}", shop.name);
        let apples: Value = serde_json::from_str("12345678901234567890123").unwrap();
        assert_eq!(shown["entries"][1]["value"], json!({"apples": apples, "b": 1}));
        assert_eq!(shown["entries"][2], json!({"key": "c", "bytes": 4, "value": "\n"}));
        let [shown] = &shop.run(&["show", &key, "--json"]).json()[..] else { panic!("one line") };
        assert_eq!(shown["entries"][0], json!({"key": "a", "bytes": 4, "damaged": true}));
        let table = shop.run(&["show", &key, "--values"]).done();
        assert!(table.contains("\na       4 (damaged)  oops\n") && table.contains("{  \"apples\": 123"), "{table}");
        assert!(shop.run(&["show", &key]).done().contains("\na       4 (damaged)\n"));
    }
}

#[test]
fn a_storage_that_is_not_ready_says_why_in_json_too() {
    let shop = Shop::of_files();
    let file = shop.sessions().join("notes.txt");
    std::fs::write(&file, "text").unwrap();
    // Each sub-folder is a file.
    for number in 0..=u8::MAX {
        std::fs::write(shop.sessions().join(format!("{number:02x}")), "text").unwrap();
    }
    let run = shop.run(&["check", "--json"]);
    assert_eq!(run.status, 1);
    let checked: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(checked["ready"], false);
    let reason = checked["reason"].as_str().unwrap();
    assert!(reason.contains("is a link or a file; remove it") && run.err.contains(reason), "{run:?}");
}
