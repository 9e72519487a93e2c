//! The login for Redis: the URL comes first, and the options and the environment say what it leaves open.

use gsession::{ClientInfo, Login, Manager, RedisStorage};
use gsession_test_servers::RedisServer;

use crate::program::{Run, command};

/// A server with a user, its port, and a session in its database 3.
fn server() -> (RedisServer, u16) {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "nt", "on", ">hunter2", "~*", "&*", "+@all"]);
    let storage = RedisStorage::builder(&server.url()).database(3).build().unwrap();
    Manager::new(storage).begin(None, ClientInfo::default).log_in(Login::new("ada")).unwrap();
    // Who does not log in is nobody.
    server.command(&["ACL", "SETUSER", "default", "resetpass", ">hunter4"]);
    let port = server.port();
    (server, port)
}

fn count(url: &str, options: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = command(&[&["--storage", url, "count"], options].concat());
    Run::of(command.envs(environment.iter().copied()))
}

#[test]
fn what_the_url_says_comes_first() {
    let (_server, port) = server();
    let full = format!("redis://nt:hunter2@127.0.0.1:{port}/3");
    let others = [("GSESSION_USERNAME", "ghost"), ("GSESSION_PASSWORD", "hunter3")];
    assert_eq!(count(&full, &[], &[]).done(), "1\n");
    assert_eq!(count(&full, &["--username", "ghost", "--database", "99"], &others[1..]).done(), "1\n");
    assert_eq!(count(&full, &[], &others).done(), "1\n");
    // Database 0 is one, too.
    let zero = format!("redis://nt:hunter2@127.0.0.1:{port}/0");
    assert_eq!(count(&zero, &["--database", "3"], &[]).done(), "0\n");
}

#[test]
fn what_the_url_leaves_open_comes_from_the_options_and_the_environment() {
    let (_server, port) = server();
    let password = [("GSESSION_PASSWORD", "hunter2")];
    let bare = format!("redis://127.0.0.1:{port}");
    assert_eq!(count(&bare, &["--username", "nt", "--database", "3"], &password).done(), "1\n");
    let named = format!("redis://nt@127.0.0.1:{port}/3");
    assert_eq!(count(&named, &[], &password).done(), "1\n");
    let anonymous = format!("redis://:hunter2@127.0.0.1:{port}/");
    assert_eq!(count(&anonymous, &["--username", "nt", "--database", "3"], &[]).done(), "1\n");
}

/// Redis has no login without a password, so none would be tried.
#[test]
fn a_user_name_without_a_password_is_refused() {
    let server = RedisServer::start();
    let (bare, named) = (server.url(), server.url().replace("redis://", "redis://nt@"));
    let sentinel = ["--username", "nt", "--sentinel", "main"];
    for run in [
        count(&bare, &["--username", "nt"], &[]),
        count(&bare, &[], &[("GSESSION_USERNAME", "nt")]),
        count(&named, &[], &[]),
        count(&named, &["--username", "ghost"], &[("GSESSION_PASSWORD", "")]),
        count(&bare, &sentinel, &[]),
    ] {
        let why = run.failed(2);
        assert!(why.contains("needs a password: set GSESSION_PASSWORD, or add --password-file"), "{why}");
    }
    // A name that is empty is none.
    assert_eq!(count(&bare, &[], &[("GSESSION_USERNAME", "")]).done(), "0\n");
}
