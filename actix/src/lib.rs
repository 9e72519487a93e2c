//! gsession for actix-web: a middleware, `req.get_session()`, and an extractor.
//!
//! ```no_run
//! use actix_web::{App, HttpRequest, HttpServer, Result, web};
//! use gsession::FileStorage;
//! use gsession_actix::{SessionExt, SessionMiddleware};
//!
//! async fn visits(req: HttpRequest) -> Result<String> {
//!     let session = req.get_session();
//!     let n = session.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
//!     Ok(format!("visit number {n}"))
//! }
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sessions = SessionMiddleware::new(FileStorage::open("sessions")?);
//! HttpServer::new(move || App::new().wrap(sessions.clone()).route("/", web::get().to(visits)))
//!     .bind(("127.0.0.1", 8080))?
//!     .run()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # When a request is over
//!
//! The middleware stores the changes before the response head is sent, so the next request sees them:
//!
//! | the handler … | writes and renewals | `destroy` | touch |
//! |---|---|---|---|
//! | answers below 500, or returns an `Err` with such a status | stored | done | done |
//! | answers 500 or above, or returns an `Err` with such a status | dropped | done | done |
//! | panics, or is dropped because its client has left | dropped | done, in the background | done if it had read |
//!
//! What [`save`](gsession::AsyncSession::save), [`update`](gsession::AsyncSession::update),
//! [`try_update`](gsession::AsyncSession::try_update) or
//! [`get_or_insert_with`](gsession::AsyncSession::get_or_insert_with) has stored stays stored. If the storage fails at
//! the end, the response is replaced by a 503 with an opaque body.
//!
//! If another request ends or renews the session while the handler is using it, the handler's changes are dropped and
//! logged, except for a login (see below). The response must not claim more than is true. It is replaced by 409
//! Conflict
//!
//! - if the handler renewed the session and wrote to it, or set its principal: otherwise the page would say "logged
//!   in";
//! - if another request renewed the session and this request's method is not safe (RFC 9110 9.2.1), such as `POST`: the
//!   session lives, and the user would believe that the change is in it.
//!
//! A response that is already an error stays as it is. To answer differently, call
//! [`save`](gsession::AsyncSession::save) and check for [`Saved::Gone`](gsession::Saved::Gone).
//!
//! Once the response is ready, the session is closed. An outer middleware, a streamed body or a task that still has the
//! session can read it. It can also [`destroy`](gsession::AsyncSession::destroy) it, which happens in the background.
//! Every write is an error ([`gsession::Error::Closed`]).
//!
//! A logout that cannot be carried out at once, because the storage fails or the client has left, is retried in the
//! background until the [`shutdown_timeout`](SessionMiddlewareBuilder::shutdown_timeout) has passed.
//!
//! # WebSockets and other long answers
//!
//! A WebSocket's request is over once the handshake is answered, and its `Session` handle is then closed. Keep it, and
//! [reopen](gsession::AsyncSession::reopen) it for each message:
//!
//! ```
//! use gsession_actix::{Session, SessionError};
//!
//! # async fn on_message(session: Session) -> Result<(), SessionError> {
//! let session = session.reopen();
//! let Some(user) = session.get::<String>("user").await? else {
//!     return Ok(()); // logged out: close the socket
//! };
//! session.update("messages", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
//! # let _ = user; Ok(()) }
//! # let _ = on_message;
//! ```
//!
//! [`update`](gsession::AsyncSession::update) stores at once; after [`set`](gsession::AsyncSession::set), call
//! [`save`](gsession::AsyncSession::save). A socket never learns a new id, so after a renewal it can no longer use the
//! session. The socket goes on when the id [rotates](SessionMiddlewareBuilder::rotate_every).
//!
//! [`ended`](gsession::AsyncSession::ended) waits until the session ends, wherever that is done, so that the socket closes on logout
//! ([S18](gsession::design#s18)):
//!
//! ```
//! use std::pin::pin;
//! use gsession_actix::Session;
//!
//! # async fn next_message() -> Option<String> { None }
//! # async fn serve(session: Session) {
//! let mut ended = pin!(session.ended());
//! loop {
//!     tokio::select! {
//!         _ = &mut ended => break, // logged out: close the socket
//!         message = next_message() => match message {
//!             Some(message) => drop(message),
//!             None => break,
//!         },
//!     }
//! }
//! # }
//! # let _ = serve;
//! ```
//!
//! For server-sent events, end the stream with it: `events.take_until(session.ended())`, with `StreamExt` of the crate `futures`. The example
//! `close_on_logout` in the repository has both.
//!
//! # Which id counts, and what the client is told
//!
//! See [`gsession::http`](gsession::http#which-id-counts-and-what-the-client-is-told).
//!
//! # When the client leaves first
//!
//! actix-web decides whether a handler is dropped when its client leaves. In most cases it is not, and its changes are
//! stored as if the client were still there:
//!
//! | how the client leaves | protocol | what the handler does | writes, renewals | `destroy` |
//! |---|---|---|---|---|
//! | resets the connection (TCP RST) | HTTP/1.1 | is dropped at once | dropped, unless they are being stored already | done, in the background |
//! | resets it before the server has read everything | HTTP/1.1 | runs to completion | stored | done |
//! | closes it, or stops sending (TCP FIN) | HTTP/1.1 | runs to completion | stored | done |
//! | the same, with [`h1_allow_half_closed(false)`][half] | HTTP/1.1 | is dropped at once | dropped, unless they are being stored already | done, in the background |
//! | cancels the request (`RST_STREAM`) | HTTP/2 | runs to completion | stored | done |
//! | closes or resets the connection, with or without `GOAWAY` | HTTP/2 | runs to completion | stored | done |
//!
//! If the request's body is cut off while a handler reads it, the handler gets an error, unless it is dropped. The
//! server's `client_disconnect_timeout` changes nothing here: it is for connections on which no handler runs.
//!
//! So a response that never arrived may have renewed the session. The client still has the old id, and requests with it
//! are answered as if nobody were logged in. A client that repeats the login with the old id is logged in to the
//! session that the first login renewed. The same can happen with a client that is still there: no server knows whether
//! its response arrives.
//!
//! A handler that must not store anything for a client that has left can find out, though never for certain. Over
//! HTTP/1.1, have it dropped: set [`h1_allow_half_closed(false)`][half], and read the body first, because the server
//! does not notice anything behind a long unread body. Over HTTP/2, take the request's
//! [`Payload`](actix_web::web::Payload), read the body to its end, and poll it once more just before you write: an
//! error means that the request was cancelled or its connection is gone, even if there was no body. Then answer 500 or
//! above, and nothing is stored. If something must count only once the client has the response, have the client confirm
//! it in a second request.
//!
//! [half]: actix_web::HttpServer::h1_allow_half_closed
//!
//! # Assumptions about the deployment
//!
//! - The cookie is `Secure`: browsers store and send it over HTTPS only, but some accept it over plain HTTP on
//!   `localhost`. For development over plain HTTP, set
//!   [`cookie_secure(false)`](SessionMiddlewareBuilder::cookie_secure).
//! - Ids are not bound to the client's address: addresses change, and proxies hide them.
//!
//! # Features
//!
//! `bincode` and `file`, both on by default, are those of [`gsession`]. Leave them out with `default-features = false`. So are
//! `import`, `import-actix-session` and `import-tower-sessions`, with which the sessions of another library are taken over. The guide for
//! actix-session is `coming_from_actix_session` (shown with the feature `import-actix-session`).

mod error;
mod ext;
mod extension;
mod middleware;
mod passive;
mod session;
pub mod testing;
mod transport;

#[doc = include_str!("docs/actix_session.md")]
#[cfg(feature = "import-actix-session")]
pub mod coming_from_actix_session {}

pub use error::SessionError;
pub use ext::SessionExt;
pub use gsession::http::{ConfigError, CookieMaxAge, SameSite};
pub use middleware::{SessionMiddleware, SessionMiddlewareBuilder, SessionMiddlewareService};
pub use passive::{Passive, PassiveService};
pub use session::Session;
