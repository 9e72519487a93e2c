//! Rotation through the middleware: a new id goes the way the client's came, and only when it is due (S15).

use std::time::Duration;

use gsession::{ConfigError, ManualClock, MemoryStorage, OnReuse, http::ConfigError as HttpError};

use crate::{
    framework::{Ask, Builder, Sessions},
    support::{
        NAME,
        answer::Answer,
        app::{App, Failure, Reply},
        client::Client,
        place::Place,
        request::Request,
    },
};

const PERIOD: Duration = Duration::from_secs(900);

async fn log_in(ask: Ask) -> Result<Reply, Failure> {
    ask.session().log_in("ada").await?;
    Ok("".into())
}

async fn user(ask: Ask) -> Result<Reply, Failure> {
    Ok(ask.session().principal().await?.map_or_else(|| "nobody".to_owned(), |who| who.to_string()).into())
}

async fn broken(ask: Ask) -> Result<Reply, Failure> {
    ask.session().principal().await?;
    Ok(Reply::status(500))
}

fn rotating(clock: &ManualClock) -> Builder {
    Sessions::builder(MemoryStorage::new()).clock(clock.clone()).rotate_every(PERIOD)
}

async fn client(sessions: Sessions) -> Client {
    let app = App::new().route("/login", log_in).route("/user", user).route("/broken", broken);
    app.wrap(sessions).client().await
}

/// How an id travels.
struct Way {
    sent_as: &'static str,
    received_as: &'static str,
}

impl Way {
    /// The text that the client sends from now on, if the response changes it.
    fn of(&self, answer: &Answer) -> Option<String> {
        Some(answer.all(self.received_as).first()?.split(';').next().unwrap().to_owned())
    }

    /// What a request with this text is told, and the text that it is sent.
    async fn ask(&self, client: &Client, path: &str, text: &str) -> (String, Option<String>) {
        let answer = client.send(Request::get(path).header(self.sent_as, text)).await;
        let new = self.of(&answer);
        (answer.body, new)
    }
}

#[tokio::test]
async fn a_new_id_goes_the_way_the_clients_came() {
    let clock = ManualClock::default();
    for (builder, sent_as, received_as) in [
        (rotating(&clock).cookie_name("sid").cookie_secure(false), "cookie", "set-cookie"),
        (rotating(&clock).bearer(), "authorization", "authorization"),
        (rotating(&clock).header_only("x-session"), "x-session", "x-session"),
    ] {
        let way = Way { sent_as, received_as };
        let client = client(builder.build().unwrap()).await;
        let first = way.of(&client.send(Request::get("/login")).await).unwrap();
        assert_eq!(way.ask(&client, "/user", &first).await, ("ada".to_owned(), None), "not due");
        clock.advance(PERIOD);
        let (user, second) = way.ask(&client, "/user", &first).await;
        let second = second.unwrap();
        assert_eq!(user, "ada");
        assert!(second.starts_with(&first) && second.len() == first.len() + 24, "{second}");
        assert_eq!(way.ask(&client, "/user", &second).await, ("ada".to_owned(), None));
        // A response that failed brings it, too: the rotation is not what failed.
        clock.advance(PERIOD);
        let (_, third) = way.ask(&client, "/broken", &second).await;
        assert_eq!(way.ask(&client, "/user", &third.unwrap()).await, ("ada".to_owned(), None));
        clock.advance(PERIOD);
        let (user, removal) = way.ask(&client, "/user", &first).await;
        assert_eq!(user, "nobody", "a stolen id");
        assert_eq!(removal, (way.sent_as == "cookie").then(|| "sid=".to_owned()));
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_when_they_are_built() {
    let clock = ManualClock::default();
    let built = rotating(&clock).rotation_grace(PERIOD).on_reuse(OnReuse::Refuse).build();
    assert!(matches!(built, Err(HttpError::Lifetime(ConfigError::RotationTooOften))));
}

/// What counts is when a request arrived, not when its handler first asks for the session.
#[tokio::test]
async fn a_slow_request_that_looks_late_is_no_thief() {
    let place = Place::memory();
    let client = Client::of(place.builder().rotate_every(PERIOD).build().unwrap()).await;
    let first = client.new_does("login:ada,set:user=ada").await.issued();
    let first = format!("{NAME}={}", first.as_str());
    place.clock.advance(PERIOD);
    let quick = async {
        let answer = client.with_cookie(&first, "get").await;
        let second = answer.cookies()[0].split(';').next().unwrap().to_owned();
        assert_eq!(client.with_cookie(&second, "get").await.body, "\"ada\"");
        place.clock.advance(Duration::from_secs(90));
        second
    };
    let (slow, second) = client.during(client.with_cookie(&first, "pause,get"), quick).await;
    assert_eq!(slow.body, "\"ada\"");
    assert!(!slow.cookies().iter().any(|line| line.starts_with(&format!("{NAME}=;"))), "{:?}", slow.cookies());
    assert_eq!(client.with_cookie(&second, "get").await.body, "\"ada\"", "nobody was logged out");
}
