//! Layers around the session's, and beside it.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
};

use gsession::{
    Error, SessionId,
    tower::{Session, SessionError, SessionExt as _},
};
use http::{Request, Response};
use tower::{
    Layer as _, ServiceBuilder, ServiceExt as _,
    retry::{Policy, RetryLayer},
    service_fn,
};

use crate::support::{
    ATTRIBUTES, NAME,
    client::Client,
    key_of,
    place::{KINDS, Kind, Place},
    probe::Op,
    wait_until,
};

type Answer = Response<String>;

fn presenting(id: &SessionId) -> Request<()> {
    Request::builder().header("cookie", format!("{NAME}={}", id.as_str())).body(()).unwrap()
}

fn cookies<B>(response: &Response<B>) -> Vec<&str> {
    response.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect()
}

/// Writes under three names, and to one that there is not.
async fn writes_everywhere(request: Request<()>) -> Result<Answer, SessionError> {
    let session = request.get_session();
    session.set("in", "innermost")?;
    session.named("shop").set("in", "shop")?;
    session.named("site").set("in", "site")?;
    let missing = session.named("nowhere").set("in", "nowhere").unwrap_err();
    assert!(matches!(missing.cause(), Error::Detached(_)), "{missing:?}");
    // From a session that is further out, those further in are not seen.
    assert!(session.named("site").named("shop").set("in", "shop").is_err());
    assert!(session.named("shop").named("site").set("again", &1).is_ok());
    Ok(Answer::default())
}

#[tokio::test]
async fn nested_layers_are_found_by_their_names() {
    for kind in KINDS {
        let places = ["site", "shop", "admin"].map(|name| (name, Place::new(kind)));
        let [site, shop, admin] =
            places.each_ref().map(|(name, place)| place.builder().cookie_name(*name).build().unwrap());
        let service = ServiceBuilder::new().layer(site).layer(shop).layer(admin).service_fn(writes_everywhere);
        let response = service.oneshot(Request::new(())).await.unwrap();
        let lines = cookies(&response);
        assert_eq!(lines.len(), 3, "{kind:?}: {lines:?}");
        for (name, place) in &places {
            let line = lines.iter().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap();
            let id = SessionId::parse(line.strip_suffix(ATTRIBUTES).unwrap()).unwrap();
            let expected: &[&str] = match *name {
                "admin" => &["in=\"innermost\""],
                "shop" => &["in=\"shop\""],
                _ => &["again=1", "in=\"site\""],
            };
            assert_eq!(place.data(&id).unwrap(), expected, "{kind:?}");
        }
    }
}

/// Around a router and around one in it, and once more by mistake.
#[tokio::test]
async fn the_same_layer_any_number_of_times_is_one() {
    async fn writes(request: Request<()>) -> Result<Answer, SessionError> {
        let session = request.get_session();
        session.set("n", &1)?;
        assert!(session.named(NAME).contains_key("n").await?);
        Ok(Answer::default())
    }
    for kind in KINDS {
        let place = Place::new(kind);
        let sessions = place.sessions();
        let layers = ServiceBuilder::new().layer(sessions.clone()).layer(sessions.clone()).layer(sessions);
        let response = layers.service_fn(writes).oneshot(Request::new(())).await.unwrap();
        assert_eq!(cookies(&response).len(), 1, "{kind:?}");
        assert_eq!(place.asked(), [Op::Create]);
    }
}

/// Repeats a request until the answer is not 503.
#[derive(Clone)]
struct Again(usize);

impl Policy<Request<()>, Answer, SessionError> for Again {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<()>, result: &mut Result<Answer, SessionError>) -> Option<Ready<()>> {
        let failed = result.as_ref().is_ok_and(|answer| answer.status() == 503);
        self.0 = self.0.checked_sub(1)?;
        failed.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<()>) -> Option<Request<()>> {
        Some(request.clone())
    }
}

/// Counts how often it was tried, and answers 503 until the third time.
async fn flaky(request: Request<()>) -> Result<Answer, SessionError> {
    let session = request.get_session();
    let tries = session.get::<u64>("tries").await?.unwrap_or(0) + 1;
    session.set("tries", &tries)?;
    let status = if tries < 3 { 503 } else { 200 };
    Ok(Response::builder().status(status).body(tries.to_string()).unwrap())
}

/// A retry inside the layer is one request: its tries share the session, and the last answer counts.
#[tokio::test]
async fn a_retry_inside_the_layer_shares_the_session() {
    for kind in KINDS {
        let place = Place::new(kind);
        let sessions = place.sessions();
        let id = Client::of(sessions.clone()).await.login().await;
        let service = ServiceBuilder::new().layer(sessions).layer(RetryLayer::new(Again(5))).service_fn(flaky);
        let response = service.oneshot(presenting(&id)).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(place.data(&id).unwrap(), ["tries=3", "user=\"ada\""], "{kind:?}");
    }
}

