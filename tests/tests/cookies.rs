//! What a real browser makes of the session's cookies: which ones it keeps over plain HTTP, what scripts can do to them, and
//! what it keeps for pages embedded in another site.

use std::sync::{Arc, Mutex};

use actix_web::{HttpRequest, HttpResponse, Result, http::header::COOKIE, web};
use gsession::MemoryStorage;
use gsession_actix::{SameSite, Session, SessionMiddleware, SessionMiddlewareBuilder};
use gsession_tests::{
    browser::Browser,
    site::{NAMES, page},
};
use serde_json::json;

/// The default cookie.
const NAME: &str = "__Host-Http-gsession";

type Configure = fn(SessionMiddlewareBuilder) -> SessionMiddlewareBuilder;

/// Parts of the site, each with a session middleware of its own.
const PARTS: [(&str, Configure); 7] = [
    ("/default", |b| b),
    ("/private", |b| b.cookie_name("private").no_store_when_logged_in(true)),
    ("/host", |b| b.cookie_name("__Host-sid")),
    ("/secure", |b| b.cookie_name("sid")),
    ("/plain", |b| b.cookie_name("plain").cookie_secure(false)),
    ("/embedded", |b| b.cookie_name("embedded").cookie_same_site(SameSite::None)),
    ("/partitioned", |b| b.cookie_name("partitioned").cookie_same_site(SameSite::None).cookie_partitioned(true)),
];

/// The `Cookie` header of the last request to `/seen`.
type Seen = Arc<Mutex<String>>;

/// The parts, and what the last request carried.
struct Site {
    site: gsession_tests::site::Site,
    seen: Seen,
}

async fn login(session: Session) -> Result<HttpResponse> {
    session.set("user", "ada")?;
    session.set_principal("ada")?;
    Ok(page("logged in"))
}

async fn user(session: Session) -> Result<HttpResponse> {
    Ok(page(&session.get::<String>("user").await?.unwrap_or_else(|| "nobody".to_owned())))
}

async fn logout(session: Session) -> Result<HttpResponse> {
    session.destroy();
    Ok(page("logged out"))
}

async fn seen(req: HttpRequest, seen: web::Data<Seen>) -> Result<HttpResponse> {
    let cookies = req.headers().get(COOKIE).map_or("", |line| line.to_str().expect("ASCII"));
    cookies.clone_into(&mut seen.lock().unwrap());
    Ok(page("seen"))
}

impl Site {
    fn start() -> Self {
        let storage = MemoryStorage::new();
        let parts = PARTS.map(|(path, configure)| {
            (path, configure(SessionMiddleware::builder(storage.clone())).build().expect("settings that fit"))
        });
        let seen_last = Seen::default();
        let data = web::Data::new(seen_last.clone());
        let site = gsession_tests::site::Site::start(move |config| {
            config.app_data(data.clone()).route("/seen", web::get().to(seen));
            for (path, sessions) in &parts {
                let part = web::scope(path).wrap(sessions.clone());
                let part = part.route("/login", web::get().to(login)).route("/user", web::get().to(user));
                config.service(part.route("/logout", web::get().to(logout)));
            }
        });
        Self { site, seen: seen_last }
    }

    fn url(&self, host: &str, path: &str) -> String {
        self.site.url(host, path)
    }

    /// The cookies that the last request to `/seen` carried, sorted.
    fn seen(&self) -> Vec<(String, String)> {
        let seen = self.seen.lock().unwrap();
        let pairs = seen.split("; ").filter_map(|pair| pair.split_once('='));
        let mut pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        pairs.sort();
        pairs
    }

    fn seen_names(&self) -> Vec<String> {
        self.seen().into_iter().map(|(name, _)| name).collect()
    }
}

/// Logs in to some parts of the site and gives the names of the cookies that the browser has kept and of those that it sends.
async fn kept_and_sent(browser: &Browser, site: &Site, host: &str, parts: &[&str]) -> (Vec<String>, Vec<String>) {
    for part in parts {
        browser.open(&site.url(host, &format!("{part}/login"))).await;
        assert_eq!(browser.text("p").await, "logged in", "{host}");
    }
    let mut kept: Vec<_> = browser.cookies().await.iter().map(|cookie| cookie.name().to_owned()).collect();
    kept.sort();
    browser.open(&site.url(host, "/seen")).await;
    (kept, site.seen_names())
}

