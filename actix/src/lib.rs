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
//! The middleware stores what the handler wrote before the response head is sent, so that the next request sees it:
//!
//! | the handler … | writes and renewals | `destroy` | touch |
//! |---|---|---|---|
//! | answers below 500, or returns an `Err` with such a status | stored | done | done |
//! | answers 500 or above, or returns an `Err` with such a status | dropped | done | done |
//! | panics, or its client is gone before it answers | dropped | done, in the background | done if it had read |
//!
//! What an explicit [`save`](Session::save) has stored stays stored. If the storage fails while storing, the response is
//! replaced by an error: 503 with an opaque body. If the session ended while the handler was writing to it, the writes are
//! dropped, which is logged; a handler whose answer depends on them calls [`save`](Session::save) and looks at what it says.
//!
//! # Assumptions about the deployment
//!
//! - The cookie is `Secure`: browsers keep and send it over HTTPS only, except that some accept it over plain HTTP on
//!   `localhost`. For development over plain HTTP, set [`cookie_secure(false)`](SessionMiddlewareBuilder::cookie_secure).
//! - Ids are not bound to the client's address; addresses change, and proxies hide them.

mod attach;
mod cookie;
mod error;
mod ext;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod middleware;
mod passive;
mod session;
mod transport;

pub use cookie::{CookieMaxAge, SameSite};
pub use error::{ConfigError, SessionError};
pub use ext::SessionExt;
pub use middleware::{SessionMiddleware, SessionMiddlewareBuilder, SessionMiddlewareService};
pub use passive::{Passive, PassiveService};
pub use session::Session;

/// The README's code is compiled with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
