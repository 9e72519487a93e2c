//! What a request allocates above the same handler without sessions. The counts are exact, so that a slower path shows as
//! another number.

use std::time::Duration;

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::header::{COOKIE, SET_COOKIE},
    rt::System,
    test::{TestRequest, call_service, init_service},
    web,
};
use gsession::{FileStorage, IntoStorage, MemoryStorage, RedisHashStorage, RedisStorage, storage::redis::NearCache};
use gsession_actix::{Session, SessionMiddleware};
use gsession_test_servers::RedisServer;
use tempfile::TempDir;

type Answer = actix_web::Result<&'static str>;

async fn untouched() -> &'static str {
    "ok"
}

async fn read(session: Session) -> Answer {
    session.get::<String>("user").await?.expect("it is logged in");
    Ok("ok")
}

async fn read_write(session: Session) -> Answer {
    let n: u64 = session.get("n").await?.expect("it is logged in");
    session.set("n", &(n + 1))?;
    Ok("ok")
}

async fn write(session: Session) -> Answer {
    session.set("n", &1)?;
    Ok("ok")
}

async fn login(session: Session) -> Answer {
    session.set("user", "ada")?;
    session.set("n", &100)?;
    Ok("ok")
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/untouched", web::get().to(untouched))
        .route("/read", web::get().to(read))
        .route("/read-write", web::get().to(read_write))
        .route("/write", web::get().to(write))
        .route("/login", web::get().to(login));
}

fn request(path: &str, cookie: &str) -> Request {
    TestRequest::with_uri(path).insert_header((COOKIE, cookie)).to_request()
}

async fn cookie_of<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
) -> String {
    let answer = call_service(app, request("/login", "other=1")).await;
    let line = answer.headers().get(SET_COOKIE).expect("a new session has a cookie").to_str().unwrap();
    line.split(';').next().unwrap().to_owned()
}

/// Allocations of this thread, where a worker's connections live as well, once everything stands. Of many calls the number is
/// the same, except where the client of Redis takes a new buffer, or a string in Redis is put together again.
fn allocations(system: &actix_web::rt::SystemRunner, mut call: impl AsyncFnMut()) -> u64 {
    const CALLS: usize = 99;
    for _ in 0..70 {
        system.block_on(call());
    }
    let mut counts: Vec<u64> =
        (0..CALLS).map(|_| allocation_counter::measure(|| system.block_on(call())).count_total).collect();
    counts.sort_unstable();
    let median = counts[CALLS / 2];
    let usual = counts.iter().filter(|&&count| count == median).count();
    assert!(usual > CALLS * 4 / 5, "not nearly always the same: {counts:?}");
    median
}

/// What `untouched`, `read`, `read-write` and `write` allocate above the same application without sessions.
fn above_bare(storage: impl IntoStorage) -> [u64; 4] {
    let system = System::new();
    let sessions = SessionMiddleware::builder(storage).cookie_secure(false).build().unwrap();
    let bare = system.block_on(init_service(App::new().route("/untouched", web::get().to(untouched))));
    let app = system.block_on(init_service(App::new().wrap(sessions).configure(routes)));
    let cookie = system.block_on(cookie_of(&app));
    // A session in a file is kept in memory once the kernel's clock has ticked since the file was created.
    std::thread::sleep(Duration::from_millis(50));
    let plain = allocations(&system, async || drop(call_service(&bare, request("/untouched", &cookie)).await));
    ["/untouched", "/read", "/read-write", "/write"].map(|path| {
        let total = allocations(&system, async || {
            let answer = call_service(&app, request(path, &cookie)).await;
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
        });
        total - plain
    })
}

#[test]
fn allocations_in_memory() {
    assert_eq!(above_bare(MemoryStorage::new()), [2, 4, 9, 10]);
}

/// Of the worker's thread: what the blocking thread pool does is not among them.
#[test]
fn allocations_in_files() {
    let folder = TempDir::new().unwrap();
    assert_eq!(above_bare(FileStorage::open(folder.path().join("sessions")).unwrap()), [2, 7, 15, 12]);
}

#[test]
fn allocations_in_redis() {
    let server = RedisServer::start();
    assert_eq!(above_bare(RedisStorage::builder(&server.url()).build().unwrap()), [2, 15, 30, 24]);
}

#[test]
fn allocations_in_redis_hashes() {
    let server = RedisServer::start();
    assert_eq!(above_bare(RedisHashStorage::builder(&server.url()).build().unwrap()), [2, 23, 39, 23]);
}

#[test]
fn allocations_near_redis() {
    let server = RedisServer::start();
    let storage = RedisStorage::builder(&server.url()).near_cache(NearCache::default()).build().unwrap();
    assert_eq!(above_bare(storage), [2, 7, 38, 29]);
}
