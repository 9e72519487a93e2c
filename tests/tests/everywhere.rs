//! "Log out everywhere", with two browsers.

use gsession_tests::{
    browser::Browser,
    demo::Demo,
    person::{devices, log_in},
    wait::eventually,
};

#[tokio::test]
async fn logging_out_everywhere_ends_the_other_browser_too() {
    let demo = Demo::start();
    let (here, there) = (Browser::start().await, Browser::start().await);
    log_in(&there, &demo).await;
    log_in(&here, &demo).await;
    assert_eq!(devices(&here).await, 2);
    here.picture("devices").await;
    let before = here.cookies().await;

    here.follow("#logout-everywhere").await;
    assert_eq!(here.path().await, "/login");
    assert_eq!(here.text("#flash").await, "You are logged out, here and on one other device.");
    here.picture("logged-out-everywhere").await;
    for cookie in here.cookies().await {
        assert!(before.iter().all(|old| old.value() != cookie.value()), "the browser has kept its cookie");
    }
    there.open(&demo.url("/notes")).await;
    assert_eq!(there.path().await, "/login");

    // Neither cookie opens anything any more.
    for cookie in before {
        here.put_cookie(cookie).await;
    }
    here.open(&demo.url("/")).await;
    assert_eq!(here.path().await, "/login");
    log_in(&here, &demo).await;
    assert_eq!(devices(&here).await, 1);
}

#[tokio::test]
async fn one_device_is_ended_from_another() {
    let demo = Demo::start();
    let (here, there) = (Browser::start().await, Browser::start().await);
    log_in(&there, &demo).await;
    log_in(&here, &demo).await;
    here.follow("#devices button").await;
    assert_eq!(here.text("#flash").await, "That session was ended.");
    assert_eq!(here.text("#user").await, "ada");
    assert_eq!(devices(&here).await, 1);
    there.open(&demo.url("/")).await;
    assert_eq!(there.path().await, "/login");
}

#[tokio::test]
async fn an_open_page_sees_logins_and_logouts_elsewhere() {
    let demo = Demo::start();
    let (here, there) = (Browser::start().await, Browser::start().await);
    log_in(&here, &demo).await;
    assert_eq!(devices(&here).await, 1);
    log_in(&there, &demo).await;
    // Asked in the page: it may replace the rows at any moment.
    let rows = "return document.querySelectorAll('#devices tbody tr').length";
    let listed = async |number: u64| (here.try_run(rows).await?.as_u64() == Some(number)).then_some(());
    eventually("the new device is listed", async || listed(2).await).await;
    here.picture("devices-live").await;
    there.follow("#logout").await;
    eventually("the device is gone", async || listed(1).await).await;
    // This one is ended from elsewhere, and the page goes to the login.
    log_in(&there, &demo).await;
    there.follow("#logout-others").await;
    eventually("the page has left", async || (here.path().await == "/login").then_some(())).await;
}
