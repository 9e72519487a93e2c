//! gRPC: a server and a client of tonic over a real connection.

mod service;

use futures::StreamExt as _;
use gsession::{
    SessionId,
    tower::{SessionLayer, SessionLayerBuilder},
};
use service::{Steps, Text};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{
    Code, Request, Response, Status, Streaming,
    body::Body,
    transport::{Channel, Server, server::TcpIncoming},
};
use tower::{Layer as _, Service as _};

use crate::support::{
    place::{KINDS, Place},
    probe::{CAUSE, Op},
    wait_until,
};

/// A server, and a client that is connected to it.
struct Scene {
    client: tonic::client::Grpc<Channel>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Scene {
    async fn of(sessions: SessionLayer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::builder().layer(sessions).add_service(Steps);
        let server = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            server.serve_with_incoming_shutdown(TcpIncoming::from(listener), stopped).await.unwrap();
        });
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { client: tonic::client::Grpc::new(channel), stop, server }
    }

    async fn does(&mut self, token: Option<&str>, steps: &str) -> Result<Response<String>, Status> {
        self.client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/test.Steps/Run");
        self.client.unary(asking(token, steps), path, Text).await
    }

    async fn streams(&mut self, token: &str) -> Response<Streaming<String>> {
        self.client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/test.Steps/Stream");
        self.client.server_streaming(asking(Some(token), ""), path, Text).await.unwrap()
    }

    /// A token of a user who is logged in.
    async fn login(&mut self) -> String {
        token(self.does(None, "set:ada").await.unwrap().metadata()).expect("a new session has a token")
    }

    async fn stop(self) {
        drop((self.client, self.stop));
        self.server.await.unwrap();
    }
}

fn asking(token: Option<&str>, message: &str) -> Request<String> {
    let mut request = Request::new(message.to_owned());
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    request
}

/// What the client sends from now on, if the answer says so.
fn token(metadata: &tonic::metadata::MetadataMap) -> Option<String> {
    Some(metadata.get("authorization")?.to_str().unwrap().to_owned())
}

fn id_of(token: &str) -> SessionId {
    SessionId::parse(token.strip_prefix("Bearer ").unwrap()).unwrap()
}

fn bearer(place: &Place) -> SessionLayerBuilder {
    place.builder().bearer()
}

#[tokio::test]
async fn a_token_in_the_metadata_is_a_session() {
    for kind in KINDS {
        let place = Place::new(kind);
        let mut scene = Scene::of(bearer(&place).build().unwrap()).await;
        assert!(token(scene.does(None, "hold").await.unwrap().metadata()).is_none());
        let first = scene.login().await;
        let answer = scene.does(Some(&first), "get").await.unwrap();
        assert_eq!((answer.get_ref().as_str(), token(answer.metadata())), ("ada", None), "{kind:?}");
        assert_eq!(answer.metadata().get("vary").unwrap(), "authorization");
        let second = token(scene.does(Some(&first), "renew").await.unwrap().metadata()).unwrap();
        assert_ne!(first, second);
        assert_eq!(scene.does(Some(&second), "get").await.unwrap().get_ref(), "ada");
        assert_eq!(scene.does(Some("Bearer nonsense"), "get").await.unwrap().get_ref(), "nobody");
        scene.does(Some(&second), "destroy").await.unwrap();
        assert_eq!(scene.does(Some(&second), "get").await.unwrap().get_ref(), "nobody");
        assert_eq!(place.living(), 0, "{kind:?}");
        scene.stop().await;
    }
}

/// As the table of HTTP statuses has it, of which each code of gRPC has one (google/rpc/code.proto).
#[tokio::test]
async fn what_a_status_means_for_the_session() {
    for kind in KINDS {
        let place = Place::new(kind);
        let mut scene = Scene::of(bearer(&place).build().unwrap()).await;
        for code in 1..=16 {
            let token = scene.login().await;
            let failed = scene.does(Some(&token), &format!("set:eve,fail:{code}")).await.unwrap_err();
            assert_eq!((failed.code(), failed.message()), (Code::from_i32(code), "as the test wants"));
            // Unknown, DeadlineExceeded, Unimplemented, Internal, Unavailable and DataLoss are 500 or above.
            let is_stored = ![2, 4, 12, 13, 14, 15].contains(&code);
            let user = if is_stored { "user=\"eve\"" } else { "user=\"ada\"" };
            assert_eq!(place.data(&id_of(&token)).unwrap(), [user], "{kind:?} {code}");
            // A logout sticks all the same.
            let failed = scene.does(Some(&token), &format!("destroy,fail:{code}")).await.unwrap_err();
            assert_eq!(failed.code(), Code::from_i32(code));
            assert_eq!(place.living(), 0, "{kind:?} {code}");
            // A new session is made where the status does not say that the service failed, and its token arrives with it.
            let failed = scene.does(None, &format!("set:eve,fail:{code}")).await.unwrap_err();
            let made = token_of(&failed);
            assert_eq!(made.is_some(), is_stored, "{kind:?} {code}");
            if let Some(made) = made {
                scene.does(Some(&made), "destroy").await.unwrap();
            }
        }
        scene.stop().await;
    }
}

