//! What can be wrong with a command line, with a storage, and with what is in it.

use std::{fs, io::Write as _, path::Path};

use gsession::{Login, StoreKey};
use gsession_test_servers::RedisServer;
use tempfile::TempDir;

use crate::{
    program::{Run, command},
    shop::{Shop, key_of},
};

const PASSWORD: &str = "hunter2";

fn with(storage: &str, arguments: &[&str]) -> Run {
    let run = Run::of(&mut command(&[&["--storage", storage], arguments].concat()));
    assert!(!run.err.contains(PASSWORD) && !run.out.contains(PASSWORD), "{run:?}");
    run
}

#[test]
fn a_storage_that_cannot_be_one_is_refused() {
    assert!(Run::of(&mut command(&["count"])).failed(2).contains("no storage is named"));
    assert!(Run::of(command(&["count"]).env("GSESSION_STORAGE", " ")).failed(2).contains("no storage is named"));
    for url in ["mysql://ada:hunter2@10.0.0.1/db", "hunter2", "sessions", "/var/lib/sessions", "redis", "File:x"] {
        let why = with(url, &["count"]).failed(2);
        assert!(why.contains("begins with file:, sqlite:, postgres://, redis://"), "{why}");
    }
    for url in ["file:", "file://", "file://10.0.0.1/sessions"] {
        assert!(with(url, &["count"]).failed(2).contains("needs a path on this machine"), "{url}");
    }
    let url = "redis://:hunter2@10.0.0.1:port/0";
    assert!(with(url, &["count"]).failed(1).contains("the URL is not one of a Redis server"));
    let several = ["--storage", "redis://10.0.0.1", "count"];
    assert!(with("redis://10.0.0.2", &several).failed(2).contains("add --cluster"));
    let mixed = ["--storage", "file:sessions", "count"];
    assert!(with("redis://10.0.0.2", &mixed).failed(2).contains("several must all be those of Redis servers"));
    let both = ["--sentinel", "main", "--cluster", "count"];
    assert!(with("redis://10.0.0.2", &both).failed(2).contains("cannot be used with"));
    for option in [
        ["--layout", "hashes"],
        ["--prefix", "a:"],
        ["--database", "1"],
        ["--server-tls", "true"],
        ["--password-file", "x"],
    ] {
        let why = with("file:sessions", &[&option[..], &["count"]].concat()).failed(2);
        assert!(why.contains(&format!("{} is for Redis", option[0])), "{why}");
    }
    assert!(with("redis://10.0.0.1", &["--layout", "lists", "count"]).failed(2).contains("goframe-hashes"));
    assert!(with("redis://10.0.0.1", &["--server-tls", "true", "count"]).failed(1).contains("Sentinels"));
    assert!(with("redis://10.0.0.1", &["--timeout", "0", "count"]).failed(2).contains("--timeout"));
}

/// The environment may be set for another storage, in Redis. Nobody has typed its options.
#[test]
fn what_the_environment_says_of_redis_means_nothing_to_a_folder() {
    let shop = Shop::of_files();
    shop.visit();
    let environment = [
        ("GSESSION_LAYOUT", "hashes"),
        ("GSESSION_PREFIX", "shop:"),
        ("GSESSION_USERNAME", "nt"),
        ("GSESSION_PASSWORD", PASSWORD),
    ];
    assert_eq!(Run::of(shop.command(&["count"]).envs(environment)).done(), "1\n");
    for option in [["--prefix", "shop:"], ["--layout", "strings"], ["--username", "nt"]] {
        for arguments in [[&option[..], &["count"]].concat(), [&["count"], &option[..]].concat()] {
            let why = Run::of(shop.command(&arguments).envs(environment)).failed(2);
            assert!(why.contains(&format!("{} is for Redis", option[0])), "{why}");
        }
    }
}

#[test]
fn a_command_that_is_not_whole_is_refused() {
    let shop = Shop::of_files();
    for arguments in [
        &[][..],
        &["list"],
        &["list", "ada", "--tag", "t"],
        &["show"],
        &["end"],
        &["end-all"],
        &["end-tagged"],
        &["remove"],
    ] {
        assert_eq!(shop.run(arguments).status, 2, "{arguments:?}");
    }
}

