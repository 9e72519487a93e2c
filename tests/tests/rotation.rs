//! Rotation of ids under all that a browser does at once: twenty requests, three tabs, a prefetch, a service worker, answers that are lost
//! on the way, on two servers. Nobody is logged out, one session lives, and an id stolen before is found out.

use std::time::Duration;

use actix_web::{HttpResponse, Result, http::header, web};
use gsession::{FileStorage, ManualClock};
use gsession_actix::{Session, SessionMiddleware};
use gsession_test_servers::Proxy;
use gsession_tests::{
    browser::Browser,
    http::Connection,
    site::{Site, page},
    wait,
};
use serde_json::json;
use tempfile::TempDir;

const PERIOD: Duration = Duration::from_secs(15 * 60);
const GRACE: Duration = Duration::from_secs(60);
const HOST: &str = "127.0.0.1";

async fn login(session: Session) -> Result<HttpResponse> {
    session.log_in("ada").await?;
    Ok(page("logged in"))
}

async fn who(session: &Session) -> Result<String> {
    Ok(session.principal().await?.map_or_else(|| "nobody".to_owned(), |who| who.to_string()))
}

/// A page that has its worker and a prefetch ask for the session, too.
async fn home(session: Session) -> Result<HttpResponse> {
    let user = who(&session).await?;
    let body = format!(
        "<!doctype html><title>{user}</title><link rel=prefetch href=/prefetched><p>{user}</p>
        <script>navigator.serviceWorker.register('/worker.js')</script>"
    );
    Ok(HttpResponse::Ok().content_type("text/html").body(body))
}

/// For scripts of either server.
async fn user(session: Session) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().body(who(&session).await?))
}

/// The worker asks for the session before each request of the page, and passes that on.
async fn worker() -> HttpResponse {
    let script = "addEventListener('install', () => skipWaiting());
        addEventListener('activate', event => event.waitUntil(clients.claim()));
        addEventListener('fetch', event => {
            fetch('/user', {credentials: 'include'});
            event.respondWith(fetch(event.request));
        })";
    HttpResponse::Ok().content_type(header::ContentType(mime())).body(script)
}

fn mime() -> actix_web::mime::Mime {
    actix_web::mime::APPLICATION_JAVASCRIPT
}

/// One server of the service. Both keep their sessions in one folder.
fn server(folder: &TempDir, clock: &ManualClock) -> Site {
    let storage = FileStorage::builder(folder.path()).build().expect("a folder for sessions");
    let sessions = SessionMiddleware::builder(storage)
        .cookie_name("sid")
        .cookie_secure(false)
        .clock(clock.clone())
        .rotate_every(PERIOD)
        .build()
        .expect("settings that fit");
    Site::start(move |config| {
        let part = web::scope("").wrap(sessions.clone()).route("/login", web::get().to(login));
        let part = part.route("/user", web::get().to(user)).route("/prefetched", web::get().to(user));
        config.route("/worker.js", web::get().to(worker)).service(part.route("/", web::get().to(home)));
    })
}

async fn reload(browser: &Browser) {
    browser.run("window.seenBefore = true; location.reload(); return ''").await;
    browser.wait_for_next_page("reloading").await;
}

/// The value of the session's cookie.
async fn cookie(browser: &Browser) -> String {
    let cookies = browser.cookies().await;
    let [sid] = &*cookies.into_iter().filter(|cookie| cookie.name() == "sid").collect::<Vec<_>>() else {
        panic!("not one session cookie")
    };
    sid.value().to_owned()
}

/// What a client that is no browser is told with this cookie.
fn told(site: &Site, cookie: &str) -> String {
    let address = site.url(HOST, "").replace("http://", "");
    let mut connection = Connection::open(&address).expect("a connection");
    let request = format!("GET /user HTTP/1.1\r\nHost: {address}\r\nCookie: sid={cookie}\r\n\r\n");
    connection.send(request.as_bytes()).expect("a request");
    String::from_utf8(connection.reply().expect("an answer").body).expect("text")
}

