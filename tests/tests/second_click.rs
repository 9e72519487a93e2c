//! "Log in" clicked twice: because the first answer is slow, and because it never came.

use gsession_test_servers::Proxy;
use gsession_tests::{
    browser::{Browser, Tab},
    demo::Demo,
    person::devices,
    wait,
};

/// The demo behind a proxy, and a browser whose first tab shows the login page, filled in.
struct Scene {
    browser: Browser,
    login: Tab,
    proxy: Proxy,
    demo: Demo,
}

impl Scene {
    async fn at_the_login() -> Self {
        let demo = Demo::start();
        let (_, port) = demo.address().rsplit_once(':').expect("an address with a port");
        let proxy = Proxy::to(port.parse().expect("a port"));
        let browser = Browser::start().await;
        let scene = Self { login: browser.tab().await, browser, proxy, demo };
        scene.fill_in().await;
        // The driver does nothing in a tab that waits for a page. So the clicks are asked for from another one.
        let listens =
            "new BroadcastChannel('click').onmessage = () => document.querySelector('#login').click(); return ''";
        scene.browser.run(listens).await;
        scene.browser.new_tab().await;
        scene.browser.open(&scene.url("/static/icon.svg")).await;
        // On a connection of its own: Chromium repeats a request by itself if it was sent on an older one that is cut.
        scene.proxy.cut();
        scene.proxy.hold_replies(true);
        scene
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.proxy.port())
    }

    async fn fill_in(&self) {
        self.browser.open(&self.url("/login")).await;
        self.browser.fill("#username", "ada").await;
        self.browser.fill("#password", "lovelace").await;
    }

    /// Clicks, and waits until so many answers are at the proxy: the demo has logged ada in, and the browser does not know.
    async fn click_and_hold(&self, answers: u64) {
        self.browser.run("new BroadcastChannel('click').postMessage('now'); return ''").await;
        self.proxy.wait_for_held(answers);
        let is_of_ada = |bytes: &[u8]| bytes.windows(3).any(|window| window == b"ada");
        wait::until("a session of ada", || {
            self.demo.session_files().iter().any(|(_, bytes)| is_of_ada(bytes)).then_some(())
        });
    }

    /// ada is logged in, once.
    async fn assert_logged_in(&self) {
        assert_eq!(self.browser.text("#user").await, "ada");
        assert_eq!(devices(&self.browser).await, 1);
    }
}

#[tokio::test]
async fn a_double_click_logs_in_once() {
    let scene = Scene::at_the_login().await;
    scene.click_and_hold(1).await;
    // The browser gives up the first request for this one.
    scene.click_and_hold(2).await;
    scene.proxy.hold_replies(false);
    scene.browser.switch_to(&scene.login).await;
    scene.assert_logged_in().await;
}

#[tokio::test]
async fn whoever_never_got_the_first_answer_logs_in_again_at_once() {
    let scene = Scene::at_the_login().await;
    scene.click_and_hold(1).await;
    scene.proxy.swallow_replies(true);
    scene.proxy.hold_replies(false);
    scene.proxy.cut();
    scene.browser.switch_to(&scene.login).await;
    wait::eventually("the browser's own error page", async || {
        let uri = scene.browser.try_run("return document.documentURI").await?;
        uri.as_str().is_some_and(|uri| uri.starts_with("chrome-error:")).then_some(())
    })
    .await;

    scene.proxy.swallow_replies(false);
    scene.fill_in().await;
    scene.browser.follow("#login").await;
    scene.assert_logged_in().await;
}
