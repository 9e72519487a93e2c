//! Forged forms, and messages that are shown once.

use actix_web::{http::StatusCode, test::TestRequest};
use futures::future::join_all;

use crate::{browser::Browser, demo::in_memory};

const FORMS: [(&str, &[(&str, &str)]); 10] = [
    ("/login", &[("username", "ada"), ("password", "lovelace")]),
    ("/logout", &[]),
    ("/logout-others", &[]),
    ("/logout-everywhere", &[]),
    ("/sessions/end", &[("session", "0000000000000000000000000000000000000000000000000000000000000000")]),
    ("/notes", &[("text", "forged")]),
    ("/notes/delete", &[("id", "1")]),
    ("/tabs/count", &[]),
    ("/tabs/write", &[("tab", "a"), ("burst", "1"), ("n", "0")]),
    ("/tabs/clear", &[]),
];

#[actix_web::test]
async fn a_forged_form_changes_nothing() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    browser.submit("/notes", &[("text", "mine")]).await;
    browser.submit("/tabs/count", &[]).await;
    let other = Browser::of_ada(&demo).await;
    let of_another_session = other.token();
    let almost = format!("{}A", browser.token());

    for (form, fields) in FORMS {
        for token in [None, Some(""), Some("forged"), Some(&*of_another_session), Some(&*almost)] {
            let fields: Vec<_> = fields.iter().copied().chain(token.map(|token| ("csrf", token))).collect();
            let page = browser.post(form, &fields).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{form} with {fields:?}");
            assert_eq!(page.text("error"), Some("This form was not ours"));
        }
    }
    assert_eq!(browser.get("/notes").await.notes(), ["mine"]);
    assert_eq!(browser.get("/tabs").await.text("counter"), Some("1"));
    assert_eq!(other.get("/").await.text("user"), Some("ada"));
}

#[actix_web::test]
async fn nobody_who_is_not_logged_in_writes_anything() {
    let demo = in_memory();
    let browser = Browser::new(&demo).await;
    browser.get("/login").await;
    for (form, fields) in FORMS.into_iter().filter(|(form, _)| *form != "/login") {
        let answer = browser.submit(form, fields).await;
        assert!(answer.location().starts_with("/login?next="), "{form}");
    }
    let page = browser.log_in("ada", "lovelace").await;
    assert!(page.body.contains("2 entries"), "user and token: {}", page.body);
}

#[actix_web::test]
async fn a_login_form_without_a_session_is_forged() {
    let demo = in_memory();
    let browser = Browser::new(&demo).await;
    let page = browser.post("/login", &[("username", "ada"), ("password", "lovelace"), ("csrf", "")]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.cookie(), None);
}

#[actix_web::test]
async fn a_login_form_from_another_site_is_forged_and_one_from_here_needs_no_token() {
    let demo = in_memory();
    let form = || TestRequest::post().uri("/login").set_form([("username", "ada"), ("password", "lovelace")]);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
    ] {
        let browser = Browser::new(&demo).await;
        let page = browser.send(form().insert_header((name, value))).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{name}: {value}");
        assert_eq!(browser.cookie(), None);
    }
    let browser = Browser::new(&demo).await;
    let answer = browser.send(form().insert_header(("sec-fetch-site", "same-origin"))).await;
    assert_eq!(browser.follow(&answer).await.text("user"), Some("ada"));
}

#[actix_web::test]
async fn pages_that_are_asked_for_at_the_same_time_carry_the_same_token() {
    let demo = in_memory();
    let browser = Browser::new(&demo).await;
    browser.get("/login").await;
    browser.submit("/login", &[("username", "ada"), ("password", "lovelace")]).await;
    let tokens = join_all(["/", "/notes", "/tabs", "/"].map(async |path| {
        let page = browser.get(path).await;
        page.token().map(str::to_owned).unwrap()
    }));
    for token in tokens.await {
        let answer = browser.post("/tabs/count", &[("csrf", &token)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
}

#[actix_web::test]
async fn scripts_may_send_the_token_in_a_header() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    let fields = [("tab", "a"), ("burst", "1"), ("n", "0")];
    let write = || TestRequest::post().uri("/tabs/write").set_form(fields);
    let answer = browser.send(write().insert_header(("X-CSRF-Token", browser.token()))).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "1"));
    let answer = browser.send(write().insert_header(("X-CSRF-Token", "forged"))).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn an_incomplete_form_gets_a_page() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    for form in ["/login", "/notes", "/notes/delete", "/tabs/write", "/sessions/end"] {
        let page = browser.submit(form, &[]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{form}");
        assert_eq!(page.text("error"), Some("This could not be understood"));
    }
}

#[actix_web::test]
async fn a_message_is_shown_once() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    let page = browser.submit_and_follow("/notes", &[("text", "a note")]).await;
    assert_eq!(page.text("flash"), Some("Noted."));
    assert_eq!(browser.get("/notes").await.text("flash"), None);
}
