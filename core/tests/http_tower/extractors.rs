//! Where the session can be had in axum, and what is known of the client.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{ConnectInfo, State},
    routing::{get, post},
};
use gsession::{
    ClientInfo, CustomIds, HashedIds, IdError, IdGenerator as _,
    tower::{Session, SessionError, SessionExt as _},
};
use http::Request;
use tower::ServiceExt as _;

use crate::{
    framework::sending,
    support::{place::Place, request},
};

async fn by_request(request: Request<Body>) -> Result<String, SessionError> {
    let session = request.get_session();
    session.set("from", "request")?;
    session.get_or("user", "nobody".to_owned()).await
}

/// Beside extractors of a state and of the body.
async fn by_extractor(
    session: Session,
    State(nobody): State<&'static str>,
    body: String,
) -> Result<String, SessionError> {
    session.set("from", "extractor")?;
    assert_eq!(body, "");
    session.get_or("user", nobody.to_owned()).await
}

async fn by_extension(Extension(session): Extension<Session>) -> Result<String, SessionError> {
    session.set("from", "extension")?;
    session.get_or("user", "nobody".to_owned()).await
}

/// Uses the session in every way at once.
async fn by_all(
    session: Session,
    Extension(extension): Extension<Session>,
    request: Request<Body>,
) -> Result<String, SessionError> {
    session.set("from", "all")?;
    let (by_extension, by_request) = (extension.get("from").await?, request.get_session().get("from").await?);
    assert_eq!((Some("all".to_owned()), Some("all".to_owned())), (by_extension, by_request));
    Ok("nobody".to_owned())
}

fn router() -> Router<&'static str> {
    Router::new()
        .route("/request", get(by_request))
        .route("/extractor", post(by_extractor))
        .route("/extension", get(by_extension))
        .route("/all", get(by_all))
}

#[tokio::test]
async fn requests_extractors_and_extensions_share_one_session() {
    let place = Place::memory();
    let send = sending(router().with_state("nobody").layer(place.sessions()));
    for (method, from) in [("GET", "request"), ("POST", "extractor"), ("GET", "extension"), ("GET", "all")] {
        let answer = send(request::Request::new(method, format!("/{from}"))).await;
        assert_eq!(answer.body, "nobody");
        assert_eq!(place.data(&answer.issued()).unwrap(), [format!("from=\"{from}\"")]);
    }
    assert_eq!(place.living(), 4, "one session for each request, however it was had");
}

#[tokio::test]
async fn without_the_layer_the_client_is_told_nothing() {
    let send = sending(router().with_state("nobody"));
    for (method, path) in [("GET", "/request"), ("POST", "/extractor")] {
        let answer = send(request::Request::new(method, path)).await;
        assert_eq!((answer.status, answer.body.as_str()), (500, "Internal Server Error"), "{path}");
        assert!(answer.headers.iter().all(|(name, value)| !format!("{name}: {value}").contains("session")));
    }
}

/// The address is found where the application says, and mixed into new ids only.
#[tokio::test]
async fn the_address_of_the_client_is_found_where_the_application_says() {
    let place = Place::memory();
    let seen = Arc::new(Mutex::new(Vec::<Option<SocketAddr>>::new()));
    let (sees, standard) = (Arc::clone(&seen), HashedIds::new());
    let ids = CustomIds::new(
        move |client: &ClientInfo| -> Result<_, IdError> {
            assert!(!format!("{client:?}").contains("secret"));
            sees.lock().unwrap().push(client.remote_addr());
            standard.generate(client)
        },
        |_: &str| true,
    );
    let sessions = place.builder().id_generator(ids).build().unwrap();
    let found = sessions.clone().peer_addr(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0));
    let address = SocketAddr::from(([192, 0, 2, 7], 1234));
    for (sessions, with_address, expected) in
        [(found.clone(), true, Some(address)), (found, false, None), (sessions, true, None)]
    {
        let app: Router = Router::new().route("/", get(by_extension)).layer(sessions);
        let mut request = Request::builder().uri("/").header("cookie", "a=secret");
        if with_address {
            request = request.extension(ConnectInfo(address));
        }
        let Ok(response) = app.oneshot(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(seen.lock().unwrap().pop().unwrap(), expected);
    }
    assert!(seen.lock().unwrap().is_empty());
}
