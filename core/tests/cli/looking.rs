//! `count`, `list`, `show`, `check` and `sweep`, which end nothing that lives.

use std::time::Duration;

use gsession::{Changes, Login, Record, Storage as _, StoreKey, Timestamp};

use crate::{
    program::{Run, command},
    shop::{Shop, VALUE, key_of},
    support::{commit_at, entries, quiet_file},
};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn the_living_are_counted() {
    for shop in Shop::each() {
        assert_eq!(shop.run(&["count"]).done(), "0\n", "{}", shop.name);
        let first = shop.visit();
        shop.visit();
        shop.log_in(Login::new("ada").tag("sid-1"));
        assert_eq!(shop.run(&["count"]).done(), "3\n", "{}", shop.name);
        shop.renew(&first);
        assert_eq!(shop.run(&["count"]).done(), "3\n", "{}", shop.name);
        assert_eq!(shop.run(&["count", "--json"]).done(), "{\"sessions\":3}\n", "{}", shop.name);
    }
}

#[test]
fn sessions_are_listed_by_principal_and_by_tag() {
    for shop in Shop::each() {
        let phone = shop.log_in(Login::new("ada").label("phone").tag("sid-1"));
        let desk = shop.log_in(Login::new("ada").label("Firefox on Ubuntu"));
        let bob = shop.log_in(Login::new("bob").tag("sid-1"));
        let table = shop.run(&["list", "ada"]).done();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 3, "{table}");
        assert!(lines[0].starts_with("KEY ") && lines[0].ends_with("LABEL"), "{table}");
        for (id, label) in [(&phone, "  phone"), (&desk, "  Firefox on Ubuntu")] {
            let line = lines.iter().find(|line| line.starts_with(&key_of(id))).unwrap();
            assert!(line.ends_with(label) && line.contains("  in 47 hours  ") && !line.ends_with(' '), "{table}");
        }
        let tagged = shop.run(&["list", "--tag", "sid-1"]).done();
        for (id, end) in [(&phone, "  ada        phone"), (&bob, "  bob        -")] {
            assert!(tagged.lines().any(|line| line.starts_with(&key_of(id)) && line.ends_with(end)), "{tagged}");
        }
        assert!(!tagged.contains(&key_of(&desk)));
        assert!(shop.run(&["list", "eve"]).failed(1).contains("or is in another storage or under another prefix"));
        assert!(
            shop.run(&["list", "--tag", "sid-2"])
                .failed(1)
                .contains("or it is in another storage or under another prefix")
        );
    }
}