/// Where nobody can be in between, Chromium takes plain HTTP for secure.
#[tokio::test]
async fn chromium_keeps_secure_cookies_over_plain_http_on_this_machine_only() {
    let site = Site::start();
    let browser = Browser::with(&[NAMES], &json!({})).await;
    let parts = ["/default", "/host", "/secure", "/plain"];
    for host in ["localhost", "127.0.0.1", "app.localhost"] {
        let (kept, sent) = kept_and_sent(&browser, &site, host, &parts).await;
        assert_eq!(kept, [NAME, "__Host-sid", "plain", "sid"], "{host}");
        assert_eq!(sent, kept, "{host}");
    }
    // The address is the same, but the name could be anybody's.
    for host in ["app.test", "www.app.test"] {
        let (kept, sent) = kept_and_sent(&browser, &site, host, &parts).await;
        assert_eq!(kept, ["plain"], "{host}: cookie_secure(false) is what plain HTTP needs");
        assert_eq!(sent, kept, "{host}");
    }
}

#[tokio::test]
async fn the_default_cookie_comes_back_until_the_logout() {
    let site = Site::start();
    let browser = Browser::start().await;
    let url = |path: &str| site.url("localhost", path);
    browser.open(&url("/default/user")).await;
    assert_eq!(browser.text("p").await, "nobody");
    browser.open(&url("/default/login")).await;
    browser.open(&url("/default/user")).await;
    assert_eq!(browser.text("p").await, "ada");
    let cookies = browser.cookies().await;
    let [cookie] = &cookies[..] else { panic!("not one cookie: {cookies:?}") };
    assert_eq!(cookie.name(), NAME);
    assert_eq!((cookie.secure(), cookie.http_only(), cookie.path()), (Some(true), Some(true), Some("/")));
    assert_eq!(cookie.domain(), Some("localhost"), "without a dot: for this host alone");
    browser.open(&url("/default/logout")).await;
    assert!(browser.cookies().await.is_empty());
    browser.open(&url("/default/user")).await;
    assert_eq!(browser.text("p").await, "nobody");
}

/// What `no_store_when_logged_in` is for.
#[tokio::test]
async fn back_after_the_logout_shows_what_was_not_kept_out_of_caches() {
    let site = Site::start();
    for (part, shown) in [("/default", "ada"), ("/private", "nobody")] {
        let browser = Browser::start().await;
        let path = format!("{part}/user");
        browser.open(&site.url("localhost", &format!("{part}/login"))).await;
        browser.open(&site.url("localhost", &path)).await;
        assert_eq!(browser.text("p").await, "ada", "{part}");
        browser.open(&site.url("localhost", &format!("{part}/logout"))).await;
        browser.back().await;
        assert_eq!(browser.path().await, path);
        assert_eq!(browser.text("p").await, shown, "{part}");
    }
}

/// Every way a script has to set a cookie, told what happened.
fn by_script(name: &str) -> [String; 3] {
    [
        format!("document.cookie = '{name}=planted; Secure; Path=/'; return 'done'"),
        format!("document.cookie = '{name}=planted; Secure; HttpOnly; Path=/'; return 'done'"),
        format!("return cookieStore.set('{name}', 'planted').then(() => 'done', error => error.name)"),
    ]
}

