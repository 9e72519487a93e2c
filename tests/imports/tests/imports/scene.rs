//! A browser that another library has logged in, and the server on gsession that comes after.

use std::{sync::LazyLock, time::Duration};

use gsession::{
    Clock as _, MemoryStorage, SystemClock, Timestamp,
    http::import::{
        ActixSessionCookie, ActixSessionRedis, Converted, Import, PeerCookie, PeerSession, TowerSessionsPostgres,
        TowerSessionsRedis, TowerSessionsSqlite,
    },
};
use gsession_imports::{
    client::Client,
    ours::{Framework, Ours},
    peers::{ActixPeer, Content, Protection, TowerPeer, TowerPlace},
    place::{Place, Server},
};
use tokio::runtime::Runtime;

/// The name of the other library's cookie.
pub(crate) const PEER: &str = "id";
/// What `/data` shows of a session that was taken over whole.
pub(crate) const DATA: &str = r#"{"cart":["tea","milk"],"user":"ada","visits":3}"#;
/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When the import of cookies ends.
pub(crate) fn tomorrow() -> Timestamp {
    SystemClock.now() + DAY
}

/// Who is logged in, and everything else as it is.
pub(crate) fn with_principal(session: PeerSession) -> Option<Converted> {
    let user = session.values.get("user")?.as_str()?.to_owned();
    Some(Converted::from(session).principal(user))
}

/// What takes over the sessions in the cookies of this peer.
pub(crate) fn of_cookies(peer: &ActixPeer) -> Import {
    Import::new(actix_cookie(peer), ActixSessionCookie).until(tomorrow()).convert(with_principal)
}

/// What takes over the sessions of this peer in Redis.
pub(crate) fn of_redis(peer: &ActixPeer, url: &str) -> Import {
    Import::new(actix_cookie(peer), ActixSessionRedis::open(url).unwrap()).convert(with_principal)
}

fn actix_cookie(peer: &ActixPeer) -> PeerCookie {
    let cookie = PeerCookie::actix_session(&peer.key).secure(false);
    if peer.content == Content::Signed { cookie.signed(&peer.key) } else { cookie }
}

/// What takes over the sessions of this peer.
pub(crate) fn of_tower(peer: &TowerPeer) -> Import {
    let cookie = PeerCookie::tower_sessions().secure(false);
    let cookie = match &peer.protection {
        Protection::Plain => cookie,
        Protection::Signed(key) => cookie.signed(key),
        Protection::Private(key) => cookie.private(key),
    };
    let import = match &peer.place {
        TowerPlace::Redis(url) => Import::new(cookie, TowerSessionsRedis::open(url).unwrap()),
        // The pool connects when it is first used, in the runtime of the server.
        TowerPlace::Postgres(url) => {
            Import::new(cookie, TowerSessionsPostgres::new(lazily(sqlx::PgPool::connect_lazy, url)))
        }
        TowerPlace::Sqlite(url) => {
            Import::new(cookie, TowerSessionsSqlite::new(lazily(sqlx::SqlitePool::connect_lazy, url)))
        }
    };
    import.convert(with_principal)
}

/// A pool starts a task when it is made.
fn lazily<P>(connect: impl FnOnce(&str) -> Result<P, sqlx::Error>, url: &str) -> P {
    let _inside = RUNTIME.enter();
    connect(url).unwrap()
}

/// For what a test does besides asking servers.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A browser that this server has logged in.
pub(crate) fn logged_in(place: &Place) -> Client {
    let mut client = Client::new(place.address());
    assert_eq!(client.text("/login"), "ok");
    assert_eq!(client.text("/whoami"), "ada");
    client
}

/// A browser that a peer has logged in, with what the peer keeps in Redis or in cookies, and the server that comes after.
pub(crate) struct After {
    pub(crate) place: Place,
    pub(crate) client: Client,
    pub(crate) server: Server,
}

impl After {
    /// The peer logs a browser in, then `ours` serves.
    pub(crate) fn of(serve: impl FnOnce(&Place) -> Server, ours: &Ours, framework: Framework) -> Self {
        let place = Place::new();
        let peer = serve(&place);
        let client = logged_in(&place);
        drop(peer);
        let server = ours.serve(framework, &place);
        Self { place, client, server }
    }

    /// A browser that actix-session has logged in by a cookie.
    pub(crate) fn cookies(framework: Framework) -> Self {
        let peer = ActixPeer::cookies(Content::Private);
        Self::of(|place| peer.serve(place), &Ours::new(MemoryStorage::new(), of_cookies(&peer)), framework)
    }

    /// A browser with the other library's cookie alone, as it was at first.
    pub(crate) fn with_old_cookie(&self, before: &Client) -> Client {
        Client::with(self.place.address(), PEER, before.cookie(PEER))
    }
}

/// How many rows a table has.
pub(crate) fn rows(url: &str, table: &str) -> i64 {
    let text = format!("SELECT count(*) FROM {table}");
    RUNTIME.block_on(async {
        if url.starts_with("sqlite") {
            let pool = sqlx::SqlitePool::connect(url).await.unwrap();
            sqlx::query_scalar(&text).fetch_one(&pool).await.unwrap()
        } else {
            let pool = sqlx::PgPool::connect(url).await.unwrap();
            sqlx::query_scalar(&text).fetch_one(&pool).await.unwrap()
        }
    })
}

/// Runs a statement in the database of a peer.
pub(crate) fn execute(place: &TowerPlace, text: &str) {
    RUNTIME.block_on(async {
        let changed = match place {
            TowerPlace::Sqlite(url) => {
                let pool = sqlx::SqlitePool::connect(url).await.unwrap();
                sqlx::query(text).execute(&pool).await.unwrap().rows_affected()
            }
            TowerPlace::Postgres(url) => {
                let pool = sqlx::PgPool::connect(url).await.unwrap();
                sqlx::query(text).execute(&pool).await.unwrap().rows_affected()
            }
            TowerPlace::Redis(_) => panic!("Redis has no statements"),
        };
        assert!(changed > 0, "{text}");
    });
}
