//! What the profile says about the storage, and about the instance that served the page.

use gsession_test_servers::{PostgresServer, RedisServer};

use crate::{
    browser::{Browser, Page},
    demo::opened,
};

/// What the profile says of something.
fn fact<'a>(profile: &'a Page, name: &str) -> &'a str {
    let (_, rest) = profile.body.split_once(&format!("<dt>{name}</dt>")).unwrap();
    rest.split_once("<span>").unwrap().1.split('<').next().unwrap()
}

async fn profile(arguments: &[&str]) -> Page {
    let page = Browser::of_ada(&opened(arguments).await).await.get("/").await;
    assert_eq!(page.text("user"), Some("ada"));
    assert!(fact(&page, "Served by").ends_with(&format!("(process {})", std::process::id())));
    page
}

const SURVIVES: &str = "Restart the server and reload this page";

#[actix_web::test]
async fn the_memory_of_a_process_does_not_survive_it() {
    let page = profile(&["--storage", "memory"]).await;
    assert_eq!(fact(&page, "Kept in"), "the memory of this process");
    assert!(!page.body.contains(SURVIVES));
}

#[actix_web::test]
async fn files_are_named_by_their_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("sessions");
    let folder = folder.to_str().unwrap();
    let page = profile(&["--storage", "file", "--session-dir", folder]).await;
    assert_eq!(fact(&page, "Kept in"), format!("a file in {folder}"));
    assert!(page.body.contains(SURVIVES));
}

#[actix_web::test]
async fn a_redis_server_is_named_without_its_login() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let socket = socket.to_str().unwrap();
    let server = RedisServer::builder().set("requirepass", "right-secret").set("unixsocket", socket).start();
    let port = server.port();
    let url = format!("redis://:right-secret@127.0.0.1:{port}");
    for (arguments, place) in [
        (&["redis", "--redis-url", &url][..], format!("a string in Redis at 127.0.0.1:{port}/0, near cache off")),
        (
            &["redis-hash", "--near-cache", "--redis-url", &format!("{url}/3")],
            format!("a hash in Redis at 127.0.0.1:{port}/3, near cache on"),
        ),
        (
            &["redis", "--redis-url", &format!("unix://{socket}?db=2&pass=right-secret")],
            format!("a string in Redis at {socket}, database 2, near cache off"),
        ),
    ] {
        let page = profile(&[&["--storage"], arguments].concat()).await;
        assert_eq!(fact(&page, "Kept in"), place);
        assert!(page.body.contains(SURVIVES) && !page.body.contains("right-secret"), "{}", page.body);
    }
}

#[actix_web::test]
async fn a_file_of_sqlite_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let file = file.to_str().unwrap();
    let page = profile(&["--storage", "sqlite", "--sqlite-file", file]).await;
    assert_eq!(fact(&page, "Kept in"), format!("a row in the SQLite file {file}"));
    assert!(page.body.contains(SURVIVES));
}

#[actix_web::test]
async fn a_postgres_server_is_named_without_its_login() {
    let server = PostgresServer::start();
    let page = profile(&["--storage", "postgres", "--migrate", "--postgres-url", &server.url_with_password()]).await;
    assert_eq!(fact(&page, "Kept in"), format!("a row in Postgres at 127.0.0.1:{}/postgres", server.port()));
    assert!(page.body.contains(SURVIVES) && !page.body.contains("s3cret"), "{}", page.body);
}
