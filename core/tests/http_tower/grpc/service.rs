//! A service of gRPC that does to its session what its messages say.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf as _, BufMut as _};
use futures::Stream;
use gsession::{Error, tower::SessionExt as _};
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, NamedService, ServerStreamingService, UnaryService},
};
use tower::Service;

/// Messages of text. (A real service has a codec that a compiler of protobuf has made; this one needs no compiler.)
#[derive(Default)]
pub(super) struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| Status::invalid_argument("no text"))
    }
}

type Answering<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;
type Words = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

/// A service with two methods: each does to its session what the message says.
#[derive(Clone)]
pub(super) struct Steps;

impl NamedService for Steps {
    const NAME: &'static str = "test.Steps";
}

/// Sets and gets `user`, fails with a code, or asks for something that the session refuses.
async fn run(request: Request<String>) -> Result<Response<String>, Status> {
    let session = request.get_session();
    let mut said = String::new();
    for step in request.get_ref().split(',') {
        let (step, about) = step.split_once(':').unwrap_or((step, ""));
        match step {
            "hold" => {}
            "get" => said = session.get("user").await?.unwrap_or_else(|| "nobody".to_owned()),
            "set" => session.set("user", about)?,
            "fill" => session.set("user", &"x".repeat(about.parse().unwrap()))?,
            "renew" => session.renew()?,
            "login" => session.log_in(about).await?,
            "destroy" => session.destroy(),
            "update" => said = session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).await?.to_string(),
            "own" => session.set("gsession.login", &1)?,
            "require" => session.require_recent(std::time::Duration::MAX).await?,
            "fail" => return Err(Status::new(Code::from_i32(about.parse().unwrap()), "as the test wants")),
            other => panic!("not a step: {other}"),
        }
    }
    Ok(Response::new(said))
}

impl UnaryService<String> for Steps {
    type Response = String;
    type Future = Answering<String>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        Box::pin(run(request))
    }
}

/// Answers at once, and uses the session while the messages are being sent.
impl ServerStreamingService<String> for Steps {
    type Response = String;
    type ResponseStream = Words;
    type Future = Answering<Words>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let session = request.get_session();
        let words = futures::stream::once(async move {
            let refused = session.set("late", &1).unwrap_err();
            assert!(matches!(refused.cause(), Error::Closed), "{refused:?}");
            let user: Option<String> = session.get("user").await?;
            session.destroy();
            Ok(user.unwrap_or_else(|| "nobody".to_owned()))
        });
        Box::pin(async { Ok(Response::new(Box::pin(words) as Words)) })
    }
}

impl Service<http::Request<Body>> for Steps {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = Grpc::new(Text);
            Ok(match request.uri().path() {
                "/test.Steps/Run" => grpc.unary(Self, request).await,
                _ => grpc.server_streaming(Self, request).await,
            })
        })
    }
}