/// A user chooses the name of their device, and sometimes names of entries. The service refuses some of them, but another program may
/// have written to the storage.
#[test]
fn what_users_have_named_commands_no_terminal_and_is_cut() {
    for shop in Shop::each() {
        let now = shop.manager.now();
        let mut record = Record::new(now, HOUR, None);
        record.principal = Some("a\u{7}da".into());
        record.entries = entries(&[("gsession.label", r#""\u001b[2Jphone""#), ("\u{9b}31m", "\"\u{202e}\"")]);
        let key = StoreKey::from_bytes([8; 32]);
        shop.storage().create(&key, &record, now).unwrap();
        let table = shop.run(&["list", "a\u{7}da"]).done();
        assert!(table.ends_with("  \u{fffd}[2Jphone\n"), "{table:?}");
        let shown = shop.run(&["show", &key.to_string(), "--values"]).done();
        assert!(shown.contains("Principal  a\u{fffd}da\n") && shown.contains("\n\u{fffd}31m"), "{shown:?}");
        assert!(
            !shown.chars().any(|letter| letter != '\n' && (letter.is_control() || letter == '\u{202e}')),
            "{shown:?}"
        );
        // JSON has escapes, and a program that reads it gets the text as it is.
        let lines = shop.run(&["list", "a\u{7}da", "--json"]).json();
        assert_eq!(lines[0]["label"], "\u{1b}[2Jphone");
        shop.log_in(Login::new("ada").label("ä".repeat(100)));
        let table = shop.run(&["list", "ada"]).done();
        assert!(table.ends_with(&format!("  {}…\n", "ä".repeat(39))), "{table}");
    }
}

#[test]
fn a_session_is_shown_without_its_values() {
    for shop in Shop::each() {
        let id = shop.log_in(Login::new("ada").label("phone").tag("sid-1").address("192.0.2.7".parse().unwrap()));
        let shown = shop.run(&["show", &key_of(&id)]).done();
        for part in [
            &format!("Key        {}\n", key_of(&id))[..],
            "Principal  ada\n",
            "Label      phone\n",
            "Tag        sid-1\n",
            "From       192.0.2.7\n",
            "Ends at    never, if it is used\n",
            " UTC (in 47 hours)\n",
            "\nENTRY   BYTES\nbasket  36\n",
        ] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        assert!(!shown.contains("gsession."), "{shown}");
        let with_values = Run::of(&mut shop.command(&["show", &key_of(&id), "--values"])).done();
        assert!(with_values.contains(&format!("basket  36     \"{VALUE}\"\n")), "{with_values}");
        // Under the key from before the login, and from standard input.
        let renewed = shop.renew(&id);
        assert!(shop.run(&["show", &key_of(&id)]).done().contains(&key_of(&renewed)));
        let run = Run::reading(&mut shop.command(&["show", "-"]), &format!("{}\n", key_of(&renewed)));
        assert!(run.done().contains("Principal  ada"));
        let nothing = shop.run(&["show", &StoreKey::from_bytes([7; 32]).to_string()]).failed(1);
        assert!(nothing.contains("there is no session under this key"), "{nothing}");
    }
}

/// The settings of the program's own manager end nothing: sessions live by what is stored.
#[test]
fn a_session_that_lives_for_long_is_listed() {
    for shop in Shop::each() {
        let now = shop.manager.now();
        let month = shop.log_in(Login::new("ada").remember_for(HOUR * 24 * 30));
        let table = shop.run(&["list", "ada"]).done();
        assert!(table.contains("in 29 days") || table.contains("in 30 days"), "{table}");
        let shown = shop.run(&["show", &key_of(&month)]).done();
        assert!(shown.contains("Remembered  yes"), "{shown}");
        // Used by nobody for a week, of the two that it may.
        let mut idle = Record::new(Timestamp::from_millis(now.as_millis() - 7 * 24 * 3_600_000), HOUR * 24 * 14, None);
        idle.principal = Some("bob".into());
        let key = StoreKey::from_bytes([9; 32]);
        shop.storage().create(&key, &idle, idle.created_at).unwrap();
        assert!(shop.run(&["list", "bob"]).done().contains("7 days ago"));
    }
}

#[test]
fn a_check_says_whether_sessions_can_be_stored() {
    for shop in Shop::each() {
        assert_eq!(shop.run(&["check"]).done(), "ready\n");
        assert_eq!(shop.run(&["check", "--json"]).done(), "{\"ready\":true}\n");
        assert_eq!(shop.run(&["count"]).done(), "0\n", "{}: a check has left something", shop.name);
    }
}

#[test]
fn a_sweep_removes_what_has_expired_and_nothing_else() {
    let shop = Shop::of_files();
    let storage = quiet_file(&shop.sessions());
    let now = shop.manager.now();
    let long_ago = Timestamp::from_millis(now.as_millis() - 2 * 3_600_000);
    for number in 1..=3 {
        let key = StoreKey::from_bytes([number; 32]);
        storage.create(&key, &Record::new(long_ago, HOUR, None), long_ago).unwrap();
    }
    // The trace of a renewal that nobody needs any more.
    let (from, to) = (StoreKey::from_bytes([4; 32]), StoreKey::from_bytes([5; 32]));
    storage.create(&from, &Record::new(long_ago, HOUR * 24, None), long_ago).unwrap();
    storage.move_to(&from, &to, &commit_at(Changes::default(), long_ago)).unwrap();
    let living = shop.visit();
    std::fs::write(shop.sessions().join("01").join("notes.txt"), "text").unwrap();
    assert_eq!(shop.run(&["count"]).done(), "2\n");
    let swept = shop.run(&["sweep", "--json"]).json();
    assert_eq!(swept, [serde_json::json!({"removed": 4, "kept": 2, "foreign": 1})]);
    assert_eq!(shop.run(&["sweep"]).done(), "0 removed, 2 kept, 1 not sessions\n");
    assert!(shop.is_alive(&living));
    assert_eq!(std::fs::read_to_string(shop.sessions().join("01").join("notes.txt")).unwrap(), "text");
    for shop in Shop::each().into_iter().skip(1) {
        let living = shop.visit();
        assert_eq!(shop.run(&["sweep"]).done(), "0 removed, 1 kept, 0 not sessions\n", "{}", shop.name);
        assert!(shop.is_alive(&living));
    }
}

#[test]
fn help_and_version_say_what_there_is() {
    let help = Run::of(&mut command(&["--help"])).done();
    for name in ["count", "list", "show", "end", "end-all", "end-tagged", "check", "sweep", "migrate"] {
        assert!(help.contains(&format!("\n  {name} ")), "{help}");
        let own = Run::of(&mut command(&[name, "--help"])).done();
        assert!(
            own.contains("Example") && own.contains(&format!("  gsession {name}")) && own.contains("--json"),
            "{own}"
        );
        assert!(own.contains("GSESSION_PASSWORD"), "{own}");
    }
    let version = Run::of(&mut command(&["--version"])).done();
    assert_eq!(version, concat!("gsession ", env!("CARGO_PKG_VERSION"), "\n"));
    // What is set for the storage may hold a password.
    let help = Run::of(command(&["--help"]).env("GSESSION_STORAGE", "redis://:hunter2@10.0.0.1")).done();
    assert!(!help.contains("hunter2"), "{help}");
}