#[tokio::test]
async fn nobody_is_logged_out_and_a_stolen_id_is_found_out() {
    let (folder, clock) = (TempDir::new().expect("a folder"), ManualClock::default());
    let (one, other) = (server(&folder, &clock), server(&folder, &clock));
    let port = one.url(HOST, "").rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let proxy = Proxy::to(port);
    let lossy = format!("http://{HOST}:{}/user", proxy.port());

    let browser = Browser::start().await;
    browser.open(&one.url(HOST, "/login")).await;
    let stolen = cookie(&browser).await;
    browser.open(&one.url(HOST, "/")).await;
    wait::eventually("the service worker", async || {
        (browser.run("return navigator.serviceWorker.controller !== null").await == json!(true)).then_some(())
    })
    .await;
    let first_tab = browser.tab().await;
    let mut tabs = vec![first_tab];
    for site in [&other, &one] {
        tabs.push(browser.new_tab().await);
        browser.open(&site.url(HOST, "/")).await;
    }

    // An origin without a worker, which would ask a second time.
    let lossy_tab = browser.new_tab().await;
    browser.open(&lossy).await;

    let mut seen = vec![stolen.clone()];
    for round in 0..6 {
        // The next request of anybody rotates the id: a page with twenty requests at once, or a tab.
        clock.advance(PERIOD);
        for (number, tab) in tabs.iter().enumerate() {
            browser.switch_to(tab).await;
            if (number + round) % 2 == 0 {
                let (one, other) = (one.url(HOST, "/user"), other.url(HOST, "/user"));
                browser
                    .run(&format!(
                        "window.answers = null;
                        const ask = url => fetch(url, {{credentials: 'include', mode: url.startsWith(location.origin) ? 'same-origin' : 'no-cors'}})
                            .then(answer => answer.type === 'opaque' ? 'ada' : answer.text());
                        Promise.all(Array.from({{length: 20}}, (_, n) => ask(n % 2 ? '{one}' : '{other}')))
                            .then(answers => window.answers = answers, error => window.answers = ['' + error]);
                        return ''"
                    ))
                    .await;
                let answers = wait::eventually("twenty answers", async || {
                    let answers = browser.run("return window.answers").await;
                    answers.is_array().then_some(answers)
                })
                .await;
                assert_eq!(answers, json!(vec!["ada"; 20]), "round {round}");
            }
            reload(&browser).await;
            assert_eq!(browser.text("p").await, "ada", "round {round}");
        }
        seen.push(cookie(&browser).await);

        // The next rotation's answer is lost: the server has the new id, and the browser has not.
        clock.advance(PERIOD);
        let before = cookie(&browser).await;
        // Chromium repeats a request by itself if it was sent on an older connection that is cut.
        proxy.cut();
        proxy.hold_replies(true);
        browser.switch_to(&lossy_tab).await;
        browser.run("fetch('/user').catch(() => 0); return ''").await;
        proxy.wait_for_held(1);
        proxy.swallow_replies(true);
        proxy.hold_replies(false);
        proxy.cut();
        proxy.swallow_replies(false);
        assert_eq!(cookie(&browser).await, before, "round {round}: the answer was not lost");
        if round % 2 == 0 {
            clock.advance(GRACE + PERIOD);
        }
        browser.switch_to(&tabs[round % 3]).await;
        reload(&browser).await;
        assert_eq!(browser.text("p").await, "ada", "round {round}: after a lost answer");
        browser.open(&other.url(HOST, "/")).await;
        assert_eq!(browser.text("p").await, "ada", "round {round}: after a lost answer");
        seen.push(cookie(&browser).await);
    }
    seen.dedup();
    assert!(seen.len() > 6, "it hardly ever rotated: {} ids", seen.len());
    let sessions = FileStorage::builder(folder.path()).build().expect("the same folder");
    let sessions = gsession::Manager::builder(sessions).clock(clock.clone()).build().expect("settings that fit");
    assert_eq!(sessions.sessions_of("ada").expect("a list").len(), 1, "exactly one session lives");

    // Now somebody comes with the id that they stole at the login.
    clock.advance(GRACE);
    browser.open(&one.url(HOST, "/")).await;
    assert_eq!(browser.text("p").await, "ada");
    clock.advance(GRACE);
    assert_eq!(told(&other, &stolen), "nobody");
    assert!(sessions.sessions_of("ada").expect("a list").is_empty(), "the session has ended for everybody");
    browser.open(&other.url(HOST, "/")).await;
    assert_eq!(browser.text("p").await, "nobody");
}
