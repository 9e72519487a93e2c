//! Logging in, staying logged in, and logging out.

use std::time::Duration;

use actix_web::{http::StatusCode, test::TestRequest};
use futures::future::join;

use crate::{
    browser::Browser,
    demo::{IDLE, in_folder, in_memory, with_clock},
};

#[actix_web::test]
async fn a_login_leads_to_the_profile_under_a_new_id() {
    let demo = in_memory();
    let browser = Browser::new(&demo).await;
    let page = browser.get("/login").await;
    assert!(page.body.contains("lovelace") && page.body.contains("hopper"), "the accounts stand on the page");
    let (anonymous, token) = (browser.cookie().unwrap(), browser.token());

    let answer = browser.submit("/login", &[("username", "ada"), ("password", "lovelace")]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"));
    let profile = browser.follow(&answer).await;
    assert_eq!(profile.text("user"), Some("ada"));
    assert_ne!(browser.token(), token, "whoever knew the old token must not profit");

    let id = browser.cookie().unwrap();
    assert_ne!(id, anonymous);
    assert!(!profile.body.contains(&id), "the page shows the session id");
    browser.put_cookie(Some(anonymous));
    assert!(browser.get("/").await.is_redirect(), "the id from before the login is dead");
}

#[actix_web::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_page() {
    let demo = in_memory();
    for (user, password) in [("ada", "hopper"), ("nobody", "lovelace"), ("ada", ""), ("<b>\"ada", "lovelace")] {
        let browser = Browser::new(&demo).await;
        let page = browser.log_in(user, password).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        assert_eq!(page.text("flash"), Some("The user name or the password is wrong."));
        assert!(!page.body.contains("<b>"), "what was typed is text, not markup");
        assert!(browser.get("/").await.is_redirect());
    }
}

#[actix_web::test]
async fn only_pages_of_this_site_come_after_a_login() {
    let demo = in_memory();
    for (next, location) in [("/notes", "/notes"), ("//evil.example/", "/"), ("https://evil.example/", "/")] {
        let browser = Browser::new(&demo).await;
        browser.get("/login").await;
        let fields = [("username", "ada"), ("password", "lovelace"), ("next", next)];
        assert_eq!(browser.submit("/login", &fields).await.location(), location);
    }
}

