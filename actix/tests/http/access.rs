//! Where the session can be had in actix-web's types, and what happens where there is none (H5).

use actix_web::{
    App, FromRequest as _, HttpRequest, HttpResponse, Result,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    test::{TestRequest, init_service},
    web,
};
use gsession_actix::{Session, SessionExt as _};

use crate::{
    framework::{FIX, client},
    support::{NAME, place::Place, request::Request},
};

async fn by_request(req: HttpRequest) -> Result<String> {
    let session = req.get_session();
    session.set("from", "request")?;
    Ok(session.get_or("user", "nobody".to_owned()).await?)
}

async fn by_extractor(session: Session) -> Result<String> {
    session.set("from", "extractor")?;
    Ok(session.get_or("user", "nobody".to_owned()).await?)
}

/// Uses the session of the request on its way in, and of the response on its way out.
async fn on_both_ways(req: ServiceRequest, next: Next<impl MessageBody>) -> Result<ServiceResponse<impl MessageBody>> {
    let before = req.get_session();
    before.set("in", &before.get_or("user", "nobody".to_owned()).await?)?;
    let response = next.call(req).await?;
    response.get_session().set("out", response.status().as_str())?;
    Ok(response)
}

#[actix_web::test]
async fn requests_responses_and_extractors_share_one_session() {
    let place = Place::memory();
    let app = App::new()
        .route("/request", web::get().to(by_request))
        .route("/extractor", web::get().to(by_extractor))
        .wrap(from_fn(on_both_ways))
        .wrap(place.sessions());
    let client = client(init_service(app).await);
    for from in ["request", "extractor"] {
        let answer = client.send(Request::get(format!("/{from}"))).await;
        assert_eq!(answer.body, "nobody");
        let id = answer.issued();
        let expected = [format!("from=\"{from}\""), "in=\"nobody\"".to_owned(), "out=\"200\"".to_owned()];
        assert_eq!(place.data(&id).unwrap(), expected);
    }
    assert_eq!(place.living(), 2, "one session for each request, whoever used it");
}

#[actix_web::test]
async fn without_the_middleware_the_extractor_names_the_fix() {
    let (req, mut payload) = TestRequest::default().to_http_parts();
    let error = Session::from_request(&req, &mut payload).await.unwrap_err();
    assert!(error.to_string().contains(FIX), "{error}");
    let (req, _) = TestRequest::default().to_http_parts();
    let response = ServiceResponse::new(req, HttpResponse::Ok().finish());
    let error = response.get_session().get::<u8>("n").await.unwrap_err();
    assert!(error.to_string().contains(FIX), "{error}");
    let req = TestRequest::default().to_srv_request();
    let error = req.get_session_named(NAME).get::<u8>("n").await.unwrap_err();
    assert!(error.to_string().contains(FIX), "{error}");
    // The client is told nothing of it.
    let client = client(init_service(App::new().route("/", web::get().to(by_extractor))).await);
    let answer = client.send(Request::get("/").header("cookie", format!("{NAME}=x"))).await;
    answer.is_opaque(500);
    answer.no_cookie();
}