fn token_of(status: &Status) -> Option<String> {
    token(status.metadata())
}

/// What the session refuses is the status of the call, by `?` in the handler.
#[tokio::test]
async fn an_error_of_the_session_is_a_status() {
    for kind in KINDS {
        let place = Place::new(kind);
        let limits = gsession::Limits::default().max_value_bytes(100);
        let mut scene = Scene::of(bearer(&place).limits(limits).build().unwrap()).await;
        let ada = scene.login().await;
        for (steps, code) in [
            ("fill:200", Code::ResourceExhausted),
            ("require", Code::Unauthenticated),
            ("login:", Code::InvalidArgument),
            ("own", Code::Internal),
        ] {
            let refused = scene.does(Some(&ada), steps).await.unwrap_err();
            assert_eq!((refused.code(), refused.message()), (code, code.description()), "{kind:?} {steps}");
        }
        place.probe.fail(&[Op::Fetch]);
        let down = scene.does(Some(&ada), "get").await.unwrap_err();
        assert_eq!((down.code(), down.message()), (Code::Unavailable, Code::Unavailable.description()));
        place.probe.fail(&[]);
        scene.stop().await;
    }
}

/// What the layer answers instead of the handler.
#[tokio::test]
async fn an_error_of_the_layer_is_a_status() {
    for kind in KINDS {
        let place = Place::new(kind);
        let mut scene = Scene::of(bearer(&place).build().unwrap()).await;
        let ada = scene.login().await;
        for (op, steps) in
            [(Op::Commit, "set:eve"), (Op::Move, "renew"), (Op::Remove, "destroy"), (Op::Commit, "set:eve,fail:3")]
        {
            let ada = if op == Op::Remove { scene.login().await } else { ada.clone() };
            place.probe.fail(&[op]);
            let down = scene.does(Some(&ada), steps).await.unwrap_err();
            place.probe.fail(&[]);
            assert_eq!((down.code(), down.message()), (Code::Unavailable, "Service Unavailable"), "{kind:?} {steps}");
            assert!(!format!("{down:?}").contains(CAUSE), "{down:?}");
            if op == Op::Remove {
                wait_until("the session to be ended", || place.record(&id_of(&ada)).is_none());
            } else {
                assert_eq!(place.data(&id_of(&ada)).unwrap(), ["user=\"ada\""], "{kind:?} {steps}");
            }
        }
        // The session goes on under another id, and every call of gRPC asks for a change.
        scene.does(Some(&ada), "renew").await.unwrap();
        let late = scene.does(Some(&ada), "set:eve").await.unwrap_err();
        assert_eq!(late.code(), Code::Aborted, "{kind:?}");
        assert_eq!(scene.does(Some(&ada), "update").await.unwrap_err().code(), Code::Aborted);
        scene.stop().await;
    }
}

/// Two layers of one name are refused in gRPC's words.
#[tokio::test]
async fn layers_that_exclude_each_other_are_an_internal_error() {
    let (place, other) = (Place::memory(), Place::memory());
    let inner = bearer(&other).build().unwrap().layer(Steps);
    let mut both = bearer(&place).build().unwrap().layer(inner);
    for kind in ["application/grpc", "application/grpc+proto", "application/grpc-web-text"] {
        let request = http::Request::builder().header("content-type", kind).body(Body::empty()).unwrap();
        let Ok(response) = both.call(request).await;
        let field = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!((response.status().as_u16(), field("content-type"), field("grpc-status")), (200, kind, "13"));
    }
    let Ok(response) = both.call(http::Request::new(Body::empty())).await;
    assert_eq!(response.status(), 500);
    assert!(response.headers().get("grpc-status").is_none());
}

/// The answer begins before its messages are made: then the session is closed.
#[tokio::test]
async fn a_stream_reads_and_logs_out_but_does_not_write() {
    for kind in KINDS {
        let place = Place::new(kind);
        let mut scene = Scene::of(bearer(&place).build().unwrap()).await;
        let ada = scene.login().await;
        let mut words = scene.streams(&ada).await.into_inner();
        assert_eq!(words.next().await.unwrap().unwrap(), "ada", "{kind:?}");
        assert!(words.next().await.is_none());
        wait_until("the session to be ended", || place.record(&id_of(&ada)).is_none());
        scene.stop().await;
    }
}