/// A retry around the layer is another request: a failed try has stored nothing, and each has an open session.
#[tokio::test]
async fn a_retry_around_the_layer_begins_anew() {
    async fn fails_until_told(request: Request<()>) -> Result<Response<String>, SessionError> {
        let session = request.get_session();
        let seen = session.contains_key("n").await?;
        session.set("n", &1)?;
        assert!(!seen, "what a failed try wrote is dropped");
        Ok(Response::builder().status(503).body(String::new()).unwrap())
    }
    /// As [`Again`], for the bodies of the layer.
    #[derive(Clone)]
    struct Three(usize);
    impl<B> Policy<Request<()>, Response<B>, SessionError> for Three {
        type Future = Ready<()>;

        fn retry(&mut self, _: &mut Request<()>, _: &mut Result<Response<B>, SessionError>) -> Option<Ready<()>> {
            self.0 = self.0.checked_sub(1)?;
            Some(ready(()))
        }

        fn clone_request(&mut self, request: &Request<()>) -> Option<Request<()>> {
            Some(request.clone())
        }
    }
    let place = Place::memory();
    let sessions = place.sessions();
    let id = Client::of(sessions.clone()).await.login().await;
    place.asked();
    let service = ServiceBuilder::new().layer(RetryLayer::new(Three(2))).layer(sessions).service_fn(fails_until_told);
    assert_eq!(service.oneshot(presenting(&id)).await.unwrap().status(), 503);
    assert_eq!(place.asked(), [Op::Fetch; 3], "three tries, each of which looked for itself");
    assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""]);
}

/// A layer between two others of the same name repeats the request: the inner one has passed it before.
#[tokio::test]
async fn a_request_that_passes_a_nested_layer_twice_has_an_open_session() {
    let (place, admin) = (Place::memory(), Place::memory());
    let inner = admin.builder().cookie_name("admin").build().unwrap().layer(service_fn(flaky));
    let twice = service_fn(move |request: Request<()>| {
        let inner = inner.clone();
        async move {
            let first = inner.clone().oneshot(request.clone()).await?;
            assert_eq!(first.status(), 503);
            assert!(request.get_session().set("between", &1).is_ok());
            inner.oneshot(request).await
        }
    });
    let response = place.sessions().layer(twice).oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(place.living(), 0, "the answer failed");
    assert_eq!(admin.living(), 0);
}

#[tokio::test]
async fn an_outer_layer_finds_the_error_and_may_answer_otherwise() {
    async fn writes(request: Request<()>) -> Result<Answer, Infallible> {
        request.get_session().set("n", &1).unwrap();
        Ok(Response::builder().status(201).header("x-of", "the handler").body("done".to_owned()).unwrap())
    }
    for kind in KINDS {
        let place = Place::new(kind);
        let service = ServiceBuilder::new().layer(place.sessions()).service_fn(writes);
        place.probe.fail(&[Op::Create]);
        let response = service.clone().oneshot(Request::new(())).await.unwrap();
        let error = response.extensions().get::<Arc<SessionError>>().expect("the error is with the response");
        assert_eq!((error.status(), response.status().as_u16()), (503, 503), "{kind:?}");
        assert!(matches!(error.cause(), Error::Storage(_)), "{error:?}");
        // Nothing is left of the answer that was replaced.
        assert!(response.headers().get("x-of").is_none());
        assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(0));
        assert!(http_body::Body::is_end_stream(response.body()));
        place.probe.fail(&[]);
        let response = service.oneshot(Request::new(())).await.unwrap();
        assert!(response.extensions().get::<Arc<SessionError>>().is_none());
        assert_eq!(response.status(), 201);
    }
}

/// Without the layer everything says what is missing, wherever the session is asked for.
#[tokio::test]
async fn without_the_layer_every_way_to_the_session_names_the_fix() {
    let (mut parts, ()) = Request::new(()).into_parts();
    let sessions = [
        Request::new(()).get_session(),
        Request::new(()).get_session().named("shop"),
        parts.get_session(),
        parts.extensions.get_session(),
        tonic::Request::new(()).get_session(),
    ];
    for session in sessions {
        let error = session.get::<u8>("n").await.unwrap_err();
        assert!(error.to_string().contains("SessionLayer"), "{error}");
        assert_eq!((error.status(), session.core().set("n", &1).is_err()), (500, true));
        assert_eq!(format!("{session:?}"), "Session");
    }
    let error = <Session as axum::extract::FromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
    assert!(error.unwrap_err().to_string().contains("SessionLayer"));
}

/// A handle that a task keeps is closed, and a logout with it is waited for when the service stops.
#[tokio::test]
async fn a_logout_after_the_response_is_done_when_the_service_has_stopped() {
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel::<Session>();
    // Files, because only their operations take their time.
    let place = Place::new(Kind::File);
    let sessions = place.sessions();
    let id = Client::of(sessions.clone()).await.login().await;
    let service = sessions.layer(service_fn(move |request: Request<()>| {
        keep.send(request.get_session()).unwrap();
        ready(Ok::<_, Infallible>(Answer::default()))
    }));
    service.oneshot(presenting(&id)).await.unwrap();
    let session = kept.recv().await.unwrap();
    // With nothing to do, stopping takes no time.
    sessions.shutdown().await;
    assert!(matches!(session.set("late", &1).unwrap_err().cause(), Error::Closed));
    assert_eq!(session.get::<String>("user").await.unwrap().unwrap(), "ada");

    place.asked();
    place.probe.hold(Some(Op::Remove));
    session.destroy();
    wait_until("the logout has begun", || place.probe.count(Op::Remove) == 1);
    let stopping = tokio::spawn(sessions.shutdown());
    tokio::task::yield_now().await;
    assert!(!stopping.is_finished() && place.record(&id).is_some());
    place.probe.hold(None);
    stopping.await.unwrap();
    assert!(place.record(&id).is_none(), "the service has stopped, and the session lives");
    // Afterwards as well.
    assert!(!sessions.manager().destroy(key_of(&id)).await.unwrap());
}
