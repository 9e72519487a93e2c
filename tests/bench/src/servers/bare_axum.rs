//! axum without sessions, what every other axum server here is compared with, and what they all have in common. One worker is
//! tokio's current-thread runtime.

use anyhow::Result;
use axum::{
    Router,
    http::{StatusCode, header},
    routing::get,
};

use super::{LOOPBACK, OK, announce, bare::COOKIE};
use crate::allocator;

/// An error is of no use but to fail the run.
pub(super) type Answer<T> = Result<T, StatusCode>;

pub(super) fn serve() -> Result<()> {
    block_on(async {
        let login = || async { ([(header::SET_COOKIE, format!("{}={}", COOKIE.0, COOKIE.1))], OK) };
        let app = Router::new()
            .route("/untouched", get(ok))
            .route("/read", get(fallible))
            .route("/readwrite", get(fallible))
            .route("/write", get(fallible))
            .route("/login", get(login))
            .route("/allocs", get(allocs));
        run(app).await
    })
}

pub(super) fn block_on(future: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

pub(super) async fn run(app: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(LOOPBACK).await?;
    announce(listener.local_addr().ok())?;
    Ok(axum::serve(listener, app).await?)
}

pub(super) async fn ok() -> &'static str {
    OK
}

/// As the handlers that use a session, whose errors are not what is measured.
async fn fallible() -> Answer<&'static str> {
    Ok(OK)
}

/// The number of allocations so far, on any axum server.
pub(super) async fn allocs() -> String {
    allocator::allocations().to_string()
}
