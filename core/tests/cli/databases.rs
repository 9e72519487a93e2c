//! Storages in Postgres and SQLite: their tables, their logins, and what can be wrong with them.

use std::{fs, io::Write as _, path::Path};

use gsession_test_servers::PostgresServer;
use tempfile::TempDir;

use crate::{
    program::{Run, command},
    shop::Shop,
    support::sql,
};

const UP_TO_DATE: &str = "the tables are up to date\n";

fn run(arguments: &[&str]) -> Run {
    let run = Run::of(&mut command(arguments));
    for text in [&run.out, &run.err] {
        assert!(!text.contains(PostgresServer::PASSWORD) && !text.contains("s3cret"), "{run:?}");
    }
    run
}

fn at(storage: &str, arguments: &[&str]) -> Run {
    run(&[&["--storage", storage], arguments].concat())
}

fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

#[test]
fn tables_in_postgres_are_made_by_migrate_and_by_nothing_else() {
    let (url, prefix) = (sql::server().url(), sql::prefix());
    let with = |arguments: &[&str]| at(&url, &[&["--table-prefix", &prefix], arguments].concat());
    for arguments in [&["count"][..], &["check"], &["list", "ada"], &["sweep"], &["end-all", "ada", "--yes"]] {
        let why = with(arguments).failed(1);
        assert!(why.contains("there are no tables") && why.contains("run `gsession migrate`"), "{why}");
    }
    let unready = with(&["check", "--json"]);
    assert!(unready.status == 1 && unready.out.contains("run `gsession migrate`"), "{unready:?}");
    assert_eq!(run(&["migrate", &url, "--table-prefix", &prefix]).done(), UP_TO_DATE);
    assert_eq!(with(&["count"]).done(), "0\n");
    assert_eq!(with(&["check"]).done(), "ready\n");
    assert_eq!(with(&["migrate", "--json"]).done(), "{\"up_to_date\":true}\n");
}

#[test]
fn a_file_of_sqlite_is_made_by_migrate_and_by_nothing_else() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("the sessions.db");
    let url = sqlite(&path);
    for arguments in [&["count"][..], &["check"], &["sweep"]] {
        let why = at(&url, arguments).failed(1);
        assert!(why.contains("there is no such file") && why.contains("`gsession migrate`") && !path.exists(), "{why}");
    }
    assert_eq!(run(&["migrate", &url]).done(), UP_TO_DATE);
    assert_eq!(at(&url, &["count"]).done(), "0\n");
    assert_eq!(at(&format!("sqlite://{}", path.display()), &["check"]).done(), "ready\n");
    // The environment may hold the storage, as for every command.
    assert_eq!(Run::of(command(&["migrate"]).env("GSESSION_STORAGE", &url)).done(), UP_TO_DATE);
    let elsewhere = folder.path().join("no/sessions.db");
    assert!(run(&["migrate", &sqlite(&elsewhere)]).failed(1).contains("No such file"));
}

