//! A missing layer is a mistake of the application: the log names the fix, and the client learns nothing.

use axum::{Router, body::Body, routing::get};
use gsession::tower::{Session, SessionError, SessionExt as _};
use http::Request;
use tower::ServiceExt as _;

use crate::support::log;

async fn by_extractor(session: Session) -> Result<String, SessionError> {
    session.get_or("user", "nobody".to_owned()).await
}

async fn by_request(request: Request<Body>) -> Result<String, SessionError> {
    request.get_session().get_or("user", "nobody".to_owned()).await
}

#[tokio::test]
async fn the_log_names_the_fix_and_the_answer_does_not() {
    let (log, _guard) = log::of_this_thread();
    let app: Router = Router::new().route("/extractor", get(by_extractor)).route("/request", get(by_request));
    for path in ["/extractor", "/request"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let Ok(response) = app.clone().oneshot(request).await;
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body, "Internal Server Error");
        let text = std::mem::take(&mut *log.lock().unwrap());
        let errors: Vec<_> = text.lines().filter(|line| line.starts_with("ERROR")).collect();
        let [line] = errors[..] else { panic!("{path}: {text}") };
        assert!(line.contains("SessionLayer"), "{path}: {line}");
    }
}

/// A gRPC status as well.
#[tokio::test]
async fn a_status_of_grpc_names_the_fix_in_the_log_only() {
    let (log, _guard) = log::of_this_thread();
    let error = tonic::Request::new(()).get_session().get::<u8>("n").await.unwrap_err();
    let status = tonic::Status::from(error);
    assert_eq!(status.code(), tonic::Code::Internal);
    assert!(!format!("{status:?}").contains("SessionLayer"));
    assert!(log.lock().unwrap().contains("SessionLayer"));
}
