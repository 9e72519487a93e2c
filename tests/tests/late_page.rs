//! A page that is asked for before a login or a logout, and answered after it, must not take the new cookie away.

use std::sync::Arc;

use actix_web::{HttpResponse, Result, web};
use gsession::MemoryStorage;
use gsession_actix::{Session, SessionMiddleware};
use gsession_tests::{
    browser::Browser,
    site::{Site, page},
};
use tokio::sync::Semaphore;

/// Where the late page waits before it looks at its session.
struct Gate {
    arrived: Semaphore,
    opened: Semaphore,
}

async fn late(session: Session, gate: web::Data<Gate>) -> Result<HttpResponse> {
    gate.arrived.add_permits(1);
    gate.opened.acquire().await.expect("it is never closed").forget();
    user(session).await
}

async fn visit(session: Session) -> Result<HttpResponse> {
    session.set("visited", &true)?;
    Ok(page("welcome"))
}

async fn login(session: Session) -> Result<HttpResponse> {
    session.renew()?;
    session.set_principal("ada")?;
    Ok(page("logged in"))
}

async fn logout(session: Session) -> Result<HttpResponse> {
    session.destroy();
    Ok(page("logged out"))
}

async fn user(session: Session) -> Result<HttpResponse> {
    Ok(page(&session.principal().await?.unwrap_or_else(|| "nobody".into())))
}

/// Opens the pages `first`, asks for the late one, opens the pages `meanwhile`, and only then lets the late one look at its
/// session. The browser then has to be logged in.
async fn stays_logged_in(first: &[&str], meanwhile: &[&str]) {
    let gate = Arc::new(Gate { arrived: Semaphore::new(0), opened: Semaphore::new(0) });
    let data = web::Data::from(Arc::clone(&gate));
    let sessions = SessionMiddleware::new(MemoryStorage::new());
    let site = Site::start(move |config| {
        let routes = web::scope("").wrap(sessions.clone()).app_data(data.clone());
        let routes = routes.route("/late", web::get().to(late)).route("/visit", web::get().to(visit));
        let routes = routes.route("/login", web::get().to(login)).route("/logout", web::get().to(logout));
        config.service(routes.route("/user", web::get().to(user)));
    });
    let browser = Browser::start().await;
    for path in first {
        browser.open(&site.url("localhost", path)).await;
    }
    browser.run("window.late = fetch('/late').then(page => page.text()); return ''").await;
    gate.arrived.acquire().await.expect("it is never closed").forget();
    for path in meanwhile {
        browser.run(&format!("return fetch('{path}').then(page => page.text())")).await;
    }
    let before = browser.cookies().await;
    assert_eq!(before.len(), 1);
    gate.opened.add_permits(1);
    let shown = browser.run("return window.late").await;
    assert!(shown.as_str().is_some_and(|shown| shown.contains("nobody")), "its id opens nothing any more: {shown}");

    assert_eq!(browser.cookies().await, before, "the late page has changed the cookie");
    browser.open(&site.url("localhost", "/user")).await;
    assert_eq!(browser.text("p").await, "ada");
}

#[tokio::test]
async fn a_page_from_before_a_login_leaves_the_new_cookie_alone() {
    stays_logged_in(&["/visit"], &["/login"]).await;
}

#[tokio::test]
async fn a_page_from_before_two_renewals_leaves_the_new_cookie_alone() {
    stays_logged_in(&["/visit"], &["/login", "/login"]).await;
}

#[tokio::test]
async fn a_page_from_before_a_logout_leaves_the_next_login_alone() {
    stays_logged_in(&["/visit", "/login"], &["/logout", "/login"]).await;
}
