//! A real browser that another library has logged in, and the server that changes under it.

use gsession::{MemoryStorage, http::import::Import};
use gsession_imports::{
    ours::{COOKIE, Framework, Ours},
    peers::{ActixPeer, Content, TowerPeer, TowerPlace},
    place::{Place, Server},
};
use gsession_test_servers::RedisServer;
use gsession_tests::browser::Browser;

use crate::scene::{PEER, of_cookies, of_tower};

async fn shows(browser: &Browser, place: &Place, page: &str, text: &str) {
    browser.open(&place.url(page)).await;
    assert_eq!(browser.text("body").await, text, "{page}");
}

async fn cookies(browser: &Browser) -> Vec<String> {
    browser.cookies().await.into_iter().map(|cookie| cookie.name().to_owned()).collect()
}

/// The server stops, another one starts at the same address, and the person notices nothing.
async fn stays_logged_in(import: Import, serve: impl FnOnce(&Place) -> Server, framework: Framework) {
    let (place, browser) = (Place::new(), Browser::start().await);
    let server = serve(&place);
    shows(&browser, &place, "/login", "ok").await;
    shows(&browser, &place, "/whoami", "ada").await;
    let old = browser.cookies().await.remove(0);
    assert_eq!(old.name(), PEER);
    drop(server);

    let _server = Ours::new(MemoryStorage::new(), import).serve(framework, &place);
    // Five tabs come back at once.
    let pages = "Promise.all([1, 2, 3, 4, 5].map(() => fetch('/visit').then(reply => reply.text())))";
    browser
        .run(&format!("window.counts = null; {pages}.then(counts => {{ window.counts = counts.sort().join() }})"))
        .await;
    gsession_tests::wait::eventually("five answers", async || {
        browser.run("return window.counts").await.as_str().map(|counts| assert_eq!(counts, "4,5,6,7,8"))
    })
    .await;
    assert_eq!(cookies(&browser).await, [COOKIE], "the new cookie takes the place of the old one");
    shows(&browser, &place, "/whoami", "ada").await;
    shows(&browser, &place, "/visit", "9").await;

    shows(&browser, &place, "/logout", "ok").await;
    assert!(cookies(&browser).await.is_empty());
    browser.put_cookie(old).await;
    assert_eq!(cookies(&browser).await, [PEER]);
    for page in ["/whoami", "/principal"] {
        shows(&browser, &place, page, "nobody").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_from_actix_session_stays_logged_in() {
    let peer = ActixPeer::cookies(Content::Private);
    stays_logged_in(of_cookies(&peer), |place| peer.serve(place), Framework::Actix).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_from_tower_sessions_stays_logged_in() {
    let redis = RedisServer::start();
    let peer = TowerPeer::new(TowerPlace::Redis(redis.url()));
    stays_logged_in(of_tower(&peer), |place| peer.serve(place), Framework::Axum).await;
}