#[test]
fn a_file_that_is_no_database_is_named_so() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "text ".repeat(1000)).unwrap();
    for arguments in [&["count"][..], &["migrate"]] {
        let why = at(&sqlite(&path), arguments).failed(1);
        assert!(why.contains("not a database"), "{why}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "text ".repeat(1000));
}

#[test]
fn migrate_keeps_the_sessions() {
    for shop in [Shop::of_sqlite(), Shop::of_postgres()] {
        let id = shop.visit();
        assert_eq!(shop.run(&["migrate"]).done(), UP_TO_DATE, "{}", shop.name);
        assert!(shop.is_alive(&id), "{}", shop.name);
    }
}

#[test]
fn a_user_who_may_only_use_the_tables_needs_no_more() {
    let (server, prefix) = (sql::server(), sql::prefix());
    let user = format!("{prefix}service");
    at(&server.url(), &["migrate", "--table-prefix", &prefix]).done();
    server.execute(&format!("CREATE ROLE {user} LOGIN"));
    let url = server.url().replace("shop@", &format!("{user}@"));
    let check = || at(&url, &["--table-prefix", &prefix, "check"]);
    let refused = check().failed(1);
    assert!(refused.contains("permission denied"), "{refused}");
    server.execute(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {prefix}sessions, {prefix}migrations TO {user}"));
    assert_eq!(check().done(), "ready\n");
    assert_eq!(at(&url, &["--table-prefix", &prefix, "end-all", "ada", "--yes"]).status, 1);
}

#[test]
fn tables_of_a_later_version_are_left_alone() {
    let (url, prefix) = (sql::server().url(), sql::prefix());
    let with = |arguments: &[&str]| at(&url, &[&["--table-prefix", &prefix], arguments].concat());
    with(&["migrate"]).done();
    sql::server().execute(&format!("INSERT INTO {prefix}migrations VALUES (99, 0)"));
    for arguments in [&["count"][..], &["check"], &["migrate"]] {
        let why = with(arguments).failed(1);
        assert!(why.contains("the tables have version 99") && why.contains("a later build"), "{why}");
    }
}

#[test]
fn only_databases_have_tables() {
    let shop = Shop::of_files();
    for url in [format!("file:{}", shop.sessions().display()), "redis://10.0.0.1".to_owned()] {
        let why = run(&["migrate", &url]).failed(2);
        assert!(why.contains("only storages in Postgres and in SQLite have tables"), "{why}");
    }
    let twice = at("sqlite:a.db", &["migrate", "sqlite:b.db"]).failed(2);
    assert!(twice.contains("the storage is named twice"), "{twice}");
    assert!(run(&["migrate"]).failed(2).contains("no storage is named"));
    // What is typed counts more than the environment.
    let path = shop.sessions().join("sessions.db");
    let environment = format!("file:{}", shop.sessions().display());
    let run = Run::of(command(&["migrate", &sqlite(&path)]).env("GSESSION_STORAGE", environment));
    assert!(run.done() == UP_TO_DATE && path.exists());
}

#[test]
fn tables_may_be_in_a_schema_of_their_own() {
    let (url, schema) = (sql::server().url(), sql::prefix());
    let with = |arguments: &[&str]| at(&url, &[&["--schema", &schema], arguments].concat());
    let missing = with(&["migrate"]).failed(1);
    assert!(missing.contains(&format!("schema \"{schema}\" does not exist")), "{missing}");
    sql::server().execute(&format!("CREATE SCHEMA {schema} AUTHORIZATION shop"));
    assert_eq!(with(&["migrate"]).done(), UP_TO_DATE);
    assert_eq!(Run::of(command(&["--storage", &url, "count"]).env("GSESSION_SCHEMA", &schema)).done(), "0\n");
    let tables = format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'");
    assert_ne!(sql::server().query(&tables), "0");
}

#[test]
fn options_of_other_storages_are_refused() {
    let refused = |url: &str, option: &[&str], why: &str| {
        let said = at(url, &[option, &["count"]].concat()).failed(2);
        assert!(said.contains(why), "{said}");
    };
    refused("sqlite:a.db", &["--schema", "a"], "--schema is for Postgres, and the storage is in SQLite");
    refused("sqlite:a.db", &["--username", "a"], "--username is for Redis and Postgres, and the storage is in SQLite");
    refused("postgres://h", &["--layout", "hashes"], "--layout is for Redis, and the storage is in Postgres");
    refused("postgres://h", &["--prefix", "a"], "--prefix is for Redis, and the storage is in Postgres");
    refused("postgres://h", &["--database", "1"], "--database is for Redis, and the storage is in Postgres");
    let tables = "--table-prefix is for Postgres and SQLite, and the storage is";
    refused("redis://h", &["--table-prefix", "a"], &format!("{tables} in Redis"));
    refused("file:a", &["--table-prefix", "a"], &format!("{tables} a folder"));
    refused("sqlite:", &[], "needs a path on this machine");
    let mixed = "several must all be those of Redis servers";
    refused("postgres://h", &["--storage", "postgres://i"], mixed);
    refused("sqlite:a.db", &["--storage", "redis://h"], mixed);
    // What the environment has for others means nothing.
    let folder = TempDir::new().unwrap();
    let url = sqlite(&folder.path().join("sessions.db"));
    let environment = [("GSESSION_PREFIX", "a:"), ("GSESSION_LAYOUT", "hashes"), ("GSESSION_SCHEMA", "b")];
    assert_eq!(Run::of(command(&["migrate", &url]).envs(environment)).done(), UP_TO_DATE);
}

#[test]
fn names_that_tables_cannot_have_are_refused() {
    let url = sql::server().url();
    for option in [["--table-prefix", "a; DROP TABLE b"], ["--table-prefix", ""], ["--schema", "a\"b"]] {
        let why = at(&url, &[&option[..], &["count"]].concat()).failed(1);
        assert!(why.contains("letters") && why.contains("digits"), "{why}");
    }
    let why = at("postgres://h:port/shop", &["count"]).failed(1);
    assert!(why.contains("the URL is not one of a Postgres server"), "{why}");
}

#[test]
fn a_password_for_postgres_comes_from_where_nobody_else_can_read_it() {
    let server = sql::server();
    let prefix = sql::prefix();
    let whole = server.url_with_password();
    let url = format!("postgres://guarded@127.0.0.1:{}/postgres", server.port());
    let count = ["--table-prefix", &*prefix, "count"];
    let with = |url: &str, password: &str| {
        Run::of(command(&[&["--storage", url], &count[..]].concat()).env("GSESSION_PASSWORD", password))
    };
    assert_eq!(
        Run::of(command(&["migrate", "--table-prefix", &prefix]).env("GSESSION_STORAGE", &whole)).done(),
        UP_TO_DATE
    );
    let refused = at(&url, &count).failed(1);
    assert!(refused.contains("password"), "{refused}");
    let refused = with(&url, "hunter3").failed(1);
    assert!(refused.contains("password authentication failed") && !refused.contains("hunter3"), "{refused}");
    assert_eq!(with(&url, PostgresServer::PASSWORD).done(), "0\n");
    // The URL comes first.
    assert_eq!(with(&whole, "hunter3").done(), "0\n");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("password");
    writeln!(fs::File::create(&file).unwrap(), "{}\nand a second line", PostgresServer::PASSWORD).unwrap();
    let nobody = url.replace("guarded@", "");
    let login = ["--username", "guarded", "--password-file", file.to_str().unwrap()];
    assert_eq!(at(&nobody, &[&login[..], &count].concat()).done(), "0\n");
}

#[test]
fn a_server_that_is_away_or_silent_is_named_in_time() {
    let mut server = PostgresServer::start();
    at(&server.url(), &["migrate"]).done();
    server.freeze();
    let why = at(&server.url(), &["--timeout", "1", "count"]).failed(1);
    assert!(why.contains("with a longer --timeout"), "{why}");
    server.kill();
    for arguments in [&["count"][..], &["check"], &["migrate"]] {
        let why = at(&server.url_with_password(), arguments).failed(1);
        assert!(why.contains("Connection refused"), "{why}");
    }
    let run = at(&server.url(), &["check", "--json"]);
    assert!(run.status == 1 && run.out.starts_with("{\"ready\":false,\"reason\":\"session storage: "), "{run:?}");
}
