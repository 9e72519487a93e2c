//! "Remember me" in a browser that is closed and opened again.

use std::time::Duration;

use actix_web::{HttpResponse, Result, web};
use gsession::{Login, MemoryStorage};
use gsession_actix::{CookieMaxAge, Session, SessionMiddleware};
use gsession_tests::{
    browser::Browser,
    demo::Demo,
    person::log_in,
    site::{Site, page},
};

const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Parts of a site, each with a cookie of its own, and what becomes of their logins when the browser is closed.
const PARTS: [(&str, CookieMaxAge, &str, &str); 4] = [
    ("/brief", CookieMaxAge::BrowserSession, "/login", "nobody"),
    ("/brief-remembered", CookieMaxAge::BrowserSession, "/remember", "ada"),
    ("/kept", CookieMaxAge::Lifetime, "/login", "ada"),
    ("/kept-remembered", CookieMaxAge::Lifetime, "/remember", "ada"),
];

async fn ordinary(session: Session) -> Result<HttpResponse> {
    session.log_in("ada").await?;
    Ok(page("logged in"))
}

async fn remembered(session: Session) -> Result<HttpResponse> {
    session.log_in(Login::new("ada").remember_for(MONTH)).await?;
    Ok(page("logged in"))
}

async fn user(session: Session) -> Result<HttpResponse> {
    Ok(page(session.principal().await?.as_deref().unwrap_or("nobody")))
}

#[tokio::test]
async fn a_browser_that_is_closed_keeps_what_is_remembered_or_configured_and_nothing_else() {
    let storage = MemoryStorage::new();
    let parts = PARTS.map(|(path, max_age, ..)| {
        let builder = SessionMiddleware::builder(storage.clone()).cookie_name(&path[1..]).cookie_secure(false);
        (path, builder.cookie_max_age(max_age).build().expect("settings that fit"))
    });
    let site = Site::start(move |config| {
        for (path, sessions) in &parts {
            let part = web::scope(path).wrap(sessions.clone()).route("/login", web::get().to(ordinary));
            let part = part.route("/remember", web::get().to(remembered)).route("/user", web::get().to(user));
            config.service(part);
        }
    });
    let browser = Browser::start().await;
    for (part, _, login, _) in PARTS {
        browser.open(&site.url("localhost", &format!("{part}{login}"))).await;
        browser.open(&site.url("localhost", &format!("{part}/user"))).await;
        assert_eq!(browser.text("p").await, "ada", "{part}");
    }
    let browser = browser.closed_and_opened_again().await;
    for (part, _, _, afterwards) in PARTS {
        browser.open(&site.url("localhost", &format!("{part}/user"))).await;
        assert_eq!(browser.text("p").await, afterwards, "{part}");
    }
    // The next login decides anew, for the same cookie.
    browser.open(&site.url("localhost", "/brief-remembered/login")).await;
    browser.open(&site.url("localhost", "/brief/remember")).await;
    let browser = browser.closed_and_opened_again().await;
    for (part, afterwards) in [("/brief-remembered", "nobody"), ("/brief", "ada")] {
        browser.open(&site.url("localhost", &format!("{part}/user"))).await;
        assert_eq!(browser.text("p").await, afterwards, "{part}, after another login");
    }
}

#[tokio::test]
async fn the_box_of_the_demo_decides_what_a_closed_browser_keeps() {
    let demo = Demo::start();
    for (ticks, path) in [(false, "/login"), (true, "/")] {
        let browser = Browser::start().await;
        if ticks {
            browser.open(&demo.url("/login")).await;
            browser.fill("#username", "ada").await;
            browser.fill("#password", "lovelace").await;
            browser.click("#remember").await;
            browser.picture("remember").await;
            browser.follow("#login").await;
        } else {
            log_in(&browser, &demo).await;
        }
        assert_eq!(browser.text("#user").await, "ada");
        let browser = browser.closed_and_opened_again().await;
        browser.open(&demo.url("/")).await;
        assert_eq!(browser.path().await, path, "ticked: {ticks}");
    }
}
