//! The demo as a person meets it: in a real browser, through logins, restarts, two tabs and a stolen cookie.

use std::time::Duration;

use gsession_tests::{
    browser::{Browser, Tab},
    demo::Demo,
    person::{enter, log_in},
    process::Signal,
    wait,
};

const LOGIN: &str = "/login";
const NOTES: &str = "/notes";
const TABS: &str = "/tabs";
const NOTE_TEXTS: &str = "#notes li span";

async fn add_note(browser: &Browser, note: &str) {
    browser.fill("#note", note).await;
    browser.follow("#add-note").await;
}

async fn assert_logged_out(browser: &Browser) {
    assert_eq!(browser.path().await, LOGIN);
    assert!(browser.shows("#login").await);
    assert!(!browser.shows("#user").await && !browser.shows("#logout").await);
}

/// Whoever reads the session folder finds nothing there that works as a cookie.
fn assert_not_stored(demo: &Demo, cookie: &str) {
    let files = demo.session_files();
    assert!(!files.is_empty(), "the demo keeps its sessions in files");
    for (path, bytes) in files {
        let named = path.to_string_lossy().contains(cookie);
        let held = bytes.windows(cookie.len()).any(|window| window == cookie.as_bytes());
        assert!(!named && !held, "{} holds a cookie", path.display());
    }
}

/// A thief who reads the folder of a demo with a key finds neither who is logged in nor what they have written.
#[tokio::test]
async fn a_login_survives_a_crash_encrypted() {
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key");
    std::fs::write(&key, "5e".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut demo = Demo::with(&["--seal-with", key.to_str().unwrap()]);
    let browser = Browser::start().await;
    log_in(&browser, &demo).await;
    browser.picture("encrypted").await;
    browser.open(&demo.url(NOTES)).await;
    add_note(&browser, "meet at noon").await;
    let files = demo.session_files();
    assert!(files.iter().any(|(_, bytes)| bytes.len() > 200), "a session is there");
    for (path, bytes) in files {
        for secret in ["ada", "noon", "note", "Chrom"] {
            let held = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!held, "{} holds {secret}", path.display());
        }
    }
    demo.end(Signal::KILL);
    demo.restart();
    browser.open(&demo.url(NOTES)).await;
    assert_eq!(browser.texts(NOTE_TEXTS).await, ["meet at noon"]);
}

/// Clicks the same button in several tabs at the same moment: each gets a timer of its own that ends then.
async fn click_in_all_at_once(browser: &Browser, tabs: &[Tab], button: &str) {
    let moment = browser.run("return Date.now() + 500").await;
    for tab in tabs {
        browser.switch_to(tab).await;
        browser
            .run(&format!(
                "window.seenBefore = true; setTimeout(() => document.querySelector('{button}').click(), {moment} - Date.now())"
            ))
            .await;
    }
}

#[tokio::test]
async fn a_login_survives_a_crash_and_a_logout_does_not_come_back() {
    let mut demo = Demo::start();
    let browser = Browser::start().await;
    browser.open(&demo.url("/")).await;
    browser.picture("start").await;
    log_in(&browser, &demo).await;
    browser.picture("profile").await;
    browser.open(&demo.url(NOTES)).await;
    add_note(&browser, "survives a crash").await;
    browser.picture("notes").await;

    demo.end(Signal::KILL);
    demo.restart();
    browser.open(&demo.url(NOTES)).await;
    assert_eq!(browser.text("#user").await, "ada", "still logged in after kill -9");
    assert_eq!(browser.texts(NOTE_TEXTS).await, ["survives a crash"]);

    demo.end(Signal::TERM);
    demo.restart();
    add_note(&browser, "and an ordinary restart").await;
    assert_eq!(browser.texts(NOTE_TEXTS).await, ["survives a crash", "and an ordinary restart"]);

    let stolen = browser.cookies().await;
    assert!(!stolen.is_empty());
    for cookie in &stolen {
        assert_eq!(cookie.http_only(), Some(true), "{} is out of the reach of scripts", cookie.name());
        assert!(!demo.output().contains(cookie.value()), "the demo has printed a cookie");
        assert_not_stored(&demo, cookie.value());
    }

    browser.follow("#logout").await;
    assert_logged_out(&browser).await;
    browser.picture("logged-out").await;

    browser.back().await;
    assert_logged_out(&browser).await;

    for cookie in stolen {
        browser.put_cookie(cookie).await;
    }
    for page in ["/", NOTES, TABS] {
        browser.open(&demo.url(page)).await;
        assert!(!browser.shows("#user").await, "{page} believes a cookie whose session has ended");
        assert!(!browser.shows(NOTE_TEXTS).await);
    }

    demo.end(Signal::KILL);
    demo.restart();
    browser.open(&demo.url(NOTES)).await;
    assert_logged_out(&browser).await;
}

