//! Testing an application that uses sessions.
//!
//! # A handler on its own
//!
//! A handler that takes a [`Session`] needs no server and no middleware: give it one from [`session`], which lives in memory.
//! Put in what the handler should find, call it, and look at what it left:
//!
//! ```
//! use actix_web::{HttpResponse, Result};
//! use gsession_actix::{Session, testing};
//!
//! async fn login(session: Session) -> Result<HttpResponse> {
//!     session.renew()?;
//!     session.set("user", "ada")?;
//!     session.set_principal("ada")?;
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
//! A handler that calls `req.get_session()` needs it in its request: [`attach`] puts it there. [`save`](gsession::AsyncSession::save) stores what
//! was written, as the end of a request would, and says what came of it (a login that is lost is
//! [`Saved::Gone`](gsession::Saved::Gone) here, where the middleware answers 409).
//!
//! # Several requests of one browser
//!
//! What happens between requests is worth a test through the middleware: `actix_web::test` runs the whole application in the
//! test. Its responses hold the cookie; send it back with the next request. Requests of a test are plain HTTP, but no browser is
//! involved, so the cookie may stay `Secure`.
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
//!         session.renew()?;
//!         session.set("user", "ada")?;
//!         session.set_principal("ada").map(|()| HttpResponse::Ok())
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
//! Sessions take the time from the [clock](crate::SessionMiddlewareBuilder::clock) of the middleware. With a
//! [`ManualClock`](gsession::ManualClock) a day passes at once, and nothing passes by itself:
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

use std::sync::Arc;

use actix_web::{HttpMessage as _, HttpRequest};
use gsession::{AsyncManager, ClientInfo, MemoryStorage};

use crate::{Session, SessionMiddleware, attach::Attached};

/// A session of a new visitor, in a memory storage of its own. Clones are the same session.
#[must_use]
pub fn session() -> Session {
    Session::of(&AsyncManager::new(MemoryStorage::new()).begin(None, ClientInfo::default))
}

/// Makes `req.get_session()` give this session, as a middleware would.
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
    let sessions = SessionMiddleware::new(MemoryStorage::new());
    req.extensions_mut().insert(Attached::of(Arc::clone(&sessions.setup), session.core().into()));
}
