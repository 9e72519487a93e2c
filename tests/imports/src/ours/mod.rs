//! Servers on gsession, with the same pages in every framework:
//!
//! | page | what it does |
//! |---|---|
//! | `/whoami` | shows `user` |
//! | `/visit` | counts `visits` up, and shows the count |
//! | `/data` | shows all values |
//! | `/principal` | shows the principal |
//! | `/blind` | writes `blind` without reading |
//! | `/logout` | ends the session, without reading |
//! | `/leave` | shows `user`, and ends the session |
//! | `/login` | logs "bob" in |
//! | `/untouched` | does not use the session |
//! | `/fail` | reads, and answers 500 |

use std::{fmt, sync::Arc};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::any,
};
use gsession::{
    AnyStorage, AsyncSession, Clock, Error, IntoStorage, Limits, Observer, SystemClock,
    http::{Builder, Configured, ServiceSettings, import::Import},
    tower::SessionLayer,
};
use gsession_actix::{SessionExt as _, SessionMiddleware};

use crate::place::{ActixServer, Place, Server};

/// The name of the session's cookie.
pub const COOKIE: &str = "gsession";

/// Frameworks that serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// actix-web.
    Actix,
    /// axum.
    Axum,
}

/// All of them.
pub const FRAMEWORKS: [Framework; 2] = [Framework::Actix, Framework::Axum];

/// A server on gsession. Clones share the storage.
#[derive(Clone)]
pub struct Ours {
    storage: AnyStorage,
    import: Import,
    cookie: Option<String>,
    header: Option<String>,
    limits: Limits,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
}

impl Ours {
    /// Takes sessions over into this storage.
    pub fn new(storage: impl IntoStorage, import: Import) -> Self {
        Self {
            storage: storage.into_storage(),
            import,
            cookie: None,
            header: None,
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            observer: None,
        }
    }

    /// Another name of the cookie.
    #[must_use]
    pub fn cookie_name(self, name: &str) -> Self {
        Self { cookie: Some(name.to_owned()), ..self }
    }

    /// Ids may also travel in this header.
    #[must_use]
    pub fn header_name(self, name: &str) -> Self {
        Self { header: Some(name.to_owned()), ..self }
    }

    /// Other limits.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Another clock.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Tells this observer.
    #[must_use]
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Serves.
    #[must_use]
    pub fn serve(&self, framework: Framework, place: &Place) -> Server {
        let ours = self.clone();
        match framework {
            Framework::Actix => {
                let sessions = ours.configured(SessionMiddleware::builder(ours.storage.clone()));
                place.serve_actix(async move |listener| {
                    let app = move || App::new().wrap(sessions.clone()).default_service(web::to(actix_page));
                    let server = HttpServer::new(app).workers(2).disable_signals().listen(listener);
                    ActixServer(server.expect("listening").run())
                })
            }
            Framework::Axum => {
                let sessions = ours.configured(SessionLayer::builder(ours.storage.clone()));
                place.serve_axum(async move || Router::new().fallback(any(axum_page)).layer(sessions))
            }
        }
    }

    fn configured<T: Configured<Settings = ServiceSettings>>(&self, builder: Builder<T>) -> T {
        let mut builder = builder.cookie_secure(false).limits(self.limits).clock(Arc::clone(&self.clock));
        if let Some(name) = &self.cookie {
            builder = builder.cookie_name(name);
        }
        if let Some(name) = &self.header {
            builder = builder.header_name(name);
        }
        if let Some(observer) = &self.observer {
            builder = builder.observer(Arc::clone(observer));
        }
        builder.import_from(self.import.clone()).build().expect("settings that work")
    }
}

impl fmt::Debug for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ours").finish_non_exhaustive()
    }
}

async fn actix_page(request: HttpRequest) -> Result<HttpResponse, gsession_actix::SessionError> {
    let session = request.get_session();
    let text = answer(request.path(), &session).await?;
    Ok(if request.path() == "/fail" {
        HttpResponse::InternalServerError().finish()
    } else {
        HttpResponse::Ok().body(text)
    })
}

async fn axum_page(session: gsession::tower::Session, request: Request) -> Response {
    match answer(request.uri().path(), &session).await {
        Ok(_) if request.uri().path() == "/fail" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Ok(text) => text.into_response(),
        Err(error) => error.into_response(),
    }
}

async fn answer<E: From<Error>>(path: &str, session: &AsyncSession<E>) -> Result<String, E> {
    let nobody = || "nobody".to_owned();
    Ok(match path {
        "/whoami" | "/fail" => session.get::<String>("user").await?.unwrap_or_else(nobody),
        "/visit" => session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?.to_string(),
        "/data" => serde_json::Value::from(session.data().await?).to_string(),
        "/principal" => session.principal().await?.map_or_else(nobody, |principal| principal.to_string()),
        "/blind" => {
            session.set("blind", &true)?;
            "ok".to_owned()
        }
        "/logout" => {
            session.destroy();
            "ok".to_owned()
        }
        "/leave" => {
            let user = session.get::<String>("user").await?;
            session.destroy();
            user.unwrap_or_else(nobody)
        }
        "/login" => {
            session.log_in("bob").await?;
            "ok".to_owned()
        }
        _ => "ok".to_owned(),
    })
}
