//! The program as it is started: its command line, its first line of output, and how it stops.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use gsession_test_servers::{PostgresServer, RedisServer};
use rustix::process::{Pid, Signal, kill_process};

/// How long it may take to start or to stop, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, which does not outlive the test.
struct Program(Child);

impl Program {
    fn start(arguments: &[&str]) -> Self {
        Self::start_with("", arguments)
    }

    fn start_with(redis_url: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        Self::start_in([("REDIS_URL", redis_url.as_ref())], arguments)
    }

    fn start_in<'a>(environment: impl IntoIterator<Item = (&'a str, &'a OsStr)>, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gsession-demo"));
        command.env("REDIS_URL", "").env("DATABASE_URL", "").envs(environment);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Waits for the line that says where it listens.
    fn address(&mut self) -> String {
        let mut line = String::new();
        // The pipe stays open: whoever prints later finds it so.
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        match line.trim_end().strip_prefix("listening on http://") {
            Some(address) => address.to_owned(),
            None => panic!("{line:?} instead of an address, and {:?}", self.end()),
        }
    }

    /// Waits until it ends by itself; what it said besides the address, and its errors.
    fn end(&mut self) -> (ExitStatus, String, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let (mut out, mut error) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (status, out, error)
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let (status, out, error) = self.end();
        assert!(status.success(), "stopping on request is not a failure: {status} {error}");
        assert!(!out.contains("secret") && !error.contains("secret"), "it prints a password: {out} {error}");
    }

    /// Waits until it gives up, having said why in one line, which names no password.
    fn give_up(mut self) -> String {
        let (status, out, error) = self.end();
        assert_eq!(status.code(), Some(1), "{error}");
        assert!(out.is_empty() && error.lines().count() == 1 && !error.contains("secret"), "{out} {error}");
        error
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has mostly ended before, which is no failure.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn wrong_arguments_are_explained() {
    for (arguments, word) in [
        (["--storage", "disk"], "--storage"),
        (["--listen", "here"], "--listen"),
        (["--idle-timeout", "soon"], "--idle-timeout"),
        (["--idle-timeout", "0"], "--idle-timeout"),
        (["--workers", "0"], "--workers"),
        (["--colour", "red"], "--colour"),
        (["--redis-url", "redis://:my-secret@127.0.0.1"], "--redis-url"),
        (["--near-cache", "--storage=file"], "--near-cache"),
        (["--postgres-url", "postgres://:my-secret@127.0.0.1"], "--storage postgres"),
        (["--migrate", "--storage=sqlite"], "--storage postgres"),
        (["--sqlite-file", "a.db"], "--storage sqlite"),
    ] {
        let (status, out, error) = Program::start(&arguments).end();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
        assert!(error.contains(word) && out.is_empty() && !error.contains("secret"), "{error}");
    }
}

#[test]
fn help_names_every_option() {
    let (status, help, _) = Program::start(&["--help"]).end();
    assert!(status.success());
    for option in [
        "--storage",
        "--listen",
        "--session-dir",
        "--idle-timeout",
        "--absolute-lifetime",
        "--workers",
        "--redis-url",
        "--near-cache",
        "--seal-with",
        "--sqlite-file",
        "--postgres-url",
        "--migrate",
    ] {
        assert!(help.contains(option), "{option} in {help}");
    }
}

#[test]
fn it_listens_until_it_is_told_to_stop() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("sessions");
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--session-dir", folder.to_str().unwrap()]);
    let address = program.address();
    assert_ne!(address.rsplit(':').next(), Some("0"), "the port that it was given by the system");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700, "nobody else looks into it");

    let (status, _, error) = Program::start(&["--storage", "memory", "--listen", &address]).end();
    assert_eq!(status.code(), Some(1), "the port is taken");
    assert!(error.contains(&address), "{error}");
    program.stop();
}

#[test]
fn it_can_be_stopped_as_soon_as_it_says_where_it_listens() {
    for _ in 0..5 {
        let mut program = Program::start(&["--storage", "memory", "--listen", "127.0.0.1:0", "--workers", "1"]);
        program.address();
        program.stop();
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let (status, _, error) = Program::start(&["--listen", "127.0.0.1:0", "--session-dir", path]).end();
    assert_eq!(status.code(), Some(1));
    assert!(error.contains(path), "{error}");
}

#[test]
fn a_key_file_that_cannot_be_used_is_named_with_the_fix_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let start = |path: &std::path::Path| {
        let path = path.to_str().unwrap();
        Program::start(&["--listen", "127.0.0.1:0", "--storage", "memory", "--seal-with", path])
    };
    let key = folder.path().join("key");
    let absent = start(&key).give_up();
    assert!(absent.contains(key.to_str().unwrap()), "{absent}");
    std::fs::write(&key, "a secret").unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let malformed = start(&key).give_up();
    assert!(malformed.contains(key.to_str().unwrap()) && malformed.contains("openssl rand -hex 32"), "{malformed}");
    std::fs::write(&key, "5e".repeat(32)).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let exposed = start(&key).give_up();
    assert!(exposed.contains("chmod 600"), "{exposed}");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o400)).unwrap();
    let mut program = start(&key);
    program.address();
    program.stop();
}

