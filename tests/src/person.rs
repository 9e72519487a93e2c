//! What a person does on the demo's pages.

use crate::{browser::Browser, demo::Demo};

/// Logs ada in by the form, and waits for her profile.
///
/// # Panics
///
/// When she is not logged in afterwards.
pub async fn log_in(browser: &Browser, demo: &Demo) {
    enter(browser, demo, "ada", "lovelace").await;
    assert_eq!(browser.text("#user").await, "ada");
}

/// Fills in the login form, sends it, and waits for what comes then.
pub async fn enter(browser: &Browser, demo: &Demo, name: &str, password: &str) {
    browser.open(&demo.url("/login")).await;
    browser.fill("#username", name).await;
    browser.fill("#password", password).await;
    browser.follow("#login").await;
}

/// How many sessions the profile lists, which is open.
pub async fn devices(browser: &Browser) -> usize {
    browser.texts("#devices tbody tr").await.len()
}
