//! Two windows of one user in a real browser: a logout in the first closes the stream of events and the WebSocket of the second. The
//! service is the example `close_on_logout`.

#[path = "../../actix/examples/close_on_logout/events.rs"]
mod events;
#[path = "../../actix/examples/close_on_logout/service.rs"]
mod service;
#[path = "../../actix/examples/close_on_logout/socket.rs"]
mod socket;

use gsession::{FileStorage, IntoStorage, MemoryStorage, RedisStorage};
use gsession_test_servers::RedisServer;
use gsession_tests::{browser::Browser, site::Site, wait::eventually};

async fn shows(browser: &Browser, text: &str) {
    eventually(&format!("both say {text}"), async || {
        let both = [browser.text("#events").await, browser.text("#socket").await];
        both.iter().all(|said| said == text).then_some(())
    })
    .await;
}

/// The windows are served by two instances of the service, which share nothing but the storage.
async fn a_logout_in_the_first_window_is_shown_by_the_second<S: IntoStorage>(what: &str, storage: impl Fn() -> S) {
    let sites = [(); 2].map(|()| {
        let sessions = service::sessions(storage()).expect("the settings are valid");
        Site::start(move |config| service::routes(&sessions)(config))
    });
    let browser = Browser::start().await;
    let first = browser.tab().await;
    // Cookies ignore ports, so both instances get the same one.
    browser.open(&sites[0].url("localhost", "/")).await;
    browser.follow("#log-in").await;
    shows(&browser, "hello ada").await;
    let second = browser.new_tab().await;
    browser.open(&sites[1].url("localhost", "/")).await;
    shows(&browser, "hello ada").await;

    browser.switch_to(&first).await;
    browser.follow("#log-out").await;
    browser.switch_to(&second).await;
    shows(&browser, "logged out").await;
    browser.picture(&format!("closed-on-logout-{what}")).await;
}

#[tokio::test]
async fn a_logout_in_one_window_closes_what_is_open_in_another() {
    let memory = MemoryStorage::new();
    a_logout_in_the_first_window_is_shown_by_the_second("memory", || memory.clone()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions");
    let files = || FileStorage::open(&path).expect("the folder is good");
    a_logout_in_the_first_window_is_shown_by_the_second("files", files).await;
    let server = RedisServer::start();
    let redis = || RedisStorage::builder(&server.url()).build().expect("the URL is good");
    a_logout_in_the_first_window_is_shown_by_the_second("redis", redis).await;
}
