//! The service: who is logged in, and pages to log in. A real one sends its users to the provider, and gets `sub` and `sid` from the
//! ID token.

use std::{io, net::SocketAddr};

use actix_web::{App, HttpServer, dev::Server, web};
use gsession::{IntoStorage, Login};
use gsession_actix::{Session, SessionError, SessionMiddleware};

use crate::{endpoint, logout_token::Provider};

/// Sessions whose cookie travels over plain HTTP, for this example only.
pub(crate) fn sessions(storage: impl IntoStorage) -> Result<SessionMiddleware, gsession_actix::ConfigError> {
    SessionMiddleware::builder(storage).cookie_name("id").cookie_secure(false).build()
}

/// The service on a free port, or on the one that is given.
pub(crate) fn serve(sessions: SessionMiddleware, provider: Provider, port: u16) -> io::Result<(Server, SocketAddr)> {
    let provider = web::Data::new(provider);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(sessions.manager().clone()))
            .app_data(provider.clone())
            .configure(endpoint::configure)
            .route("/login/{sub}/{sid}", web::post().to(log_in))
            .route("/", web::get().to(who))
            .wrap(sessions.clone())
    });
    let server = server.workers(1).bind(("127.0.0.1", port))?;
    let address = server.addrs().first().copied().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((server.run(), address))
}

async fn log_in(session: Session, path: web::Path<(String, String)>) -> Result<&'static str, SessionError> {
    let (sub, sid) = path.into_inner();
    session.log_in(Login::new(sub).tag(sid)).await?;
    Ok("welcome")
}

async fn who(session: Session) -> Result<String, SessionError> {
    Ok(session.principal().await?.as_deref().unwrap_or("nobody").to_owned())
}
