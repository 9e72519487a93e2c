//! A deployment that adds `cookie_domain`: whoever was here before has two cookies of one name, and sends both.

use actix_web::{HttpResponse, Result, web};
use gsession::MemoryStorage;
use gsession_actix::{Session, SessionMiddleware};
use gsession_tests::{
    browser::Browser,
    site::{NAMES, Site, page},
};
use serde_json::json;

async fn visit(session: Session) -> Result<HttpResponse> {
    session.set("visited", &true)?;
    Ok(page("welcome"))
}

async fn login(session: Session) -> Result<HttpResponse> {
    session.renew()?;
    session.set_principal("ada")?;
    Ok(page("logged in"))
}

async fn write(session: Session) -> Result<HttpResponse> {
    let n = session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).await?;
    Ok(page(&format!("stored {n}")))
}

async fn user(session: Session) -> Result<HttpResponse> {
    Ok(page(&session.principal().await?.unwrap_or_else(|| "nobody".into())))
}

async fn logout(session: Session) -> Result<HttpResponse> {
    session.destroy();
    Ok(page("logged out"))
}

/// The site before and after the deployment.
fn site() -> Site {
    let storage = MemoryStorage::new();
    let plain = || SessionMiddleware::builder(storage.clone()).cookie_secure(false);
    let before = plain().build().expect("settings that fit");
    let after = plain().cookie_domain("app.test").build().expect("settings that fit");
    Site::start(move |config| {
        for (path, sessions) in [("/before", &before), ("/after", &after)] {
            let part = web::scope(path).wrap(sessions.clone());
            let part = part.route("/visit", web::get().to(visit)).route("/login", web::get().to(login));
            let part = part.route("/write", web::get().to(write)).route("/user", web::get().to(user));
            config.service(part.route("/logout", web::get().to(logout)));
        }
    })
}

async fn says(browser: &Browser, url: &str, text: &str) {
    browser.open(url).await;
    assert_eq!(browser.text("p").await, text, "{url}");
}

#[tokio::test]
async fn a_renewed_cookie_does_not_stand_in_the_way_of_the_living_one() {
    let site = site();
    let url = |path: &str| site.url("www.app.test", path);
    for first in ["visit", "login"] {
        let browser = Browser::with(&[NAMES], &json!({})).await;
        says(&browser, &url("/before/visit"), "welcome").await;
        if first == "login" {
            says(&browser, &url("/before/login"), "logged in").await;
        }
        // The new cookie cannot replace the old one, because that one has no domain.
        says(&browser, &url("/after/login"), "logged in").await;
        let mut domains: Vec<_> =
            browser.cookies().await.iter().filter_map(|c| c.domain().map(str::to_owned)).collect();
        domains.sort();
        assert_eq!(domains, ["app.test", "www.app.test"], "the browser holds both");

        says(&browser, &url("/after/user"), "ada").await;
        says(&browser, &url("/after/write"), "stored 1").await;
        says(&browser, &url("/after/login"), "logged in").await;
        says(&browser, &url("/after/user"), "ada").await;
        says(&browser, &url("/after/write"), "stored 2").await;

        says(&browser, &url("/after/logout"), "logged out").await;
        for path in ["/after/user", "/before/user"] {
            says(&browser, &url(path), "nobody").await;
        }
    }
}

#[tokio::test]
async fn a_logout_ends_what_is_under_either_cookie() {
    let site = site();
    let browser = Browser::with(&[NAMES], &json!({})).await;
    let (www, shop) = (|path: &str| site.url("www.app.test", path), |path: &str| site.url("shop.app.test", path));
    says(&browser, &www("/before/login"), "logged in").await;
    says(&browser, &shop("/after/login"), "logged in").await;
    assert_eq!(browser.cookies().await.len(), 1, "the shop does not get the other one");
    says(&browser, &www("/after/user"), "ada").await;
    let both = browser.cookies().await;
    assert_eq!(both.len(), 2);

    says(&browser, &www("/after/logout"), "logged out").await;
    for url in [shop("/after/user"), shop("/before/user"), www("/after/user"), www("/before/user")] {
        says(&browser, &url, "nobody").await;
    }
    // The browser has not merely forgotten them: the sessions are gone.
    for cookie in both {
        browser.put_cookie(cookie).await;
        says(&browser, &www("/after/user"), "nobody").await;
        says(&browser, &shop("/after/user"), "nobody").await;
        browser.open(&www("/after/user")).await;
    }
}
