//! What a person does in a browser: open, type, click, look, go back, use two tabs.

use std::{env, fs, path::PathBuf, sync::Arc};

use fantoccini::{Client, Locator, cookies::Cookie, elements::Element, wd::WindowHandle};
use serde_json::{Value, json};

use crate::{chromedriver::Chromedriver, wait};

/// A browser with a fresh profile. Dropping it closes it.
#[derive(Debug)]
pub struct Browser {
    chromedriver: Chromedriver,
}

/// One of its tabs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab(WindowHandle);

impl Browser {
    /// Starts it with one empty tab.
    pub async fn start() -> Self {
        Self::with(&[], &json!({})).await
    }

    /// Starts it with one empty tab, further switches of Chromium, and preferences by their dotted names.
    pub async fn with(switches: &[&str], preferences: &Value) -> Self {
        let profile = tempfile::tempdir().expect("making a folder for the browser's profile");
        Self { chromedriver: Chromedriver::start(Arc::new(profile), switches, preferences).await }
    }

    /// Closes it as a person does who goes home, and opens it again: with the same profile and one empty tab.
    pub async fn closed_and_opened_again(self) -> Self {
        let profile = self.chromedriver.profile();
        // Answered when Chromium has ended, and so has written what it keeps.
        drop(self);
        Self { chromedriver: Chromedriver::start(profile, &[], &json!({})).await }
    }

    /// Opens a page and waits until it has loaded.
    pub async fn open(&self, url: &str) {
        self.client().goto(url).await.unwrap_or_else(|error| panic!("opening {url}: {error}"));
    }

    /// Presses the back button.
    pub async fn back(&self) {
        self.client().back().await.expect("going back");
    }

    /// The path of the page that it shows.
    pub async fn path(&self) -> String {
        self.client().current_url().await.expect("asking for the URL").path().to_owned()
    }

    /// Types into a field that was empty or is to be overwritten.
    pub async fn fill(&self, field: &str, text: &str) {
        let element = self.find(field).await;
        element.clear().await.unwrap_or_else(|error| panic!("emptying {field}: {error}"));
        element.send_keys(text).await.unwrap_or_else(|error| panic!("typing into {field}: {error}"));
    }

    /// Clicks something that changes the page in place.
    pub async fn click(&self, what: &str) {
        self.find(what).await.click().await.unwrap_or_else(|error| panic!("clicking {what}: {error}"));
    }

    /// Clicks something that leads to another page, and waits until that has loaded.
    pub async fn follow(&self, what: &str) {
        self.run("window.seenBefore = true").await;
        self.click(what).await;
        self.wait_for_next_page(what).await;
    }

    /// Waits for the page that comes after the one which `run("window.seenBefore = true")` was called on.
    pub async fn wait_for_next_page(&self, what: &str) {
        wait::eventually(&format!("a page after {what}"), async || {
            let script = "return !window.seenBefore && document.readyState === 'complete'";
            // An error is a page just going away.
            let loaded = self.client().execute(script, Vec::new()).await.unwrap_or_default();
            (loaded == true).then_some(())
        })
        .await;
    }

    /// What something reads, as a person sees it.
    pub async fn text(&self, what: &str) -> String {
        self.find(what).await.text().await.unwrap_or_else(|error| panic!("reading {what}: {error}"))
    }

    /// What each of several things reads.
    pub async fn texts(&self, what: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.all(what).await {
            texts.push(element.text().await.unwrap_or_else(|error| panic!("reading {what}: {error}")));
        }
        texts
    }

    /// Whether the page has it now.
    pub async fn shows(&self, what: &str) -> bool {
        !self.all(what).await.is_empty()
    }

    /// Runs a script in the page and hands back what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.client().execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("running `{script}`: {error}"))
    }

    /// As [`run`](Self::run), but `None` if there is no page to run it in, as while one makes room for the next.
    pub async fn try_run(&self, script: &str) -> Option<Value> {
        self.client().execute(script, Vec::new()).await.ok()
    }

    /// The tab in front.
    pub async fn tab(&self) -> Tab {
        Tab(self.client().window().await.expect("asking for the tab in front"))
    }

    /// Opens another tab and brings it to the front.
    pub async fn new_tab(&self) -> Tab {
        let tab = Tab(self.client().new_window(true).await.expect("opening a tab").handle);
        self.switch_to(&tab).await;
        tab
    }

    /// Brings a tab to the front.
    pub async fn switch_to(&self, tab: &Tab) {
        self.client().switch_to_window(tab.0.clone()).await.expect("switching to a tab");
    }

    /// All cookies that the page's server has set, those that scripts cannot see included.
    pub async fn cookies(&self) -> Vec<Cookie<'static>> {
        self.client().get_all_cookies().await.expect("asking for the cookies")
    }

    /// Puts a cookie into the browser by hand.
    pub async fn put_cookie(&self, cookie: Cookie<'static>) {
        self.client().add_cookie(cookie).await.expect("putting a cookie");
    }

    /// Takes a picture of the page, if the environment says where to: `GSESSION_SCREENSHOTS` names the folder.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = env::var_os("GSESSION_SCREENSHOTS").filter(|folder| !folder.is_empty()).map(PathBuf::from)
        else {
            return;
        };
        let picture = self.client().screenshot().await.expect("taking a picture");
        fs::create_dir_all(&folder).expect("making the folder for pictures");
        fs::write(folder.join(name).with_extension("png"), picture).expect("writing a picture");
    }

    fn client(&self) -> &Client {
        self.chromedriver.client()
    }

    async fn all(&self, what: &str) -> Vec<Element> {
        self.client().find_all(Locator::Css(what)).await.unwrap_or_else(|error| panic!("looking for {what}: {error}"))
    }

    async fn find(&self, what: &str) -> Element {
        wait::eventually(&format!("{what} on the page"), async || self.client().find(Locator::Css(what)).await.ok())
            .await
    }
}
