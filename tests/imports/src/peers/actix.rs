//! Servers on actix-session.

use std::net::TcpListener;

use actix_session::{
    Session, SessionExt as _, SessionMiddleware,
    config::CookieContentSecurity,
    storage::{CookieSessionStore, RedisSessionStore, SessionStore},
};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, cookie::Key, error::ErrorInternalServerError, web};
use serde_json::Value;

use super::{LARGE, Page, VALUES};
use crate::place::{ActixServer, Place, Server};

/// How the cookie is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Encrypted, the default.
    Private,
    /// Signed.
    Signed,
}

/// A server on actix-session.
#[derive(Debug, Clone)]
pub struct ActixPeer {
    /// The key of the cookie.
    pub key: Vec<u8>,
    /// How it is protected.
    pub content: Content,
    /// The Redis server, unless its sessions are in cookies.
    pub redis: Option<String>,
}

impl ActixPeer {
    /// Its sessions are in cookies.
    #[must_use]
    pub fn cookies(content: Content) -> Self {
        Self { key: Key::generate().master().to_owned(), content, redis: None }
    }

    /// Its sessions are in Redis.
    #[must_use]
    pub fn redis(content: Content, url: &str) -> Self {
        Self { redis: Some(url.to_owned()), ..Self::cookies(content) }
    }

    /// Serves.
    #[must_use]
    pub fn serve(&self, place: &Place) -> Server {
        let (key, content) = (Key::from(&self.key), self.content);
        match self.redis.clone() {
            None => place.serve_actix(async move |listener| run(listener, CookieSessionStore::default, key, content)),
            Some(url) => place.serve_actix(async move |listener| {
                let store = RedisSessionStore::new(url).await.expect("connecting to Redis");
                run(listener, move || store.clone(), key, content)
            }),
        }
    }
}

fn run<S: SessionStore + 'static>(
    listener: TcpListener,
    store: impl Fn() -> S + Clone + Send + 'static,
    key: Key,
    content: Content,
) -> ActixServer {
    let content = move || match content {
        Content::Private => CookieContentSecurity::Private,
        Content::Signed => CookieContentSecurity::Signed,
    };
    let app = move || {
        let sessions = SessionMiddleware::builder(store(), key.clone());
        // The defaults, but for what plain HTTP needs.
        let sessions = sessions.cookie_secure(false).cookie_content_security(content()).build();
        App::new().wrap(sessions).default_service(web::to(page))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().listen(listener);
    ActixServer(server.expect("listening").run())
}

async fn page(request: HttpRequest) -> actix_web::Result<HttpResponse> {
    let session = request.get_session();
    Ok(HttpResponse::Ok().body(answer(Page::of(request.path()), &session)?))
}

fn answer(page: Page, session: &Session) -> actix_web::Result<String> {
    match page {
        Page::Login => {
            for (key, json) in VALUES {
                session.insert(key, serde_json::from_str::<Value>(json)?)?;
            }
        }
        Page::Large => {
            for number in 0..LARGE {
                session.insert(format!("k{number}"), number)?;
            }
        }
        Page::WhoAmI => return Ok(session.get("user")?.unwrap_or_else(|| "nobody".to_owned())),
        Page::Logout => session.purge(),
        Page::Unknown => return Err(ErrorInternalServerError("no such page")),
    }
    Ok("ok".to_owned())
}