#[actix_web::test]
async fn who_asks_for_a_page_before_the_login_gets_it_afterwards() {
    let demo = in_memory();
    let browser = Browser::new(&demo).await;
    let answer = browser.get("/notes").await;
    assert_eq!(answer.location(), "/login?next=%2Fnotes");
    assert_eq!(browser.cookie(), None, "nothing was stored for somebody who only came by");
    let page = browser.follow(&answer).await;
    assert!(page.body.contains(r#"name="next" value="/notes""#));
    assert_eq!(page.text("flash"), None);
}

#[actix_web::test]
async fn who_ticks_the_box_is_remembered_for_a_month_and_nobody_else_is() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let (demo, clock) = with_clock();
    let log_in = async |fields: &[(&str, &str)]| {
        let browser = Browser::new(&demo).await;
        browser.get("/login").await;
        let fields = [&[("username", "ada"), ("password", "lovelace")], fields].concat();
        let answer = browser.submit("/login", &fields).await;
        let cookie = answer.header("set-cookie").unwrap().to_owned();
        (browser, cookie)
    };
    let (ordinary, cookie) = log_in(&[]).await;
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    let (remembered, cookie) = log_in(&[("remember", "yes")]).await;
    assert!(cookie.ends_with("; Max-Age=2592000"), "{cookie}");
    assert_eq!(ordinary.get("/").await.body.matches(", remembered<").count(), 1, "one of the two devices");

    clock.advance(20 * DAY);
    assert!(ordinary.get("/").await.is_redirect());
    assert_eq!(remembered.get("/").await.text("user"), Some("ada"));
    // Asked for the password again, the user stays remembered, and no longer than before.
    assert_eq!(remembered.get("/vault").await.location(), "/confirm");
    remembered.get("/confirm").await;
    let answer = remembered.submit("/confirm", &[("password", "lovelace")]).await;
    assert!(answer.header("set-cookie").unwrap().ends_with("; Max-Age=864000"));
    clock.advance(9 * DAY);
    assert_eq!(remembered.get("/").await.text("user"), Some("ada"));
    clock.advance(DAY);
    assert!(remembered.get("/").await.is_redirect());
}

#[actix_web::test]
async fn the_box_stays_ticked_after_a_wrong_password() {
    let browser = Browser::new(&in_memory()).await;
    let ticked = |page: &crate::browser::Page| page.body.contains(r#"type="checkbox" value="yes" checked"#);
    let page = browser.get("/login").await;
    assert!(page.body.contains(r#"type="checkbox""#) && !ticked(&page));
    let page = browser.submit("/login", &[("username", "ada"), ("password", "x"), ("remember", "yes")]).await;
    assert!(ticked(&page), "{}", page.body);
}

#[actix_web::test]
async fn a_logout_is_final_and_says_so_once() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    let stolen = browser.cookie();

    let page = browser.submit_and_follow("/logout", &[]).await;
    assert!(page.text("flash").unwrap().starts_with("You are logged out."));
    assert_eq!(page.text("user"), None);
    assert_eq!(browser.get("/login").await.text("flash"), None);

    assert_ne!(browser.cookie(), stolen);
    for path in ["/", "/notes", "/tabs"] {
        browser.put_cookie(stolen.clone());
        let answer = browser.get(path).await;
        assert!(answer.location().ends_with("&expired=1"), "{path} believes a cookie whose session has ended");
    }
}

#[actix_web::test]
async fn whoever_comes_with_an_expired_session_is_told() {
    let (demo, clock) = with_clock();
    let browser = Browser::of_ada(&demo).await;
    let (cookie, token) = (browser.cookie(), browser.token());
    clock.advance(2 * IDLE);

    let answer = browser.get("/notes").await;
    assert_eq!(answer.location(), "/login?next=%2Fnotes&expired=1");
    assert_eq!(browser.cookie(), cookie, "it may be another application's");
    let page = browser.follow(&answer).await;
    assert_ne!(browser.cookie(), cookie, "the login page begins a new session");
    assert!(page.text("flash").unwrap().starts_with("Your session has expired"));

    // Forms from before say the same, and not that they were forged.
    for (form, field) in [("/logout", ""), ("/notes", "text"), ("/tabs/count", "")] {
        browser.put_cookie(cookie.clone());
        let answer = browser.post(form, &[("csrf", &token), (field, "x")]).await;
        assert!(answer.location().ends_with("&expired=1"), "{form}");
    }
}

#[actix_web::test]
async fn a_login_form_that_was_open_for_too_long_is_shown_again() {
    let (demo, clock) = with_clock();
    let browser = Browser::new(&demo).await;
    browser.get("/login").await;
    clock.advance(2 * IDLE);
    let answer = browser.submit("/login", &[("username", "ada"), ("password", "lovelace"), ("next", "/notes")]).await;
    assert_eq!(answer.location(), "/login?next=%2Fnotes&expired=1");
    let page = browser.follow(&answer).await;
    assert!(page.text("flash").unwrap().contains("expired"));
    assert_eq!(browser.log_in("ada", "lovelace").await.text("user"), Some("ada"));
}

#[actix_web::test]
async fn two_logins_with_one_cookie_end_in_the_same_session() {
    let demo = in_memory();
    let [first, second] = [Browser::new(&demo).await, Browser::new(&demo).await];
    first.get("/login").await;
    second.put_cookie(first.cookie());
    let token = first.token();
    let fields = [("username", "ada"), ("password", "lovelace"), ("csrf", &*token)];
    let answers = join(first.post("/login", &fields), second.post("/login", &fields)).await;
    assert_eq!((answers.0.location(), answers.1.location()), ("/", "/"));
    assert_eq!(first.cookie(), second.cookie());
    assert_eq!(first.get("/").await.devices().len(), 1);
}

#[actix_web::test]
async fn a_second_click_works_whether_or_not_the_first_answer_arrived() {
    let demo = in_memory();
    for arrives in [true, false] {
        let browser = Browser::new(&demo).await;
        browser.get("/login").await;
        let anonymous = browser.cookie();
        browser.submit("/login", &[("username", "ada"), ("password", "lovelace")]).await;
        let renewed = browser.cookie();
        if !arrives {
            browser.put_cookie(anonymous);
        }
        let answer = browser.log_in_by_origin("ada", "lovelace", "/").await;
        let page = browser.follow(&answer).await;
        assert_eq!((page.text("user"), page.devices().len()), (Some("ada"), 1));
        assert_eq!(
            browser.cookie() == renewed,
            !arrives,
            "who has the new id gets another one, who has not gets that one"
        );
        browser.submit("/logout", &[]).await;
    }
}

#[actix_web::test]
async fn the_login_page_can_be_reloaded_after_a_lost_answer() {
    let demo = in_memory();
    let browser = Browser::new(&demo).await;
    browser.get("/login").await;
    let anonymous = browser.cookie();
    browser.submit("/login", &[("username", "ada"), ("password", "lovelace")]).await;
    browser.put_cookie(anonymous);

    let page = browser.get("/login").await;
    // The session that could keep the form's token is another one by now.
    assert!(page.status == StatusCode::OK && page.token().is_some());
    // Somebody else may use it as well.
    let answer = browser.log_in_by_origin("grace", "hopper", "/").await;
    assert_eq!(browser.follow(&answer).await.text("user"), Some("grace"));
    // A browser that says nothing of the form's origin has to wait until the old id is forgotten.
    let old = Browser::new(&demo).await;
    let answer = old.post("/login", &[("username", "ada"), ("password", "lovelace"), ("csrf", "")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn logins_in_two_tabs_leave_each_others_pages_alone() {
    let demo = in_memory();
    let [left, right] = [Browser::new(&demo).await, Browser::new(&demo).await];
    left.get("/login").await;
    right.put_cookie(left.cookie());
    left.submit("/login", &[("username", "ada"), ("password", "lovelace")]).await;
    left.get("/notes").await;
    right.log_in_by_origin("ada", "lovelace", "/").await;
    let page = left.submit_and_follow("/notes", &[("text", "kept")]).await;
    assert_eq!(page.notes(), ["kept"]);
}

#[actix_web::test]
async fn a_login_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::of_ada(&in_folder(folder.path())).await;
    browser.submit("/notes", &[("text", "from before")]).await;

    let after = Browser::new(&in_folder(folder.path())).await;
    after.put_cookie(browser.cookie());
    let page = after.get("/notes").await;
    assert_eq!((page.text("user"), page.notes()), (Some("ada"), vec!["from before"]));
}

#[actix_web::test]
async fn the_next_user_of_a_browser_sees_nothing_of_the_last() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    browser.submit("/notes", &[("text", "ada's")]).await;
    let of_ada = browser.cookie();
    // From a login page that was open in another tab.
    let answer = browser.log_in_by_origin("grace", "hopper", "/notes").await;
    let page = browser.follow(&answer).await;
    assert_eq!((page.text("user"), page.notes()), (Some("grace"), vec![]));
    browser.put_cookie(of_ada);
    assert!(browser.get("/").await.is_redirect(), "ada's session has ended");
}

#[actix_web::test]
async fn other_sessions_of_the_same_user_can_be_ended() {
    let demo = in_memory();
    let [here, there] = [Browser::of_ada(&demo).await, Browser::of_ada(&demo).await];
    let grace = Browser::new(&demo).await;
    grace.log_in("grace", "hopper").await;

    let page = here.submit_and_follow("/logout-others", &[]).await;
    assert_eq!(page.text("flash"), Some("One other session was ended."));
    assert!(there.get("/").await.is_redirect());
    assert_eq!(grace.get("/").await.text("user"), Some("grace"));
    let page = here.submit_and_follow("/logout-others", &[]).await;
    assert_eq!(page.text("flash"), Some("You are logged in nowhere else."));
}

#[actix_web::test]
async fn devices_are_listed_and_ended_one_by_one() {
    let demo = in_memory();
    let [here, there] = [Browser::of_ada(&demo).await, Browser::of_ada(&demo).await];
    let grace = Browser::new(&demo).await;
    let of_grace = grace.log_in("grace", "hopper").await;
    let page = here.get("/").await;
    assert_eq!((page.devices().len(), of_grace.devices().len()), (2, 1));
    assert_eq!(page.body.matches("this one").count(), 1);

    let others = page.endable();
    let [other] = &others[..] else { panic!("this one has no button, the other has one: {others:?}") };
    let page = here.submit_and_follow("/sessions/end", &[("session", other)]).await;
    assert_eq!((page.text("flash"), page.devices().len()), (Some("That session was ended."), 1));
    assert!(there.get("/").await.is_redirect());
    let page = here.submit_and_follow("/sessions/end", &[("session", other)]).await;
    assert_eq!(page.text("flash"), Some("That session had ended already."));

    // Nobody ends what is somebody else's, and what is no session makes no sense.
    let second = Browser::new(&demo).await;
    let of_grace = second.log_in("grace", "hopper").await;
    let [first] = of_grace.endable()[..] else { panic!("grace has one other session") };
    let page = here.submit_and_follow("/sessions/end", &[("session", first)]).await;
    assert_eq!(page.text("flash"), Some("That session had ended already."));
    assert_eq!(here.submit("/sessions/end", &[("session", "this one")]).await.status, StatusCode::BAD_REQUEST);

    // Ending this one is a logout.
    assert_eq!(grace.get("/").await.text("user"), Some("grace"));
    let page = grace.submit_and_follow("/sessions/end", &[("session", first)]).await;
    assert_eq!((page.text("user"), page.text("flash")), (None, Some("That session was ended.")));
}

#[actix_web::test]
async fn logging_out_everywhere_ends_all_sessions_of_the_user() {
    let demo = in_memory();
    let [here, there, elsewhere] =
        [Browser::of_ada(&demo).await, Browser::of_ada(&demo).await, Browser::of_ada(&demo).await];
    let grace = Browser::new(&demo).await;
    grace.log_in("grace", "hopper").await;
    let before = here.cookie();

    let page = here.submit_and_follow("/logout-everywhere", &[]).await;
    assert_eq!(page.text("flash"), Some("You are logged out, here and on 2 other devices."));
    assert_eq!(page.text("user"), None);
    assert_ne!(here.cookie(), before);
    for browser in [here, there, elsewhere] {
        assert!(browser.get("/").await.is_redirect());
    }
    assert_eq!(grace.get("/").await.text("user"), Some("grace"));
}

#[actix_web::test]
async fn who_is_logged_in_already_needs_no_login_page() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    assert_eq!(browser.get("/login").await.location(), "/");
}

#[actix_web::test]
async fn the_list_of_devices_names_browsers_and_updates_without_keeping_anybody_logged_in() {
    let (demo, clock) = with_clock();
    let here = Browser::of_ada(&demo).await;
    let there = Browser::new(&demo).await;
    there.get("/login").await;
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
    let fields = [("username", "ada"), ("password", "lovelace"), ("csrf", &there.token())];
    let request = TestRequest::post().uri("/login").insert_header(("user-agent", agent)).set_form(fields);
    assert!(there.send(request.peer_addr("192.0.2.7:4711".parse().unwrap())).await.is_redirect());

    let list = here.get("/devices").await;
    assert_eq!(list.devices().len(), 2);
    assert!(list.body.contains("Firefox on Linux") && list.body.contains("from 192.0.2.7"), "{}", list.body);
    assert!(list.body.contains("Unknown browser") && !list.body.contains("<html"), "{}", list.body);
    for _ in 0..3 {
        clock.advance(IDLE / 4);
        assert_eq!(here.get("/devices").await.devices().len(), 2);
    }
    clock.advance(IDLE / 4);
    assert!(here.get("/devices").await.is_redirect(), "looking at the list is no activity");
}

#[actix_web::test]
async fn the_vault_asks_for_the_password_again_after_five_minutes() {
    let (demo, clock) = with_clock();
    let here = Browser::of_ada(&demo).await;
    assert!(here.get("/vault").await.body.contains("recovery-code"));
    clock.advance(Duration::from_secs(5 * 60));
    assert!(here.get("/vault").await.body.contains("recovery-code"));
    clock.advance(Duration::from_millis(1));
    let answer = here.get("/vault").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/confirm"));

    here.follow(&answer).await;
    let wrong = here.submit("/confirm", &[("password", "hopper")]).await;
    assert_eq!((wrong.status, wrong.text("flash")), (StatusCode::UNAUTHORIZED, Some("The password is wrong.")));
    assert!(here.get("/vault").await.is_redirect());
    let forged = here.post("/confirm", &[("password", "lovelace")]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    here.get("/confirm").await;
    let before = here.cookie();
    let vault = here.submit_and_follow("/confirm", &[("password", "lovelace")]).await;
    assert!(vault.body.contains("recovery-code"));
    assert_ne!(here.cookie(), before, "a new id");

    let nobody = Browser::new(&demo).await;
    assert_eq!(nobody.get("/vault").await.location(), "/login?next=%2Fvault");
}
