//! The Go program that the benchmark measures does what the benchmark's own servers do: the table in
//! tests/bench/src/servers/mod.rs, on each of GoFrame's storages.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use gsession_test_servers::{RedisServer, wait};
use gsession_tests::http;

fn program() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/goframe-bench");
    Command::new(PROGRAM.get_or_init(|| gsession_goframe::build("./bench", path)))
}

/// A running server.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = program();
        let mut child =
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout was asked for")).read_line(&mut line).expect("its port");
        Self { child, address: format!("127.0.0.1:{}", line.trim().parse::<u16>().expect("a port alone")) }
    }

    /// The answer to a request with this cookie, and the cookie that it sets.
    fn get(&self, path: &str, cookie: Option<&str>) -> (String, Option<String>) {
        let headers: Vec<(&str, &[u8])> = cookie.iter().map(|cookie| ("cookie", cookie.as_bytes())).collect();
        let reply = http::exchange(&self.address, &http::request("GET", path, &headers, b"")).expect("an answer");
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let id = reply.cookie("gfsessionid").map(|id| format!("gfsessionid={id}"));
        (reply.text(), id)
    }

    fn log_in(&self) -> String {
        self.get("/login", None).1.expect("a login sets a cookie")
    }

    /// Closes its standard input and waits until it has ended.
    fn finish(mut self) {
        drop(self.child.stdin.take());
        let status = wait::until("the server ending", || self.child.try_wait().expect("asking after a child of ours"));
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serves_all_handlers(arguments: &[&str]) {
    let server = Server::start(&[arguments, &["-slow", "1ms", "-keys", "3"]].concat());
    let id = server.log_in();
    let get = |path| server.get(path, Some(&id)).0;
    for path in ["/untouched", "/read", "/readwrite", "/write", "/slow?key=k0", "/slow?key=k2"] {
        assert_eq!(get(path), "ok", "{path}");
    }
    assert_eq!(get("/keys"), "2");
    assert_eq!(get("/whoami"), "alice");
    // Somebody else has a session of their own.
    let other = server.log_in();
    assert_ne!(other, id);
    assert_eq!(server.get("/keys", Some(&other)).0, "0");
    assert_eq!(server.get("/whoami", None).0, "");
    assert_eq!(get("/logout"), "ok");
    assert_eq!(get("/whoami"), "");
    let allocations = || get("/allocs").parse::<u64>().expect("a number");
    let before = allocations();
    assert!(allocations() > before);
    server.finish();
}

#[test]
fn on_the_memory_storage() {
    serves_all_handlers(&["-storage", "memory"]);
}

#[test]
fn on_the_file_storage() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a name that is text");
    serves_all_handlers(&["-storage", "file", "-dir", path]);
    assert!(folder.path().read_dir().expect("the folder").count() > 0, "the sessions are in the folder it was given");
}

#[test]
fn on_the_string_storage() {
    let redis = RedisServer::start();
    serves_all_handlers(&["-storage", "redis", "-redis", &redis.url()]);
}

#[test]
fn on_the_hash_storage() {
    let redis = RedisServer::start();
    serves_all_handlers(&["-storage", "redis-hash", "-redis", &redis.url()]);
}

#[test]
fn without_sessions() {
    let server = Server::start(&["-storage", "bare"]);
    let cookie = server.log_in();
    for path in ["/untouched", "/read", "/readwrite", "/write"] {
        assert_eq!(server.get(path, Some(&cookie)), ("ok".to_owned(), None), "{path}");
    }
    server.finish();
}

#[test]
fn bad_arguments_end_it_with_status_2() {
    for arguments in [
        &[][..],
        &["-storage", "cookie"],
        &["-storage", "file"],
        &["-storage", "redis"],
        &["-storage", "redis", "-redis", "127.0.0.1:6379"],
        &["-storage", "memory", "-slow", "soon"],
    ] {
        let output = program().args(arguments).stdin(Stdio::null()).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
