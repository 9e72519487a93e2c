//! PostgreSQL servers do what the tests that use them rely on.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use gsession_test_servers::{PostgresServer, Proxy, wait};

const SOON: Duration = Duration::from_millis(300);

/// Asks whether the server speaks TLS, the only thing that needs no login: it answers with a letter.
fn answer(port: u16) -> Result<u8, ErrorKind> {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), SOON)?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        let mut letter = [0];
        stream.read_exact(&mut letter)?;
        Ok(letter[0])
    };
    ask().map_err(|error: std::io::Error| error.kind())
}

/// What PostgreSQL's own client says to a statement, over TCP.
fn client(url: &str, statement: &str) -> Output {
    Command::new("psql").args(["-XAtq", "-c", statement, "-d", url]).output().unwrap()
}

fn client_says(url: &str, statement: &str) -> String {
    let output = client(url, statement);
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap().trim().to_owned()
}

#[test]
fn a_server_takes_an_ordinary_user_and_one_with_a_password() {
    let server = PostgresServer::start();
    assert_eq!(client_says(&server.url(), "CREATE TABLE a (n int); INSERT INTO a VALUES (1)"), "");
    let guarded = server.url_with_password();
    assert_eq!(client_says(&guarded, "UPDATE a SET n = n + 1 RETURNING n"), "2");
    let wrong = guarded.replace("s3cret", "other");
    assert!(client_says(&wrong, "SELECT 1").contains("password authentication failed"));
    assert_eq!(client_says(&server.url(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"), "f");
    assert_eq!(server.query("SELECT n, 'b' FROM a"), "2|b");
}

#[test]
fn servers_start_empty_beside_each_other() {
    let (first, second) = (PostgresServer::start(), PostgresServer::start());
    first.execute("CREATE TABLE a (n int)");
    assert_eq!(second.query("SELECT count(*) FROM pg_tables WHERE tablename = 'a'"), "0");
}

#[test]
fn what_was_committed_survives_a_kill() {
    let mut server = PostgresServer::start();
    server.execute("CREATE TABLE a (n int)");
    server.execute("INSERT INTO a VALUES (1)");
    server.kill();
    server.kill();
    assert_eq!(answer(server.port()), Err(ErrorKind::ConnectionRefused));
    server.start_again();
    assert_eq!(server.query("SELECT n FROM a"), "1");
    assert!(server.log().contains("database system was not properly shut down"));
    server.shutdown();
    server.start_again();
    assert_eq!(server.query("SELECT n FROM a"), "1");
    assert!(server.log().contains("database system is shut down"));
}

#[test]
fn a_frozen_server_does_not_answer_over_old_or_new_connections_until_it_is_thawed() {
    let server = PostgresServer::start();
    // Idle, with a process of its own.
    let mut old = Command::new("psql").args(["-d", &server.url()]).stdin(Stdio::piped()).spawn().unwrap();
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop'";
    wait::until("a connection", || (server.query(connections) == "1").then_some(()));
    server.freeze();
    let states = || {
        let stat = |pid| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        server.pids().into_iter().map(|pid| stat(pid).rsplit_once(") ").unwrap().1[..1].to_owned()).collect::<Vec<_>>()
    };
    assert!(server.pids().len() > 2);
    wait::until("every process standing still", || states().iter().all(|state| state == "T").then_some(()));
    assert_eq!(answer(server.port()), Err(ErrorKind::WouldBlock));
    server.thaw();
    assert_eq!(answer(server.port()), Ok(b'N'));
    assert_eq!(server.query(connections), "1");
    drop(old.stdin.take());
    assert!(old.wait().unwrap().success());
}

#[test]
fn a_frozen_server_with_connections_can_be_killed_and_started_again() {
    let mut server = PostgresServer::start();
    let mut busy = Command::new("psql").args(["-c", "SELECT pg_sleep(600)", "-d", &server.url()]).spawn().unwrap();
    let sleepers = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    wait::until("a busy connection", || (server.query(sleepers) == "1").then_some(()));
    server.freeze();
    server.kill();
    assert!(!busy.wait().unwrap().success());
    server.start_again();
    assert_eq!(server.query(sleepers), "0");
}

/// Whether the system has a piece of shared memory.
fn has_memory(id: &str) -> bool {
    let pieces = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    pieces.lines().any(|line| line.split_whitespace().nth(1) == Some(id))
}

/// A server's folder, and the id of its shared memory.
fn left_behind(server: &PostgresServer) -> (PathBuf, String) {
    let folder = PathBuf::from(server.query("SHOW data_directory"));
    let file = fs::read_to_string(folder.join("postmaster.pid")).unwrap();
    // The key and the id.
    let id = file.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    assert!(has_memory(&id));
    (folder, id)
}

#[test]
fn dropping_a_frozen_server_ends_it_and_leaves_neither_files_nor_shared_memory() {
    let server = PostgresServer::start();
    let (folder, memory) = left_behind(&server);
    let first = server.pid();
    server.freeze();
    drop(server);
    assert!(!folder.exists() && !has_memory(&memory) && !Path::new(&format!("/proc/{first}")).exists());
}

#[test]
fn dropping_a_killed_server_leaves_neither_files_nor_shared_memory() {
    let mut server = PostgresServer::start();
    let (folder, memory) = left_behind(&server);
    server.kill();
    assert!(folder.exists() && has_memory(&memory), "it might be started again");
    drop(server);
    assert!(!folder.exists() && !has_memory(&memory));
}

#[test]
fn settings_reach_the_server_and_the_last_one_counts() {
    let server = PostgresServer::builder().set("max_connections", "9").set("max_connections", "8").start();
    assert_eq!(server.query("SHOW max_connections"), "8");
}

#[test]
#[should_panic(expected = "unrecognized configuration parameter \"no_such_setting\"")]
fn a_server_that_does_not_start_says_why() {
    let _ = PostgresServer::builder().set("no_such_setting", "1").start();
}

#[test]
#[should_panic(expected = "is to be started again while it runs")]
fn a_running_server_cannot_be_started_again() {
    PostgresServer::start().start_again();
}

#[test]
#[should_panic(expected = "relation \"a\" does not exist")]
fn a_statement_that_fails_says_why() {
    PostgresServer::start().execute("INSERT INTO a VALUES (1)");
}

#[test]
fn a_server_that_speaks_tls_has_a_certificate_that_its_authority_has_signed() {
    let server = PostgresServer::builder().tls().start();
    assert_eq!(answer(server.port()), Ok(b'S'));
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, server.ca().unwrap()).unwrap();
    let url = format!("{}?sslmode=verify-full&sslrootcert={}", server.url(), ca.display());
    assert_eq!(client_says(&url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "t");
    fs::write(&ca, PostgresServer::builder().tls().start().ca().unwrap()).unwrap();
    let refused = client_says(&url, "SELECT 1");
    assert!(refused.contains("SSL error"), "{refused}");
}

#[test]
fn a_standby_has_what_its_primary_has_and_refuses_writes_until_it_is_promoted() {
    let mut primary = PostgresServer::start();
    client_says(&primary.url(), "CREATE TABLE a (n int)");
    let standby = primary.standby();
    client_says(&primary.url(), "INSERT INTO a VALUES (1)");
    primary.wait_for(&standby);
    assert_eq!(client_says(&standby.url(), "SELECT n FROM a"), "1");
    let refused = client_says(&standby.url(), "INSERT INTO a VALUES (2)");
    assert!(refused.contains("read-only transaction"), "{refused}");
    primary.kill();
    standby.promote();
    assert_eq!(client_says(&standby.url(), "INSERT INTO a VALUES (2)"), "");
    assert_eq!(standby.query("SELECT count(*) FROM a"), "2");
}

#[test]
fn a_server_tells_which_statements_clients_have_run() {
    let server = PostgresServer::builder().log_statements().start();
    assert_eq!(client_says(&server.url(), "BEGIN; SELECT 1; COMMIT"), "1");
    server.execute("SELECT 2");
    let proxy = Proxy::to(server.port());
    assert_eq!(client_says(&PostgresServer::url_at(proxy.port()), "SELECT 3"), "3");
    assert!(proxy.round_trips() > 0);
    assert_eq!(server.statements(), ["BEGIN; SELECT 1; COMMIT", "SELECT 3"]);
}
