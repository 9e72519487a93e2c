//! axum with tower-sessions: the memory storage, and the Redis storage, which is made for the version before.

use anyhow::{Context as _, Result};
use tower_sessions_redis_store::fred::{
    prelude::{ClientLike as _, Config, Pool},
    types::config::ReconnectPolicy,
};

/// The pages, for one version of the crate.
macro_rules! pages {
    ($version:ident) => {
        mod $version {
            use ::$version::{Session, SessionManagerLayer, SessionStore, session::Error};
            use anyhow::Result;
            use axum::{Json, Router, extract::Query as From, http::StatusCode, routing::post};
            use serde_json::{Map, Value};

            use super::super::{COUNTER, LOOPBACK, Query, SEEN, USER, announce};

            type Answer<T> = Result<T, StatusCode>;

            pub(super) async fn run<S: SessionStore + Clone>(storage: S, secret: &str) -> Result<()> {
                // The defaults, but for what plain HTTP needs.
                let sessions = SessionManagerLayer::new(storage).with_secure(false);
                let pages = Router::new()
                    .route("/visit", post(visit))
                    .route("/login", post(login))
                    .route("/read", post(read))
                    .route("/whoami", post(whoami))
                    .route("/set", post(set))
                    .route("/add", post(add))
                    .route("/renew", post(renew))
                    .route("/logout", post(logout))
                    .route("/fail", post(fail))
                    .route("/panic", post(panic))
                    .layer(sessions);
                let listener = tokio::net::TcpListener::bind(LOOPBACK).await?;
                announce(listener.local_addr().ok())?;
                let app = Router::new().nest(&format!("/{secret}"), pages);
                Ok(axum::serve(listener, app).await?)
            }

            fn failed(_: Error) -> StatusCode {
                StatusCode::SERVICE_UNAVAILABLE
            }

            async fn known(session: &Session) -> Answer<String> {
                session.get(USER).await.map_err(failed)?.ok_or(StatusCode::UNAUTHORIZED)
            }

            async fn visit(session: Session) -> Answer<&'static str> {
                session.insert(SEEN, true).await.map_err(failed)?;
                Ok("stored")
            }

            async fn login(session: Session, From(query): From<Query>) -> Answer<&'static str> {
                query.wait().await;
                session.cycle_id().await.map_err(failed)?;
                session.insert(USER, query.user).await.map_err(failed)?;
                Ok("stored")
            }

            /// It lists no entries, so this asks for all that a browser may have written.
            async fn read(session: Session) -> Answer<Json<Map<String, Value>>> {
                known(&session).await?;
                let browsed = (0..32).flat_map(|tab| (0..12).map(move |action| format!("k{tab}x{action}")));
                let mut data = Map::new();
                for key in [USER.to_owned(), COUNTER.to_owned()].into_iter().chain(browsed) {
                    if let Some(value) = session.get_value(&key).await.map_err(failed)? {
                        data.insert(key, value);
                    }
                }
                Ok(Json(data))
            }

            async fn whoami(session: Session) -> Answer<String> {
                known(&session).await
            }

            async fn set(session: Session, From(query): From<Query>) -> Answer<&'static str> {
                known(&session).await?;
                query.wait().await;
                session.insert(&query.key, &query.value).await.map_err(failed)?;
                Ok("stored")
            }

            async fn add(session: Session, From(query): From<Query>) -> Answer<String> {
                known(&session).await?;
                let n: u64 = session.get(COUNTER).await.map_err(failed)?.unwrap_or_default();
                query.wait().await;
                session.insert(COUNTER, n + 1).await.map_err(failed)?;
                Ok((n + 1).to_string())
            }

            async fn renew(session: Session, From(query): From<Query>) -> Answer<&'static str> {
                known(&session).await?;
                query.wait().await;
                session.cycle_id().await.map_err(failed)?;
                Ok("stored")
            }

            async fn logout(session: Session, From(query): From<Query>) -> Answer<()> {
                query.wait().await;
                session.flush().await.map_err(failed)
            }

            async fn fail(session: Session, From(query): From<Query>) -> StatusCode {
                if known(&session).await.is_err() {
                    return StatusCode::UNAUTHORIZED;
                }
                // What comes of it does not matter: it fails in any case.
                let _ = session.insert(&query.key, &query.value).await;
                StatusCode::INTERNAL_SERVER_ERROR
            }

            #[allow(clippy::panic, reason = "that is what it is for")]
            async fn panic(session: Session, From(query): From<Query>) -> Answer<&'static str> {
                known(&session).await?;
                session.insert(&query.key, &query.value).await.map_err(failed)?;
                panic!("as it was asked to");
            }
        }
    };
}

pages!(tower_sessions);
pages!(tower_sessions_014);

fn block_on(future: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

pub(super) fn serve_memory(secret: &str) -> Result<()> {
    block_on(tower_sessions::run(::tower_sessions::MemoryStore::default(), secret))
}

pub(super) fn serve_redis(url: &str, secret: &str) -> Result<()> {
    block_on(async {
        // As many connections as the other services have workers.
        let pool = Pool::new(Config::from_url(url)?, None, None, Some(ReconnectPolicy::new_constant(0, 100)), 2)?;
        pool.connect();
        pool.wait_for_connect().await.context("connecting to Redis")?;
        tower_sessions_014::run(tower_sessions_redis_store::RedisStore::new(pool), secret).await
    })
}