#[tokio::test]
async fn scripts_neither_read_nor_overwrite_the_default_cookie() {
    let site = Site::start();
    let browser = Browser::start().await;
    let seen = site.url("localhost", "/seen");
    browser.open(&site.url("localhost", "/default/login")).await;
    browser.open(&seen).await;
    let before = site.seen();
    assert_eq!(site.seen_names(), [NAME]);

    assert_eq!(browser.run("return document.cookie").await, "");
    let listed = browser.run("return cookieStore.getAll().then(cookies => cookies.length)").await;
    assert_eq!(listed, 0);
    for name in [NAME, "__host-http-gsession", "__HOST-HTTP-GSESSION"] {
        for script in by_script(name) {
            browser.run(&script).await;
            browser.open(&seen).await;
            assert_eq!(site.seen(), before, "{script}");
        }
    }
    let delete = format!("document.cookie = '{NAME}=; Secure; Path=/; Max-Age=0'");
    let delete_async = format!("return cookieStore.delete('{NAME}').then(() => 'done', error => error.name)");
    for script in [delete, delete_async] {
        browser.run(&script).await;
        browser.open(&seen).await;
        assert_eq!(site.seen(), before, "{script}");
    }
    browser.open(&site.url("localhost", "/default/user")).await;
    assert_eq!(browser.text("p").await, "ada");
}

/// What `__Host-Http-` adds to `__Host-` and `HttpOnly`: no script can put such a cookie there before the server does.
#[tokio::test]
async fn scripts_cannot_plant_the_default_cookie_where_there_is_none() {
    let site = Site::start();
    let browser = Browser::start().await;
    let seen = site.url("localhost", "/seen");
    browser.open(&seen).await;
    for name in [NAME, "__host-http-gsession", "__Http-sid"] {
        for script in by_script(name) {
            browser.run(&script).await;
            browser.open(&seen).await;
            assert_eq!(site.seen(), [], "{script}");
        }
    }
    // With the older prefix they can.
    let [script, ..] = by_script("__Host-sid");
    browser.run(&script).await;
    browser.open(&seen).await;
    assert_eq!(site.seen(), [("__Host-sid".to_owned(), "planted".to_owned())]);
}

/// Loads a page of another site in an iframe and waits for it.
async fn embed(browser: &Browser, url: &str) {
    let script = "const frame = document.createElement('iframe'); frame.src = 'URL';
        return new Promise(loaded => { frame.onload = () => loaded('loaded'); document.body.append(frame); })";
    assert_eq!(browser.run(&script.replace("URL", url)).await, "loaded");
}

/// What a user can choose about third-party cookies. The default is the distributor's choice.
#[derive(Clone, Copy)]
enum Blocked {
    None = 0,
    All = 1,
}

async fn third_party_cookies(blocked: Blocked) -> Browser {
    Browser::with(&[], &json!({ "profile.cookie_controls_mode": blocked as u8 })).await
}

/// `localhost` and `127.0.0.1` are different sites to a browser.
#[tokio::test]
async fn an_embedded_page_has_a_session_only_with_same_site_none() {
    let site = Site::start();
    let browser = third_party_cookies(Blocked::None).await;
    browser.open(&site.url("localhost", "/seen")).await;
    for part in ["/default", "/embedded"] {
        embed(&browser, &site.url("127.0.0.1", &format!("{part}/login"))).await;
    }
    embed(&browser, &site.url("127.0.0.1", "/seen")).await;
    assert_eq!(site.seen_names(), ["embedded"]);
}

#[tokio::test]
async fn where_third_party_cookies_are_blocked_a_partitioned_one_is_kept_for_each_embedding_site() {
    let site = Site::start();
    let browser = third_party_cookies(Blocked::All).await;
    let inside = |path: &str| site.url("127.0.0.1", path);
    browser.open(&site.url("localhost", "/seen")).await;
    for part in ["/embedded", "/partitioned", "/default"] {
        embed(&browser, &inside(&format!("{part}/login"))).await;
    }
    embed(&browser, &inside("/seen")).await;
    assert_eq!(site.seen_names(), ["partitioned"]);

    // It is another one in another site, and none where the site is visited itself.
    browser.open(&site.url("app.localhost", "/seen")).await;
    embed(&browser, &inside("/seen")).await;
    assert_eq!(site.seen_names(), [""; 0]);
    browser.open(&inside("/seen")).await;
    assert_eq!(site.seen_names(), [""; 0]);

    // The removal finds it, because it is partitioned as well.
    browser.open(&site.url("localhost", "/seen")).await;
    embed(&browser, &inside("/partitioned/logout")).await;
    embed(&browser, &inside("/seen")).await;
    assert_eq!(site.seen_names(), [""; 0]);
}