#[test]
fn a_redis_server_that_cannot_be_used_is_named_and_its_password_is_not() {
    let with_password = RedisServer::builder().set("requirepass", "right-secret").start();
    let port = with_password.port();
    for (url, word) in [
        ("redis://:my-secret@127.0.0.1:1/0".to_owned(), "127.0.0.1:1"),
        (format!("redis://:wrong-secret@127.0.0.1:{port}"), "password"),
        ("redis://:a-secret@127.0.0.1:port".to_owned(), "URL"),
        ("http://127.0.0.1".to_owned(), "URL"),
    ] {
        for storage in ["redis", "redis-hash"] {
            let arguments = ["--listen", "127.0.0.1:0", "--storage", storage, "--redis-url", &url];
            let error = Program::start(&arguments).give_up();
            assert!(error.contains(word), "{url}: {error}");
        }
    }
    let url = format!("redis://:right-secret@127.0.0.1:{port}/2");
    let mut program =
        Program::start(&["--listen", "127.0.0.1:0", "--storage", "redis", "--near-cache", "--redis-url", &url]);
    program.address();
    program.stop();
}

#[test]
fn a_redis_server_that_does_not_answer_is_not_waited_for() {
    let server = RedisServer::start();
    server.freeze();
    let url = format!("redis://127.0.0.1:{}", server.port());
    let started = Instant::now();
    let error = Program::start(&["--listen", "127.0.0.1:0", "--storage", "redis", "--redis-url", &url]).give_up();
    // The storage waits for a second or two; the rest is for a busy machine.
    assert!(started.elapsed() < PATIENCE / 3, "{error}");
    assert!(error.contains(&server.port().to_string()), "{error}");
    server.thaw();
}

#[test]
fn the_redis_server_may_stand_in_the_environment() {
    let server = RedisServer::builder().set("requirepass", "right-secret").start();
    let from_environment = format!("redis://:right-secret@127.0.0.1:{}", server.port());
    let redis = ["--listen", "127.0.0.1:0", "--storage", "redis"];
    let mut program = Program::start_with(&from_environment, &redis);
    program.address();
    program.stop();

    // An option that was given counts more, and the other storages do not look.
    let nobody = "redis://:my-secret@127.0.0.1:1";
    let mut program = Program::start_with(nobody, &[&redis[..], &["--redis-url", &from_environment]].concat());
    program.address();
    program.stop();
    let mut program = Program::start_with(nobody, &["--listen", "127.0.0.1:0", "--storage", "memory"]);
    program.address();
    program.stop();

    assert!(Program::start_with(nobody, &redis).give_up().contains("127.0.0.1:1"));
    let no_text = OsStr::from_bytes(b"redis://:my-secret\xff");
    assert!(Program::start_with(no_text, &redis).give_up().contains("URL"), "not some other server");
}

/// The arguments for the Postgres storage at a URL.
fn in_postgres(url: &str) -> [&str; 6] {
    ["--listen", "127.0.0.1:0", "--storage", "postgres", "--postgres-url", url]
}

#[test]
fn a_postgres_server_that_cannot_be_used_is_named_with_the_fix_and_its_password_is_not() {
    let mut server = PostgresServer::start();
    let port = server.port();
    // The tables are not there.
    assert!(Program::start(&in_postgres(&server.url())).give_up().contains("run `gsession migrate`"));
    let wrong = format!("postgres://guarded:wrong-secret@127.0.0.1:{port}/postgres");
    assert!(Program::start(&in_postgres(&wrong)).give_up().contains("password authentication failed"));
    let malformed = Program::start(&in_postgres("postgres://:a-secret@127.0.0.1:port")).give_up();
    assert!(malformed.contains("the URL is not one of a Postgres server"), "{malformed}");
    let url = server.url();
    let mut program = Program::start(&[&in_postgres(&url)[..], &["--migrate"]].concat());
    program.address();
    program.stop();
    let mut program = Program::start(&in_postgres(&url));
    program.address();
    program.stop();
    server.execute("INSERT INTO gsession_migrations VALUES (99, 0)");
    assert!(Program::start(&in_postgres(&url)).give_up().contains("a later build has migrated them"));
    server.freeze();
    let silent = Program::start(&in_postgres(&url)).give_up();
    assert!(silent.contains("did not answer in time"), "{silent}");
    server.kill();
    let away = Program::start(&in_postgres(&url)).give_up();
    assert!(away.contains("Connection refused"), "{away}");
}

#[test]
fn the_postgres_server_may_stand_in_the_environment() {
    let server = PostgresServer::start();
    let url = server.url_with_password();
    let postgres = ["--listen", "127.0.0.1:0", "--storage", "postgres", "--migrate"];
    let mut program = Program::start_in([("DATABASE_URL", url.as_ref())], &postgres);
    program.address();
    program.stop();
    assert_eq!(server.query("SELECT count(*) FROM gsession_sessions"), "0");
}

#[test]
fn a_file_of_sqlite_is_made_private_and_one_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let start = |path: &std::path::Path| {
        let path = path.to_str().unwrap();
        Program::start(&["--listen", "127.0.0.1:0", "--storage", "sqlite", "--sqlite-file", path])
    };
    for _ in 0..2 {
        let mut program = start(&file);
        program.address();
        program.stop();
    }
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(folder.path().join("notes.txt"), "text ".repeat(1000)).unwrap();
    assert!(start(&folder.path().join("notes.txt")).give_up().contains("not a database"));
    assert!(start(&folder.path().join("no/sessions.db")).give_up().contains("No such file"));
}

#[test]
fn durations_without_end_are_fine() {
    let forever = &*u64::MAX.to_string();
    let mut program = Program::start(&[
        "--storage",
        "memory",
        "--listen",
        "127.0.0.1:0",
        "--idle-timeout",
        forever,
        "--absolute-lifetime",
        forever,
    ]);
    program.address();
    program.stop();
}
