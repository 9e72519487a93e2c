//! Testing an application that uses sessions.
//!
//! # A handler on its own
//!
//! A handler that takes a [`Session`] needs neither a server nor a middleware: pass it one from [`session`], which
//! lives in memory. Set what the handler should find, call it, and check what it left:
//!
//! ```
//! use actix_web::{HttpResponse, Result};
//! use gsession_actix::{Session, testing};
//!
//! async fn login(session: Session) -> Result<HttpResponse> {
//!     session.set("user", "ada")?;
//!     session.log_in("ada").await?;
//!     Ok(HttpResponse::Ok().finish())
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let session = testing::session();
//! let answer = login(session.clone()).await?;
//! assert_eq!(answer.status(), 200);
//! assert_eq!(session.get::<String>("user").await?.as_deref(), Some("ada"));
//! # Ok::<(), actix_web::Error>(()) }).unwrap();
//! ```
//!
//! A handler that calls `req.get_session()` needs the session in its request: [`attach`] puts it there.
//! [`save`](gsession::AsyncSession::save) stores the changes, as the end of a request would, and returns the result (a
//! lost login is [`Saved::Gone`](gsession::Saved::Gone) here; the middleware would answer 409).
//!
//! # Several requests of one browser
//!
//! Test what happens between requests through the middleware: `actix_web::test` runs the whole application inside the
//! test. Its responses contain the cookie; send that back with the next request. Test requests are plain HTTP, but no
//! browser is involved, so the cookie may stay `Secure`.
//!
//! ```
//! use actix_web::{App, HttpResponse, test, web};
//! use gsession::MemoryStorage;
//! use gsession_actix::{Session, SessionMiddleware};
//!
//! # actix_web::rt::System::new().block_on(async {
//! let app = App::new()
//!     .wrap(SessionMiddleware::new(MemoryStorage::new()))
//!     .route("/login", web::post().to(|session: Session| async move {
//!         session.set("user", "ada")?;
//!         session.log_in("ada").await.map(|()| HttpResponse::Ok())
//!     }))
//!     .route("/", web::get().to(|session: Session| async move {
//!         session.get::<String>("user").await.map(|user| user.unwrap_or_else(|| "nobody".to_owned()))
//!     }));
//! let app = test::init_service(app).await;
//!
//! let answer = test::call_service(&app, test::TestRequest::post().uri("/login").to_request()).await;
//! // `__Host-Http-gsession=…; Path=/; …`: a browser sends back only the part before the first semicolon.
//! let cookie = answer.headers().get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
//!
//! let request = test::TestRequest::get().uri("/").insert_header(("cookie", cookie)).to_request();
//! assert_eq!(test::call_and_read_body(&app, request).await, "ada");
//! # });
//! ```
//!
//! # Time
//!
//! Sessions use the [clock](crate::SessionMiddlewareBuilder::clock) of the middleware. With a
//! [`ManualClock`](gsession::ManualClock) you can skip a day, and time does not pass on its own:
//!
//! ```
//! use std::time::Duration;
//! use gsession::{ManualClock, MemoryStorage, Timestamp};
//! use gsession_actix::SessionMiddleware;
//!
//! let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
//! let sessions = SessionMiddleware::builder(MemoryStorage::new()).clock(clock.clone()).build()?;
//! // … log in; then:
//! clock.advance(Duration::from_secs(24 * 60 * 60));
//! // … and the next request finds no session.
//! # let _ = sessions;
//! # Ok::<(), gsession_actix::ConfigError>(())
//! ```

use actix_web::{HttpMessage as _, HttpRequest};
use gsession::{AsyncManager, ClientInfo, MemoryStorage};

use crate::{
    Session,
    extension::{Place, Service},
};

/// A session of a new visitor, in a memory storage of its own. Clones share the session.
#[must_use]
pub fn session() -> Session {
    Session::of(&AsyncManager::new(MemoryStorage::new()).begin(None, ClientInfo::default).with_errors())
}

/// Makes `req.get_session()` return this session, as a middleware would.
///
/// ```
/// use actix_web::{HttpRequest, Result, test::TestRequest};
/// use gsession_actix::{SessionExt, testing};
///
/// async fn profile(req: HttpRequest) -> Result<String> {
///     Ok(req.get_session().get::<String>("user").await?.unwrap_or_else(|| "nobody".to_owned()))
/// }
///
/// # actix_web::rt::System::new().block_on(async {
/// let session = testing::session();
/// session.set("user", "ada")?;
/// let request = TestRequest::default().to_http_request();
/// testing::attach(&request, &session);
/// assert_eq!(profile(request).await?, "ada");
/// # Ok::<(), actix_web::Error>(()) }).unwrap();
/// ```
pub fn attach(req: &HttpRequest, session: &Session) {
    req.extensions_mut().insert(Place::with(Service::new(MemoryStorage::new()), session.core().into(), ()));
}
