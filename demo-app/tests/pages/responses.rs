//! What every response has: security headers, and a page for every error.

use std::sync::atomic::Ordering;

use actix_web::{http::StatusCode, test::TestRequest};

use crate::{
    browser::{Browser, Page},
    demo::{in_memory, with_outages},
};

fn assert_protected(page: &Page) {
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
    // The policy would stop them, and the page would be broken.
    for inline in ["<script>", "<style", " style=", " onclick="] {
        assert!(!page.body.contains(inline), "{inline} in {}", page.body);
    }
}

fn assert_error_page(page: &Page, status: StatusCode) {
    assert_eq!(page.status, status);
    assert!(page.text("error").is_some_and(|title| !title.is_empty()), "{}", page.body);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_protected(page);
}

#[actix_web::test]
async fn every_page_is_protected_and_private() {
    let demo = in_memory();
    let browser = Browser::new(&demo).await;
    let login = browser.get("/login").await;
    assert_protected(&login);
    assert_eq!(login.header("cache-control"), Some("no-store"));
    browser.log_in("ada", "lovelace").await;
    for path in ["/", "/notes", "/tabs"] {
        let page = browser.get(path).await;
        assert_protected(&page);
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
    }
    for path in ["/static/style.css", "/static/tabs.js", "/static/icon.svg"] {
        let file = browser.get(path).await;
        assert_protected(&file);
        assert_eq!(file.header("cache-control"), Some("public, max-age=300"), "{path}");
        assert_eq!(file.header("set-cookie"), None);
    }
}

#[actix_web::test]
async fn what_does_not_exist_gets_a_page() {
    let demo = in_memory();
    let browser = Browser::new(&demo).await;
    assert_error_page(&browser.get("/nowhere").await, StatusCode::NOT_FOUND);
    assert_error_page(&browser.post("/nowhere", &[]).await, StatusCode::NOT_FOUND);
    assert_error_page(&browser.send(TestRequest::delete().uri("/notes")).await, StatusCode::METHOD_NOT_ALLOWED);
}

#[actix_web::test]
async fn an_outage_while_reading_is_a_page_and_no_logout() {
    let (demo, outages) = with_outages();
    let browser = Browser::of_ada(&demo).await;
    let cookie = browser.cookie();
    outages.reading.store(true, Ordering::SeqCst);
    for path in ["/", "/notes", "/tabs", "/login"] {
        let page = browser.get(path).await;
        assert_error_page(&page, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!page.body.contains("cellar"), "the cause is nobody's business");
    }
    outages.reading.store(false, Ordering::SeqCst);
    assert_eq!(browser.cookie(), cookie);
    assert_eq!(browser.get("/").await.text("user"), Some("ada"));
}

#[actix_web::test]
async fn an_outage_while_storing_is_a_page_and_no_false_success() {
    let (demo, outages) = with_outages();
    let browser = Browser::of_ada(&demo).await;
    browser.get("/notes").await;
    outages.writing.store(true, Ordering::SeqCst);

    // In the handler, and when the request is over and the session is to be stored.
    let note = browser.submit("/notes", &[("text", "lost")]).await;
    assert_error_page(&note, StatusCode::SERVICE_UNAVAILABLE);
    let logout = browser.submit("/logout", &[]).await;
    assert_error_page(&logout, StatusCode::SERVICE_UNAVAILABLE);
    let newcomer = Browser::new(&demo).await;
    let login = newcomer.get("/login").await;
    assert_error_page(&login, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(newcomer.cookie(), None);
    for page in [note, logout, login] {
        assert!(!page.body.contains("cellar"), "the cause is nobody's business");
    }

    outages.writing.store(false, Ordering::SeqCst);
    assert!(browser.get("/notes").await.notes().is_empty());
}
