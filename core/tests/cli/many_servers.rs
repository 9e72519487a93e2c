//! Sentinels and TLS. A cluster is among the shops of the other tests.

use std::fs;

use gsession::{ClientInfo, Login, Manager, RedisStorage};
use gsession_test_servers::{RedisServer, Sentinels};
use tempfile::TempDir;

use crate::program::{Run, command};

#[test]
fn the_primary_that_sentinels_name_is_used() {
    let sentinels = Sentinels::start();
    let storage = RedisStorage::sentinel(sentinels.urls(), sentinels.service()).build().unwrap();
    let manager = Manager::new(storage);
    manager.begin(None, ClientInfo::default).log_in(Login::new("ada")).unwrap();
    let urls = sentinels.urls().join(" ");
    let run = |arguments: &[&str]| {
        let arguments = [&["--sentinel", sentinels.service()], arguments].concat();
        Run::of(command(&arguments).env("GSESSION_STORAGE", &urls))
    };
    assert_eq!(run(&["count"]).done(), "1\n");
    assert_eq!(run(&["check"]).done(), "ready\n");
    assert_eq!(run(&["end-all", "ada", "--yes"]).done(), "1 session ended\n");
    assert_eq!(manager.sessions_of("ada").unwrap().len(), 0);
    let options: Vec<&str> = urls.split(' ').flat_map(|url| ["--storage", url]).collect();
    let listed = Run::of(&mut command(&[&options[..], &["--sentinel", "another", "count"]].concat()));
    assert_eq!(listed.status, 1, "{listed:?}");
}

#[test]
fn a_server_with_a_certificate_of_ones_own_is_trusted_by_that() {
    let server = RedisServer::builder().tls().start();
    let folder = TempDir::new().unwrap();
    let (ca, junk) = (folder.path().join("ca.pem"), folder.path().join("junk.pem"));
    fs::write(&ca, server.ca().unwrap()).unwrap();
    fs::write(&junk, "no certificate").unwrap();
    let url = server.url();
    let with = |options: &[&str]| Run::of(&mut command(&[&["--storage", &url], options, &["count"]].concat()));
    assert_eq!(with(&["--root-certificate", ca.to_str().unwrap()]).done(), "0\n");
    assert!(with(&[]).failed(1).contains("certificate"));
    assert!(with(&["--root-certificate", junk.to_str().unwrap()]).failed(1).contains("holds no certificate in PEM"));
    assert!(with(&["--root-certificate", "/no/such/file"]).failed(1).contains("/no/such/file: it cannot be read"));
    let half = with(&["--client-certificate", ca.to_str().unwrap()]).failed(2);
    assert!(half.contains("--client-key"), "{half}");
}
