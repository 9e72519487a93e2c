//! Middlewares of actix-web around the session's, and inside.

use actix_web::{
    App, Error, HttpResponse, Result,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorBadRequest,
    http::StatusCode,
    middleware::{ErrorHandlerResponse, ErrorHandlers, Next, from_fn},
    test::init_service,
    web,
};
use gsession_actix::{Session, SessionExt as _};

use crate::{
    framework::client,
    support::{
        NAME,
        client::Client,
        place::{KINDS, Place},
        request::Request,
        wait_until,
    },
};

/// A middleware further out hands the request to the application a second time, as one does that serves a page of its own
/// instead of a 404.
#[actix_web::test]
async fn a_request_that_is_forwarded_has_an_open_session() {
    let place = Place::memory();
    async fn fallback(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        let response = next.call(request).await?;
        if response.status() != StatusCode::NOT_FOUND {
            return Ok(response);
        }
        let (request, _) = response.into_parts();
        let mut request = ServiceRequest::from_request(request);
        request.head_mut().uri = "/visits".parse().unwrap();
        request.match_info_mut().get_mut().update(&"/visits".parse().unwrap());
        request.match_info_mut().reset();
        next.call(request).await
    }
    async fn visits(session: Session) -> Result<String> {
        let n = session.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
        Ok(n.to_string())
    }
    let app = App::new()
        .route("/visits", web::get().to(visits))
        .default_service(web::to(|| async { HttpResponse::NotFound().finish() }))
        .wrap(place.sessions())
        .wrap(from_fn(fallback));
    let client = client(init_service(app).await);
    assert_eq!(client.send(Request::get("/visits")).await.status, 200);
    let answer = client.send(Request::get("/elsewhere")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "1"), "the session was closed by the first pass");
    assert_eq!(answer.cookies().len(), 1);
}

/// What stands between two middlewares sees the outer one's session, also after the inner one has failed.
#[actix_web::test]
async fn after_an_inner_error_the_outer_session_is_in_front_again() {
    let (place, admin) = (Place::memory(), Place::memory());
    async fn fails(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        Err(ErrorBadRequest("no"))
    }
    async fn between(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        let held = request.request().clone();
        match next.call(request).await {
            Ok(response) => Ok(response),
            Err(error) => {
                held.get_session().set("failures", "1").map_err(Error::from)?;
                Ok(ServiceResponse::new(held, error.error_response()))
            }
        }
    }
    let scope = web::scope("/admin")
        .wrap(from_fn(fails))
        .wrap(admin.builder().cookie_name("admin").build().unwrap())
        .wrap(from_fn(between));
    let app = App::new().service(scope.route("/", web::get().to(|| async { "never" }))).wrap(place.sessions());
    let answer = client(init_service(app).await).send(Request::get("/admin/")).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(place.living(), 1, "the outer session was not written to");
}

/// As an application does that logs people out whom it answers 401.
fn logs_out<B>(response: ServiceResponse<B>) -> Result<ErrorHandlerResponse<B>> {
    response.get_session().destroy();
    Ok(ErrorHandlerResponse::Response(response.map_into_left_body()))
}

#[actix_web::test]
async fn a_destroy_in_an_error_handler_is_carried_out() {
    for kind in KINDS {
        let place = Place::new(kind);
        let handlers = ErrorHandlers::<BoxBody>::new().handler(StatusCode::UNAUTHORIZED, logs_out);
        let refuses = web::get().to(|| async { HttpResponse::Unauthorized().finish() });
        let app = App::new().wrap(place.sessions()).wrap(handlers).route("/", refuses);
        let id = Client::of(place.sessions()).await.login().await;
        let request = Request::get("/").header("cookie", format!("{NAME}={}", id.as_str()));
        assert_eq!(client(init_service(app).await).send(request).await.status, 401);
        // In the background, so the next request may be faster; but it is done.
        wait_until("the session to be ended", || place.record(&id).is_none());
        assert_eq!(place.living(), 0, "{kind:?}");
    }
}