#[tokio::test]
async fn two_tabs_writing_notes_at_once_lose_nothing() {
    let demo = Demo::start();
    let browser = Browser::start().await;
    log_in(&browser, &demo).await;
    let tabs = [browser.tab().await, browser.new_tab().await];

    let mut written = Vec::new();
    for round in 0..8 {
        for (tab, name) in tabs.iter().zip(["left", "right"]) {
            browser.switch_to(tab).await;
            browser.open(&demo.url(NOTES)).await;
            let note = format!("{name} {round}");
            browser.fill("#note", &note).await;
            written.push(note);
        }
        click_in_all_at_once(&browser, &tabs, "#add-note").await;
        for tab in &tabs {
            browser.switch_to(tab).await;
            browser.wait_for_next_page("#add-note").await;
        }
    }

    browser.open(&demo.url(NOTES)).await;
    let mut kept = browser.texts(NOTE_TEXTS).await;
    kept.sort();
    written.sort();
    assert_eq!(kept, written);
    browser.picture("two-tabs-notes").await;
}

#[tokio::test]
async fn bursts_from_two_tabs_are_counted_to_the_last_one() {
    let demo = Demo::start();
    let browser = Browser::start().await;
    log_in(&browser, &demo).await;
    let tabs = [browser.tab().await, browser.new_tab().await];
    for tab in &tabs {
        browser.switch_to(tab).await;
        browser.open(&demo.url(TABS)).await;
        assert_eq!(browser.text("#counter").await, "0");
    }

    click_in_all_at_once(&browser, &tabs, "#run-burst").await;
    for tab in &tabs {
        browser.switch_to(tab).await;
        let result = wait::eventually("the result of a burst", async || {
            Some(browser.text("#burst-result").await).filter(|result| !result.is_empty())
        })
        .await;
        assert_eq!(result, "40 sent, 40 accepted, 40 kept");
        browser.picture("two-tabs-burst").await;
    }
    browser.open(&demo.url(TABS)).await;
    assert_eq!(browser.text("#counter").await, "80");
}

#[tokio::test]
async fn a_logout_in_one_tab_ends_the_other() {
    let demo = Demo::start();
    let browser = Browser::start().await;
    log_in(&browser, &demo).await;
    let [left, right] = [browser.tab().await, browser.new_tab().await];
    browser.open(&demo.url(NOTES)).await;
    browser.fill("#note", "written after the end").await;

    browser.switch_to(&left).await;
    browser.follow("#logout").await;
    assert_logged_out(&browser).await;

    browser.switch_to(&right).await;
    browser.follow("#add-note").await;
    assert!(!browser.shows("#user").await);
    log_in(&browser, &demo).await;
    browser.open(&demo.url(NOTES)).await;
    assert!(browser.texts(NOTE_TEXTS).await.is_empty(), "the note went into a session that had ended");
}

#[tokio::test]
async fn a_wrong_password_gets_a_clear_page_and_no_login() {
    let demo = Demo::start();
    let browser = Browser::start().await;
    for (name, password) in [("ada", "hopper"), ("nobody", "lovelace"), ("ada", " ")] {
        enter(&browser, &demo, name, password).await;
        assert_logged_out(&browser).await;
        assert!(browser.text("#flash").await.to_lowercase().contains("password"));
    }
    browser.picture("wrong-password").await;
    browser.open(&demo.url(NOTES)).await;
    assert_logged_out(&browser).await;
}

#[tokio::test]
async fn a_forged_form_gets_a_clear_page_and_changes_nothing() {
    let demo = Demo::start();
    let browser = Browser::start().await;
    log_in(&browser, &demo).await;
    browser.open(&demo.url(NOTES)).await;
    add_note(&browser, "mine").await;

    // A foreign page cannot know the token; it can only send something in its place.
    let forged = browser
        .run(
            "const tokens = document.querySelectorAll('form:has(#add-note) input[type=hidden]');
             tokens.forEach(token => token.value = 'forged');
             return tokens.length",
        )
        .await;
    assert!(forged.as_u64() > Some(0), "the form carries a token");
    add_note(&browser, "not mine").await;
    assert!(browser.text("h1").await.to_lowercase().contains("form"));
    browser.picture("forged-form").await;

    browser.open(&demo.url(NOTES)).await;
    assert_eq!(browser.texts(NOTE_TEXTS).await, ["mine"]);
    assert_eq!(browser.text("#user").await, "ada", "and ada is still logged in");
}

#[tokio::test]
async fn an_expired_session_gets_a_clear_page() {
    let demo = Demo::with(&["--idle-timeout", "4"]);
    let browser = Browser::start().await;
    log_in(&browser, &demo).await;
    browser.open(&demo.url(NOTES)).await;
    browser.fill("#note", "too late").await;

    tokio::time::sleep(Duration::from_millis(4_500)).await;
    browser.follow("#add-note").await;
    assert!(!browser.shows("#user").await);
    assert!(browser.text("body").await.to_lowercase().contains("expired"));
    browser.picture("expired").await;

    log_in(&browser, &demo).await;
    browser.open(&demo.url(NOTES)).await;
    assert!(browser.texts(NOTE_TEXTS).await.is_empty(), "a new session starts empty");
}
