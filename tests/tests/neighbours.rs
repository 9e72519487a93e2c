//! Two applications of one host with the default cookie each: cookies know neither ports nor, with `Path=/`, paths.

use actix_web::{
    HttpResponse, Result,
    web::{self, ServiceConfig},
};
use gsession::MemoryStorage;
use gsession_actix::{Session, SessionMiddleware};
use gsession_tests::{
    browser::Browser,
    site::{Site, page},
};

async fn login(session: Session) -> Result<HttpResponse> {
    session.renew()?;
    session.set_principal("ada")?;
    Ok(page("logged in"))
}

async fn user(session: Session) -> Result<HttpResponse> {
    Ok(page(&session.principal().await?.unwrap_or_else(|| "nobody".into())))
}

/// An application of its own below `path`, with a storage of its own.
fn application(path: &'static str) -> impl Fn(&mut ServiceConfig) + Clone + Send {
    let sessions = SessionMiddleware::new(MemoryStorage::new());
    move |config| {
        let routes = web::scope(path).wrap(sessions.clone()).route("/login", web::get().to(login));
        config.service(routes.route("/user", web::get().to(user)));
    }
}

/// Looks at one application while logged in to the other, which must notice nothing.
async fn look_at(browser: &Browser, other: &str, mine: &str) {
    browser.open(&format!("{mine}/login")).await;
    for _ in 0..2 {
        browser.open(&format!("{other}/user")).await;
        assert_eq!(browser.text("p").await, "nobody", "the id opens nothing there");
        browser.open(&format!("{mine}/user")).await;
        assert_eq!(browser.text("p").await, "ada", "looking at {other} has logged out of {mine}");
    }
}

#[tokio::test]
async fn looking_at_an_application_on_another_port_logs_out_of_nothing() {
    let (one, other) = (Site::start(application("/app")), Site::start(application("/app")));
    let browser = Browser::start().await;
    let (one, other) = (one.url("localhost", "/app"), other.url("localhost", "/app"));
    look_at(&browser, &other, &one).await;
    look_at(&browser, &one, &other).await;
}

#[tokio::test]
async fn looking_at_an_application_on_another_path_logs_out_of_nothing() {
    let (shop, blog) = (application("/shop"), application("/blog"));
    let site = Site::start(move |config| {
        shop(config);
        blog(config);
    });
    let browser = Browser::start().await;
    look_at(&browser, &site.url("localhost", "/blog"), &site.url("localhost", "/shop")).await;
    look_at(&browser, &site.url("localhost", "/shop"), &site.url("localhost", "/blog")).await;
}
