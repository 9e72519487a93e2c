//! "Log in" clicked twice: because the first answer is slow, and because it never came.

use gsession_test_servers::Proxy;
use gsession_tests::{browser::Browser, demo::Demo, person::devices, wait};

/// The demo behind a proxy, and a browser that shows its login page, filled in.
struct Scene {
    _demo: Demo,
    proxy: Proxy,
    browser: Browser,
}

impl Scene {
    async fn at_the_login() -> Self {
        let demo = Demo::start();
        let (_, port) = demo.address().rsplit_once(':').expect("an address with a port");
        let proxy = Proxy::to(port.parse().expect("a port"));
        let scene = Self { _demo: demo, proxy, browser: Browser::hasty().await };
        scene.fill_in().await;
        scene
    }

    async fn fill_in(&self) {
        self.browser.open(&format!("http://127.0.0.1:{}/login", self.proxy.port())).await;
        self.browser.fill("#username", "ada").await;
        self.browser.fill("#password", "lovelace").await;
    }

    /// Clicks, and waits until the answer is at the proxy: the demo has logged ada in, and the browser does not know.
    async fn click_and_hold(&self) {
        // On a connection of its own: Chromium repeats a request by itself if an older one turns out to be dead.
        self.proxy.cut();
        self.proxy.hold_replies(true);
        self.browser.click("#login").await;
        self.proxy.wait_for_held(1);
    }

    /// ada is logged in, once.
    async fn assert_logged_in(&self) {
        let user = wait::eventually("the profile", async || {
            let script = "return document.querySelector('#user')?.textContent";
            self.browser.try_run(script).await.and_then(|user| user.as_str().map(str::to_owned))
        });
        assert_eq!(user.await, "ada");
        assert_eq!(devices(&self.browser).await, 1);
    }
}

#[tokio::test]
async fn a_double_click_logs_in_once() {
    let scene = Scene::at_the_login().await;
    scene.click_and_hold().await;
    // The browser gives up the first request for this one.
    scene.browser.click("#login").await;
    scene.proxy.wait_for_held(2);
    scene.proxy.hold_replies(false);
    scene.assert_logged_in().await;
}

#[tokio::test]
async fn whoever_never_got_the_first_answer_logs_in_again_at_once() {
    let scene = Scene::at_the_login().await;
    scene.click_and_hold().await;
    scene.proxy.swallow_replies(true);
    scene.proxy.hold_replies(false);
    scene.proxy.cut();
    let browser = &scene.browser;
    wait::eventually("the browser's own error page", async || {
        let url = browser.try_run("return document.documentURI").await?;
        url.as_str().is_some_and(|url| url.starts_with("chrome-error:")).then_some(())
    })
    .await;

    scene.proxy.swallow_replies(false);
    scene.fill_in().await;
    scene.browser.click("#login").await;
    scene.assert_logged_in().await;
}
