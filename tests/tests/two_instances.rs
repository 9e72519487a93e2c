//! Two instances of the demo on one Redis server, as behind a load balancer: a person logs in on one and out on the other.

use gsession_test_servers::RedisServer;
use gsession_tests::{browser::Browser, demo::Demo, wait};

async fn shared_by_two(arguments: &[&str], kept_in: &str) {
    let server = RedisServer::start();
    let url = server.url();
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--redis-url", &url]).collect();
    let (one, other) = (Demo::over(&arguments), Demo::over(&arguments));
    // Cookies belong to a host, whatever the port, so both instances get the same one.
    let browser = Browser::start().await;
    browser.open(&one.url("/login")).await;
    browser.fill("#username", "ada").await;
    browser.fill("#password", "lovelace").await;
    browser.follow("#login").await;
    assert_eq!(browser.text("#user").await, "ada");

    browser.open(&other.url("/")).await;
    assert_eq!(browser.text("#user").await, "ada", "logged in on one, not on the other");
    let page = browser.text("main").await;
    assert!(page.contains(kept_in) && page.contains(&server.port().to_string()), "{page}");
    assert!(page.contains(other.address()), "the instance does not say which one it is: {page}");
    browser.picture(&format!("two-instances-{}", arguments[1])).await;
    // Seen on the first one as well, so that it has something to forget.
    browser.open(&one.url("/")).await;
    assert_eq!(browser.text("#user").await, "ada");
    browser.open(&one.url("/")).await;
    assert_eq!(browser.text("#user").await, "ada");

    browser.open(&other.url("/")).await;
    browser.follow("#logout").await;
    wait::eventually("the logout being seen by the first instance", async || {
        browser.open(&one.url("/")).await;
        (!browser.shows("#user").await).then_some(())
    })
    .await;
    assert_eq!(browser.path().await, "/login");
    browser.open(&other.url("/")).await;
    assert_eq!(browser.path().await, "/login");
}

#[tokio::test]
async fn one_string_a_session() {
    shared_by_two(&["--storage", "redis"], "a string in Redis").await;
}

#[tokio::test]
async fn one_hash_a_session() {
    shared_by_two(&["--storage", "redis-hash"], "a hash in Redis").await;
}

#[tokio::test]
async fn with_a_near_cache() {
    shared_by_two(&["--storage", "redis", "--near-cache"], "near cache on").await;
}