/// It may be an id that somebody has pasted in place of a key, so it is not repeated.
#[test]
fn a_key_that_cannot_be_one_is_refused_and_not_repeated() {
    for shop in Shop::each() {
        let id = shop.visit();
        let key = key_of(&id);
        let upper = key.to_uppercase();
        for text in [id.as_str(), "", "3f8a", &key[..63], &format!("{key}0"), &upper, "../../etc/passwd", "ä"] {
            for name in ["show", "end"] {
                let why = shop.run(&[name, text]).failed(2);
                assert!(why.contains("a key has 64 digits") && why.contains("only the first 8"), "{why}");
                assert!(text.is_empty() || text == "3f8a" || !why.contains(text), "{why}");
                let run = Run::reading(&mut shop.command(&[name, "-"]), text);
                shop.is_discreet(&run);
                assert!(run.failed(2).contains("a key has 64 digits"));
            }
        }
        assert!(shop.is_alive(&id));
    }
}

#[test]
fn a_folder_without_sessions_is_neither_made_nor_changed() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let url = |path: &Path| format!("file:{}", path.display());
    for arguments in [&["count"][..], &["sweep"], &["check"], &["list", "ada"], &["end-all", "ada", "--yes"]] {
        let why = with(&url(&at("sessions")), arguments).failed(1);
        assert!(why.contains("there is no such folder") && !at("sessions").exists(), "{why}");
        let why = with(&url(&at("no/sessions")), arguments).failed(1);
        assert!(why.contains("there is no such folder") && !at("no").exists(), "{why}");
    }
    fs::create_dir(at("empty")).unwrap();
    fs::set_permissions(at("empty"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(with(&url(&at("empty")), &["count"]).failed(1).contains("it is empty and open to others"));
    fs::write(at("empty").join("index.html"), "text").unwrap();
    assert!(with(&url(&at("empty")), &["count"]).failed(1).contains("it holds other things than sessions"));
    assert_eq!(fs::metadata(at("empty")).unwrap().permissions().mode() & 0o777, 0o755);
    fs::write(at("file"), "text").unwrap();
    assert!(with(&url(&at("file")), &["count"]).failed(1).contains("it is not a folder"));
    // One that is private may be that of a service without sessions.
    fs::create_dir(at("private")).unwrap();
    fs::set_permissions(at("private"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(with(&url(&at("private")), &["count"]).done(), "0\n");
    fs::create_dir(at("private").join("lost+found")).unwrap();
    assert_eq!(with(&url(&at("private")), &["count"]).done(), "0\n");
    // With other things in it, it is not.
    fs::write(at("private").join("notes"), "text").unwrap();
    for arguments in [&["count"][..], &["sweep"], &["check"], &["end-all", "ada", "--yes"]] {
        let why = with(&url(&at("private")), arguments).failed(1);
        assert!(why.contains("it holds other things than sessions; name the folder"), "{why}");
    }
    assert_eq!(fs::read_dir(at("private")).unwrap().count(), 2);
    // A service may have sessions beside them.
    fs::create_dir(at("private").join("3f")).unwrap();
    assert_eq!(with(&url(&at("private")), &["count"]).done(), "0\n");
}

/// A key is read from standard input, but not without end.
#[test]
fn standard_input_is_not_read_without_end() {
    let shop = Shop::of_files();
    let zeros = fs::File::open("/dev/zero").unwrap();
    let why = Run::of(shop.command(&["show", "-"]).stdin(zeros)).failed(2);
    assert!(why.contains("a key has 64 digits"), "{why}");
}

#[test]
fn the_folder_of_somebody_else_says_what_to_do() {
    // Only root can give a folder away; to others, the system's own folders belong to somebody else.
    let folder = TempDir::new().unwrap();
    let path = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(folder.path(), Some(65_534), None).unwrap();
        folder.path()
    } else {
        Path::new("/")
    };
    for name in ["count", "check", "sweep"] {
        let why = with(&format!("file:{}", path.display()), &[name]).failed(1);
        assert!(why.contains("belongs to another user") && why.contains("sudo -u"), "{why}");
    }
}

#[test]
fn a_damaged_session_is_reported_and_keeps_nobody_from_the_others() {
    let shop = Shop::of_files();
    let (damaged, sound) = (shop.log_in(Login::new("ada")), shop.log_in(Login::new("ada")));
    let file = shop.file(&StoreKey::of(&damaged));
    let length = fs::metadata(&file).unwrap().len();
    fs::File::options().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
    let is_warned = |run: &Run| run.err.starts_with("gsession: warning: ") && run.err.contains("damaged");
    let run = shop.run(&["count"]);
    assert!((run.status, &*run.out) == (0, "1\n") && is_warned(&run), "{run:?}");
    let run = shop.run(&["list", "ada", "--json"]);
    assert!(run.status == 0 && run.out.lines().count() == 1 && run.out.contains(&key_of(&sound)) && is_warned(&run));
    let run = shop.run(&["show", &key_of(&damaged)]);
    assert!(run.status == 1 && run.err.contains("there is no session under this key") && is_warned(&run), "{run:?}");
    // It may be readable to another version, so it can be ended.
    assert_eq!(shop.run(&["end", &key_of(&damaged)]).status, 0);
    assert!(!file.exists() && shop.is_alive(&sound));
    // Something else with the name of a session is nobody's.
    fs::write(&file, "text").unwrap();
    assert_eq!(shop.run(&["end", &key_of(&damaged)]).status, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "text");
}

#[test]
fn a_server_that_is_not_there_is_named_without_the_password() {
    for arguments in [&["count"][..], &["list", "ada"], &["check"], &["end-all", "ada", "--yes"]] {
        let why = with("redis://:hunter2@127.0.0.1:1", arguments).failed(1);
        assert!(why.contains("127.0.0.1:1") && why.contains("no server listens there"), "{why}");
    }
    let mut server = RedisServer::start();
    server.kill();
    let run = with(&server.url(), &["check", "--json"]);
    assert!(run.status == 1 && run.out.starts_with("{\"ready\":false,\"reason\":\"session storage: "), "{run:?}");
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
    let server = RedisServer::start();
    server.freeze();
    let why = with(&server.url(), &["--timeout", "1", "count"]).failed(1);
    assert!(why.contains("did not answer in time") && why.contains("--timeout"), "{why}");
}

#[test]
fn a_password_comes_from_where_nobody_else_can_read_it() {
    let server = RedisServer::builder().set("requirepass", PASSWORD).start();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("password");
    fs::File::create(&file).unwrap().write_all(b"hunter2\nand a second line").unwrap();
    let path = file.to_str().unwrap();
    let url = server.url();
    let refused = with(&url, &["count"]).failed(1);
    assert!(refused.contains("the server asks for a password"), "{refused}");
    let run = Run::of(command(&["--storage", &url, "count"]).env("GSESSION_PASSWORD", "hunter3"));
    let refused = run.failed(1);
    assert!(refused.contains("user name or password refused") && !refused.contains("hunter3"), "{refused}");
    assert_eq!(Run::of(command(&["--storage", &url, "count"]).env("GSESSION_PASSWORD", PASSWORD)).done(), "0\n");
    assert_eq!(with(&url, &["--password-file", path, "count"]).done(), "0\n");
    // The file is named here and now; the variable may be a leftover.
    let run =
        command(&["--storage", &url, "--password-file", path, "count"]).env("GSESSION_PASSWORD", "hunter3").output();
    assert!(run.unwrap().status.success());
    let in_url = url.replace("redis://", "redis://:hunter2@");
    assert_eq!(Run::of(command(&["check"]).env("GSESSION_STORAGE", &in_url)).done(), "ready\n");
    assert_eq!(with(&url, &["--username", "default", "--password-file", path, "count"]).done(), "0\n");
    let missing = with(&url, &["--password-file", "/no/such/file", "count"]).failed(1);
    assert!(missing.contains("/no/such/file: it cannot be read: No such file"), "{missing}");
}

/// A layout that is not the service's finds nothing, and ends nothing.
#[test]
fn another_layout_finds_nothing() {
    let shop = Shop::of_strings();
    let id = shop.log_in(Login::new("ada"));
    for layout in ["hashes", "goframe-strings", "goframe-hashes"] {
        assert_eq!(shop.run(&["count", "--layout", layout]).done(), "0\n", "{layout}");
        let arguments = ["end-all", "ada", "--yes", "--layout", layout];
        assert_eq!(shop.run(&arguments).status, 1, "{layout}");
    }
    assert!(shop.is_alive(&id));
}
