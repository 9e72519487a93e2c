//! A headless Chromium of our own behind a chromedriver of our own, both gone when the test is.

use std::{io, process::Command, sync::Arc, thread};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{http, process::Process, program};

/// How Chromium is started.
const SWITCHES: &[&str] = &[
    "--headless=new",
    // Tests may run as root and in small containers, where Chromium's own sandbox and shared memory do not work.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    // It must do what the test says and nothing else: no updates, no sign-in, no chatter with the outside.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    // Two tabs of one window: the one in the background must be as fast as the one in front.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--window-size=1100,800",
];

/// A running chromedriver with one browser session.
#[derive(Debug)]
pub struct Chromedriver {
    client: Client,
    session: String,
    address: String,
    // In this order: the driver ends before the profile is removed.
    _driver: Process,
    profile: Arc<TempDir>,
}

impl Chromedriver {
    /// Starts both, Chromium with this profile, further switches, and preferences by their dotted names.
    pub async fn start(profile: Arc<TempDir>, further: &[&str], preferences: &Value) -> Self {
        let chromium = program::find(&["chromium", "chromium-browser", "google-chrome"], "chromium");
        let program = program::find(&["chromedriver"], "chromium-driver");

        let (driver, port) = loop {
            let mut driver = Process::start(Command::new(&program).arg("--port=0"));
            let port = driver.wait_for_line("its port", |line| {
                // It takes a port that is free for IPv6, and ends if that is not free for IPv4.
                if line.contains("port not available") {
                    return Some(None);
                }
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok().map(Some)
            });
            if let Some(port) = port {
                break (driver, port);
            }
        };
        let address = format!("127.0.0.1:{port}");

        let mut switches: Vec<String> = SWITCHES.iter().chain(further).map(|&switch| switch.to_owned()).collect();
        switches.push(format!("--user-data-dir={}", profile.path().display()));
        let mut wanted = Map::new();
        let options = json!({ "binary": chromium, "args": switches, "prefs": preferences });
        wanted.insert("goog:chromeOptions".into(), options);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://{address}"))
            .await
            .unwrap_or_else(|error| panic!("starting Chromium: {error}\n{}", driver.output()));
        let session = client.session_id().await.expect("asking for the session").expect("a session was opened");
        // The client would end the session from a task of a runtime that is already stopping. We end it ourselves, below.
        client.persist().await.expect("keeping the session");
        Self { client, session, address, _driver: driver, profile }
    }

    /// The client that drives it.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The folder of the profile, which goes with the last who holds it.
    #[must_use]
    pub fn profile(&self) -> Arc<TempDir> {
        Arc::clone(&self.profile)
    }

    /// A command without an argument, outside the runtime.
    fn command(&self, method: &str, command: &str) -> io::Result<Value> {
        let path = format!("/session/{}{command}", self.session);
        let reply = http::exchange(&self.address, &http::request(method, &path, &[], b""))?;
        let mut answer: Value = serde_json::from_slice(&reply.body)?;
        Ok(answer["value"].take())
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        if thread::panicking() {
            for (what, command) in [("at", "/url"), ("showing", "/source")] {
                if let Ok(Value::String(answer)) = self.command("GET", command) {
                    eprintln!("The browser was {what}: {answer}");
                }
            }
        }
        // Answered when Chromium has ended. Killing chromedriver first would leave it running for ever.
        if let Err(error) = self.command("DELETE", "") {
            eprintln!("ending the browser: {error}");
        }
    }
}
