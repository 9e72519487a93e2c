//! The real GoFrame and this library on one Redis: each logs in, and the other reads and changes the session.
//!
//! Needs Go, so it stands in a package of its own, which tests/run tests where Go is installed. What it shows is recorded for
//! everybody else: `cargo test -p gsession --all-features --test storages redis::goframe`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use gsession::{AnyStorage, RedisHashStorage, RedisStorage};
use gsession_actix::{SessionExt as _, SessionMiddleware};
use gsession_test_servers::{RedisServer, process::Process};
use gsession_tests::http;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

/// GoFrame's service, as tests/goframe/serve.go describes it.
struct GoFrame {
    _process: Process,
    address: String,
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| gsession_goframe::build(".", concat!(env!("CARGO_TARGET_TMPDIR"), "/goframe")))
}

impl GoFrame {
    fn start(redis: &RedisServer, storage: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        drop(listener);
        let server = format!("127.0.0.1:{}", redis.port());
        let arguments = ["serve", "-listen", &address, "-redis", &server, "-storage", storage, "-prefix", "shop:"];
        let mut process = Process::start(Command::new(program()).args(arguments));
        process.wait_for_line("that it listens", |line| line.strip_prefix("listening on ").map(|_| ()));
        Self { _process: process, address }
    }
}

/// This library's service, with the same routes as far as the test needs them.
async fn serve(storage: AnyStorage) -> String {
    let sessions = SessionMiddleware::builder(storage).cookie_name("gfsessionid").cookie_secure(false).build();
    let sessions = sessions.expect("these settings fit together");
    let server = HttpServer::new(move || {
        App::new()
            .wrap(sessions.clone())
            .route("/login", web::post().to(login))
            .route("/get", web::get().to(get))
            .route("/incr", web::post().to(increment))
            .route("/logout", web::post().to(logout))
            .route("/renew", web::post().to(renew))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .expect("a free port");
    let address = server.addrs()[0].to_string();
    actix_web::rt::spawn(server.run());
    address
}

async fn login(request: HttpRequest) -> actix_web::Result<HttpResponse> {
    let session = request.get_session();
    session.set("user", "ünïcode <ada>")?;
    session.set("visits", &1)?;
    session.set("ok", &true)?;
    session.set("roles", &["admin", "editor"])?;
    Ok(HttpResponse::Ok().finish())
}

async fn get(request: HttpRequest, key: web::Query<Key>) -> actix_web::Result<String> {
    Ok(request.get_session().get::<String>(&key.key).await?.unwrap_or_default())
}

async fn increment(request: HttpRequest, key: web::Query<Key>) -> actix_web::Result<String> {
    let next = request.get_session().update(&key.key, |n: Option<i64>| n.unwrap_or(0) + 1).await?;
    Ok(next.to_string())
}

async fn logout(request: HttpRequest) -> HttpResponse {
    request.get_session().destroy();
    HttpResponse::Ok().finish()
}

async fn renew(request: HttpRequest) -> actix_web::Result<HttpResponse> {
    request.get_session().renew()?;
    Ok(HttpResponse::Ok().finish())
}

#[derive(serde::Deserialize)]
struct Key {
    key: String,
}

/// Asks a service, with the session's cookie if there is one; its answer, and the cookie it sets.
async fn ask(address: &str, method: &str, path: &str, id: Option<&str>) -> (String, Option<String>) {
    let cookie = id.map(|id| format!("gfsessionid={id}"));
    let headers: Vec<(&str, Vec<u8>)> = cookie.into_iter().map(|cookie| ("cookie", cookie.into_bytes())).collect();
    let (address, method, path) = (address.to_owned(), method.to_owned(), path.to_owned());
    tokio::task::spawn_blocking(move || {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let reply = http::exchange(&address, &http::request(&method, &path, &headers, b"")).expect("an answer");
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text());
        (reply.text(), reply.cookie("gfsessionid").map(str::to_owned))
    })
    .await
    .expect("no panic")
}

/// What GoFrame says of an entry: as a text, and as a number.
async fn entry(goframe: &GoFrame, key: &str, id: &str) -> serde_json::Value {
    let (text, _) = ask(&goframe.address, "GET", &format!("/get?key={key}"), Some(id)).await;
    serde_json::from_str(&text).expect("JSON")
}

async fn both_ways(storage: &str) {
    let redis = RedisServer::start();
    let goframe = GoFrame::start(&redis, storage);
    let url = redis.url();
    let rust = serve(match storage {
        "redis" => {
            AnyStorage::new(RedisStorage::builder(&url).goframe().key_prefix("shop:").build().expect("a storage"))
        }
        _ => AnyStorage::new(RedisHashStorage::builder(&url).goframe().key_prefix("shop:").build().expect("a storage")),
    })
    .await;

    // GoFrame logs in; this library reads, counts and is read.
    let (_, cookie) = ask(&goframe.address, "POST", "/login?user=ada", None).await;
    let id = cookie.expect("GoFrame sets a cookie");
    assert_eq!(ask(&rust, "GET", "/get?key=user", Some(&id)).await.0, "ada");
    assert_eq!(ask(&rust, "POST", "/incr?key=visits", Some(&id)).await.0, "2");
    assert_eq!(ask(&goframe.address, "POST", "/incr?key=visits", Some(&id)).await.0, "3");
    assert_eq!(ask(&rust, "POST", "/incr?key=visits", Some(&id)).await.0, "4");
    assert_eq!(entry(&goframe, "visits", &id).await["int"], 4);
    assert_eq!(entry(&goframe, "user", &id).await["text"], "ada");
    // A renewal here takes everything along, and GoFrame finds it under the new id and nothing under the old one.
    let (_, cookie) = ask(&rust, "POST", "/renew", Some(&id)).await;
    let renewed = cookie.expect("a renewal sets a cookie");
    assert_eq!(entry(&goframe, "user", &renewed).await["text"], "ada");
    assert_eq!(entry(&goframe, "user", &id).await, serde_json::Value::Null);
    // A logout here is one there.
    ask(&rust, "POST", "/logout", Some(&renewed)).await;
    assert_eq!(entry(&goframe, "user", &renewed).await, serde_json::Value::Null);

    // This library logs in; GoFrame reads, counts, and logs out.
    let (_, cookie) = ask(&rust, "POST", "/login", None).await;
    let id = cookie.expect("a login sets a cookie");
    assert_eq!(id.len(), 32);
    assert_eq!(entry(&goframe, "user", &id).await["text"], "ünïcode <ada>");
    assert_eq!(ask(&goframe.address, "POST", "/incr?key=visits", Some(&id)).await.0, "2");
    assert_eq!(ask(&rust, "POST", "/incr?key=visits", Some(&id)).await.0, "3");
    assert_eq!(entry(&goframe, "roles", &id).await["text"], r#"["admin","editor"]"#);
    ask(&goframe.address, "POST", "/logout", Some(&id)).await;
    assert_eq!(ask(&rust, "GET", "/get?key=user", Some(&id)).await.0, "");
}

#[actix_web::test]
async fn on_the_string_storage() {
    both_ways("redis").await;
}

#[actix_web::test]
async fn on_the_hash_storage() {
    both_ways("redis-hash").await;
}
