//! actix-web without sessions: what every other actix server here is compared with.

use actix_web::{App, HttpServer, Responder, http::header, web};
use anyhow::Result;

use super::{LOOPBACK, OK, announce};
use crate::allocator;

/// What `/login` of a bare server answers, so that its requests carry a cookie of the usual length: what the
/// difference shows is then the session, not some more bytes in the request.
pub(super) const COOKIE: (&str, &str) = ("id", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG");

pub(super) fn serve_actix() -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| {
            App::new()
                .route("/untouched", web::get().to(ok))
                .route("/read", web::get().to(fallible))
                .route("/readwrite", web::get().to(fallible))
                .route("/write", web::get().to(fallible))
                .route("/login", web::get().to(login))
                .route("/allocs", web::get().to(allocs))
        })
        .workers(1)
        .disable_signals()
        .bind(LOOPBACK)?;
        announce(server.addrs().first().copied())?;
        Ok(server.run().await?)
    })
}

async fn ok() -> &'static str {
    OK
}

/// As the handlers that use a session, whose errors are not what is measured.
async fn fallible() -> actix_web::Result<&'static str> {
    Ok(OK)
}

async fn login() -> impl Responder {
    OK.customize().insert_header((header::SET_COOKIE, format!("{}={}", COOKIE.0, COOKIE.1)))
}

/// The number of allocations so far, on any actix server.
pub(super) async fn allocs() -> String {
    allocator::allocations().to_string()
}
