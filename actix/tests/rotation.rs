//! Rotation through the middleware: a new id goes the way the client's came, and only when it is due (S15).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::time::Duration;

use actix_web::{
    App, HttpResponse, Result,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::header::{AUTHORIZATION, COOKIE, HeaderName, SET_COOKIE},
    test::{TestRequest, call_service, init_service},
    web,
};
use gsession::{ConfigError, ManualClock, MemoryStorage, OnReuse};
use gsession_actix::{ConfigError as HttpError, Session, SessionMiddleware, SessionMiddlewareBuilder};

const PERIOD: Duration = Duration::from_secs(900);

async fn log_in(session: Session) -> Result<HttpResponse> {
    session.log_in("ada").await?;
    Ok(HttpResponse::Ok().finish())
}

async fn user(session: Session) -> Result<String> {
    Ok(session.principal().await?.map_or_else(|| "nobody".to_owned(), |who| who.to_string()))
}

async fn broken(session: Session) -> Result<HttpResponse> {
    session.principal().await?;
    Ok(HttpResponse::InternalServerError().finish())
}

fn rotating(clock: &ManualClock) -> SessionMiddlewareBuilder {
    SessionMiddleware::builder(MemoryStorage::new()).clock(clock.clone()).rotate_every(PERIOD)
}

async fn app(
    sessions: SessionMiddleware,
) -> impl Service<actix_http::Request, Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error> {
    let app = App::new().wrap(sessions).route("/login", web::get().to(log_in));
    init_service(app.route("/user", web::get().to(user)).route("/broken", web::get().to(broken))).await
}

/// How an id travels.
struct Way {
    sent_as: HeaderName,
    received_as: HeaderName,
}

impl Way {
    /// The text that the client sends from now on, if the response changes it.
    fn of(&self, response: &ServiceResponse<impl MessageBody>) -> Option<String> {
        let value = response.headers().get(&self.received_as)?.to_str().unwrap();
        Some(value.split(';').next().unwrap().to_owned())
    }

    /// What a request with this text is told, and the text that it is sent.
    async fn ask(
        &self,
        app: &impl Service<actix_http::Request, Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error>,
        path: &str,
        text: &str,
    ) -> (String, Option<String>) {
        let request = TestRequest::get().uri(path).insert_header((self.sent_as.clone(), text)).to_request();
        let response = call_service(app, request).await;
        let new = self.of(&response);
        let body = actix_web::body::to_bytes(response.into_body()).await.ok().unwrap();
        (String::from_utf8(body.to_vec()).unwrap(), new)
    }
}

#[actix_web::test]
async fn a_new_id_goes_the_way_the_clients_came() {
    let clock = ManualClock::default();
    let custom = HeaderName::from_static("x-session");
    for (builder, sent_as, received_as) in [
        (rotating(&clock).cookie_name("sid").cookie_secure(false), COOKIE, SET_COOKIE),
        (rotating(&clock).bearer(), AUTHORIZATION, AUTHORIZATION),
        (rotating(&clock).header_only("x-session"), custom.clone(), custom),
    ] {
        let way = Way { sent_as, received_as };
        let app = app(builder.build().unwrap()).await;
        let first = way.of(&call_service(&app, TestRequest::get().uri("/login").to_request()).await).unwrap();
        assert_eq!(way.ask(&app, "/user", &first).await, ("ada".to_owned(), None), "not due");
        clock.advance(PERIOD);
        let (user, second) = way.ask(&app, "/user", &first).await;
        let second = second.unwrap();
        assert_eq!(user, "ada");
        assert!(second.starts_with(&first) && second.len() == first.len() + 24, "{second}");
        assert_eq!(way.ask(&app, "/user", &second).await, ("ada".to_owned(), None));
        // A response that failed brings it, too: the rotation is not what failed.
        clock.advance(PERIOD);
        let (_, third) = way.ask(&app, "/broken", &second).await;
        assert_eq!(way.ask(&app, "/user", &third.unwrap()).await, ("ada".to_owned(), None));
        clock.advance(PERIOD);
        let (user, removal) = way.ask(&app, "/user", &first).await;
        assert_eq!(user, "nobody", "a stolen id");
        assert_eq!(removal, (way.sent_as == COOKIE).then(|| "sid=".to_owned()));
    }
}

#[actix_web::test]
async fn settings_that_cannot_work_are_refused_when_they_are_built() {
    let clock = ManualClock::default();
    let built = rotating(&clock).rotation_grace(PERIOD).on_reuse(OnReuse::Refuse).build();
    assert!(matches!(built, Err(HttpError::Lifetime(ConfigError::RotationTooOften))));
}
