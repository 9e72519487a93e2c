//! Servers on tower-sessions.

use std::fmt::Debug;

use async_trait::async_trait;
use axum::{Router, extract::Request, http::StatusCode, routing::any};
use serde_json::Value;
use tower_sessions::{SessionManagerLayer as Layer015, SessionStore as Store015, cookie::time::Duration as Days};
use tower_sessions_014::{Expiry, SessionManagerLayer, SessionStore, cookie::Key};
use tower_sessions_redis_store::{
    RedisStore,
    fred::prelude::{ClientLike as _, Config, Pool},
};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

use super::{LARGE, Page, VALUES};
use crate::place::{Place, Server};

/// Where its sessions are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TowerPlace {
    /// In Redis, at this URL.
    Redis(String),
    /// In Postgres, at this URL.
    Postgres(String),
    /// In SQLite, at this URL.
    Sqlite(String),
}

/// How the cookie is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Not at all, the default.
    Plain,
    /// Signed with this key.
    Signed(Vec<u8>),
    /// Encrypted with this key.
    Private(Vec<u8>),
}

/// Of tower-sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 0.14, for which the stores are made.
    V014,
    /// 0.15, over the same stores.
    V015,
}

/// A server on tower-sessions.
#[derive(Debug, Clone)]
pub struct TowerPeer {
    /// Where its sessions are.
    pub place: TowerPlace,
    /// How the cookie is protected.
    pub protection: Protection,
    /// Which version serves.
    pub version: Version,
}

impl TowerPeer {
    /// With the default settings.
    #[must_use]
    pub const fn new(place: TowerPlace) -> Self {
        Self { place, protection: Protection::Plain, version: Version::V014 }
    }

    /// Serves.
    #[must_use]
    pub fn serve(&self, place: &Place) -> Server {
        let Self { place: store, protection, version } = self.clone();
        place.serve_axum(async move || match store {
            TowerPlace::Redis(url) => {
                let pool = Pool::new(Config::from_url(&url).expect("a URL"), None, None, None, 1).expect("a pool");
                pool.connect();
                pool.wait_for_connect().await.expect("connecting to Redis");
                app(RedisStore::new(pool), protection, version)
            }
            TowerPlace::Postgres(url) => {
                let pool = sqlx::PgPool::connect(&url).await.expect("connecting to Postgres");
                let store = PostgresStore::new(pool);
                store.migrate().await.expect("making the table");
                app(store, protection, version)
            }
            TowerPlace::Sqlite(url) => {
                let pool = sqlx::SqlitePool::connect(&url).await.expect("opening the database");
                let store = SqliteStore::new(pool);
                store.migrate().await.expect("making the table");
                app(store, protection, version)
            }
        })
    }
}

fn app<S: SessionStore + Clone>(store: S, protection: Protection, version: Version) -> Router {
    if version == Version::V015 {
        let layer = Layer015::new(Adapted(store)).with_secure(false);
        let layer = layer.with_expiry(tower_sessions::Expiry::OnInactivity(Days::days(1)));
        return Router::new().fallback(any(page_015)).layer(layer);
    }
    // The defaults, but for what plain HTTP needs.
    let layer = SessionManagerLayer::new(store).with_secure(false).with_expiry(Expiry::OnInactivity(Days::days(1)));
    let router = Router::new().fallback(any(page));
    match protection {
        Protection::Plain => router.layer(layer),
        Protection::Signed(key) => router.layer(layer.with_signed(Key::from(&key))),
        Protection::Private(key) => router.layer(layer.with_private(Key::from(&key))),
    }
}

async fn page(session: tower_sessions_014::Session, request: Request) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    match Page::of(request.uri().path()) {
        Page::Login => {
            for (key, value) in values() {
                session.insert_value(key, value).await.map_err(failed)?;
            }
        }
        Page::Large => {
            for number in 0..LARGE {
                session.insert(&format!("k{number}"), number).await.map_err(failed)?;
            }
        }
        Page::WhoAmI => return Ok(session.get("user").await.map_err(failed)?.unwrap_or_else(nobody)),
        Page::Logout => session.flush().await.map_err(failed)?,
        Page::Unknown => return Err(StatusCode::NOT_FOUND),
    }
    Ok("ok".to_owned())
}

async fn page_015(session: tower_sessions::Session, request: Request) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    match Page::of(request.uri().path()) {
        Page::Login => {
            for (key, value) in values() {
                session.insert_value(key, value).await.map_err(failed)?;
            }
        }
        Page::WhoAmI => return Ok(session.get("user").await.map_err(failed)?.unwrap_or_else(nobody)),
        Page::Logout => session.flush().await.map_err(failed)?,
        Page::Large | Page::Unknown => return Err(StatusCode::NOT_FOUND),
    }
    Ok("ok".to_owned())
}

fn nobody() -> String {
    "nobody".to_owned()
}

fn values() -> impl Iterator<Item = (&'static str, Value)> {
    VALUES.into_iter().map(|(key, json)| (key, serde_json::from_str(json).expect("a value")))
}

/// A store of version 0.14 for version 0.15, which has the same records.
#[derive(Debug, Clone)]
struct Adapted<S>(S);

type Record014 = tower_sessions_014::session::Record;
type Record015 = tower_sessions::session::Record;
type Answer<T> = tower_sessions::session_store::Result<T>;

fn down(record: &Record015) -> Record014 {
    let id = tower_sessions_014::session::Id(record.id.0);
    Record014 { id, data: record.data.clone(), expiry_date: record.expiry_date }
}

fn up(record: Record014) -> Record015 {
    let id = tower_sessions::session::Id(record.id.0);
    Record015 { id, data: record.data, expiry_date: record.expiry_date }
}

fn failed(error: impl std::fmt::Display) -> tower_sessions::session_store::Error {
    tower_sessions::session_store::Error::Backend(error.to_string())
}

#[async_trait]
impl<S: SessionStore + Debug> Store015 for Adapted<S> {
    async fn create(&self, record: &mut Record015) -> Answer<()> {
        let mut created = down(record);
        self.0.create(&mut created).await.map_err(failed)?;
        *record = up(created);
        Ok(())
    }

    async fn save(&self, record: &Record015) -> Answer<()> {
        self.0.save(&down(record)).await.map_err(failed)
    }

    async fn load(&self, id: &tower_sessions::session::Id) -> Answer<Option<Record015>> {
        let id = tower_sessions_014::session::Id(id.0);
        Ok(self.0.load(&id).await.map_err(failed)?.map(up))
    }

    async fn delete(&self, id: &tower_sessions::session::Id) -> Answer<()> {
        self.0.delete(&tower_sessions_014::session::Id(id.0)).await.map_err(failed)
    }
}
