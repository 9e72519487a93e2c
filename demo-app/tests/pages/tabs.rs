//! Tabs that write at once.

use actix_web::http::StatusCode;
use futures::future::{join, join_all};

use crate::{
    browser::Browser,
    demo::{in_folder, in_memory},
};

async fn burst(browser: &Browser, tab: &str, burst: &str) {
    let write = async |n: u32| {
        let n = n.to_string();
        browser.submit("/tabs/write", &[("tab", tab), ("burst", burst), ("n", &n)]).await
    };
    for answer in join_all((0..40).map(write)).await {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
}

/// How many entries of a burst are kept, and the counter.
async fn state(browser: &Browser, tab: &str, burst: &str) -> (usize, u64) {
    let answer = browser.get(&format!("/tabs/state?tab={tab}&burst={burst}")).await;
    let state: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    (state["kept"].as_array().unwrap().len(), state["counter"].as_u64().unwrap())
}

#[actix_web::test]
async fn two_bursts_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for demo in [in_memory(), in_folder(folder.path())] {
        let browser = Browser::of_ada(&demo).await;
        join(burst(&browser, "left", "1"), burst(&browser, "right", "1")).await;
        assert_eq!(state(&browser, "left", "1").await, (40, 80));
        assert_eq!(state(&browser, "right", "1").await, (40, 80));

        burst(&browser, "left", "2").await;
        assert_eq!(state(&browser, "left", "2").await, (40, 120));
        assert_eq!(state(&browser, "left", "1").await, (0, 120), "the second burst has replaced the first");
        let profile = browser.get("/").await;
        assert!(profile.body.contains("(80 entries)"), "{}", profile.body);

        browser.get("/tabs").await;
        let page = browser.submit_and_follow("/tabs/clear", &[]).await;
        assert_eq!(page.text("counter"), Some("0"));
        assert_eq!(state(&browser, "right", "1").await, (0, 0));
    }
}

#[actix_web::test]
async fn the_counter_needs_no_script() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    assert_eq!(browser.get("/tabs").await.text("counter"), Some("0"));
    assert_eq!(browser.submit_and_follow("/tabs/count", &[]).await.text("counter"), Some("1"));
    assert_eq!(browser.submit_and_follow("/tabs/count", &[]).await.text("counter"), Some("2"));
}

#[actix_web::test]
async fn a_burst_cannot_write_what_it_likes() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    for (tab, n) in [("", "0"), ("a.b", "0"), ("ä", "0"), ("seventeen-letters", "0"), ("a", "40"), ("a", "-1")] {
        let answer = browser.submit("/tabs/write", &[("tab", tab), ("burst", "1"), ("n", n)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{tab} {n}");
    }
    assert_eq!(state(&browser, "a", "1").await, (0, 0));
}

#[actix_web::test]
async fn a_full_session_says_so_and_keeps_what_it_has() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    let mut tabs = 0;
    let refused = loop {
        let write = async |n: u32| {
            let (tab, n) = (tabs.to_string(), n.to_string());
            browser.submit("/tabs/write", &[("tab", &tab), ("burst", "1"), ("n", &n)]).await
        };
        let answers = join_all((0..40).map(write)).await;
        if let Some(refused) = answers.into_iter().find(|answer| answer.status != StatusCode::OK) {
            break refused;
        }
        tabs += 1;
        assert!(tabs < 100, "no limit in sight");
    };
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(state(&browser, "0", "1").await.0, 40);
    let page = browser.submit_and_follow("/tabs/clear", &[]).await;
    assert_eq!((page.text("user"), page.text("counter")), (Some("ada"), Some("0")));
}
