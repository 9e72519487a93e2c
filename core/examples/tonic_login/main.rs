//! A gRPC service whose token travels in metadata, with a stream that ends when its user logs out.
//!
//! `cargo run --features tonic --example tonic_login` serves on port 50051. With `-- --self-test` it is its own client,
//! and ends.

use std::{error::Error, pin::Pin, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use gsession::{
    MemoryStorage,
    tower::{SessionExt as _, SessionLayer},
};
use tokio::{net::TcpListener, sync::watch};
use tonic::{
    Request, Response, Status,
    transport::server::{Server, TcpIncoming},
};

use accounts::{
    Credentials, News, Nothing, Welcome,
    accounts_server::{Accounts, AccountsServer},
};

#[allow(clippy::pedantic, missing_docs, unreachable_pub, reason = "generated")]
mod accounts;
mod self_test;

struct Service {
    /// Whether the server is stopping: it waits for open streams, so they must end.
    stopping: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl Accounts for Service {
    /// The layer puts the token into the metadata of the answer.
    async fn log_in(&self, request: Request<Credentials>) -> Result<Response<Welcome>, Status> {
        let session = request.get_session();
        let Credentials { user, password } = request.into_inner();
        // Yours looks it up, and compares a hash of it.
        if password != "secret" {
            return Err(Status::permission_denied("wrong name or password"));
        }
        session.log_in(user).await?;
        let logins = session.update("logins", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
        Ok(Response::new(Welcome { logins }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<News, Status>> + Send>>;

    async fn watch(&self, request: Request<Nothing>) -> Result<Response<Self::WatchStream>, Status> {
        let session = request.get_session();
        let Some(user) = session.principal().await? else {
            return Err(Status::unauthenticated("log in first"));
        };
        let news = stream::unfold(0, move |number: u64| {
            let text = format!("News {number} for {user}");
            async move {
                if number > 0 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Some((Ok(News { text }), number + 1))
            }
        });
        let mut stopping = self.stopping.clone();
        // The stream goes on after the head of the response, and so does this future.
        let over = async move {
            tokio::select! {
                _ = session.ended() => {}
                _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
            }
        };
        Ok(Response::new(Box::pin(news.take_until(Box::pin(over)))))
    }

    async fn log_out(&self, request: Request<Nothing>) -> Result<Response<Nothing>, Status> {
        request.get_session().log_out();
        Ok(Response::new(Nothing {}))
    }
}

/// Serves until `stop`.
async fn serve(
    sessions: SessionLayer,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (stopping, is_stopping) = watch::channel(false);
    let stop = async move {
        stop.await;
        stopping.send_replace(true);
    };
    let service = AccountsServer::new(Service { stopping: is_stopping });
    let server = Server::builder().layer(sessions.clone()).add_service(service);
    server.serve_with_incoming_shutdown(TcpIncoming::from(listener), stop).await?;
    sessions.shutdown().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let sessions = SessionLayer::builder(MemoryStorage::new()).bearer().build()?;
    if std::env::args().any(|argument| argument == "--self-test") {
        return self_test::run(sessions).await;
    }
    let listener = TcpListener::bind(("127.0.0.1", 50_051)).await?;
    println!("127.0.0.1:50051");
    serve(sessions, listener, async { drop(tokio::signal::ctrl_c().await) }).await
}
