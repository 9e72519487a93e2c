//! Server-side sessions for Rust services that stay correct under concurrency: the session component of the GoFrame
//! framework, rebuilt. For axum, tonic and other tower services, see `gsession::tower` (shown with the feature `tower`);
//! for actix-web, the crate `gsession-actix`. Everything else here knows no framework.
//!
//! ```
//! use gsession::{ClientInfo, Delivery, Manager, MemoryStorage};
//!
//! let manager = Manager::new(MemoryStorage::new());
//!
//! // A request without an id.
//! let session = manager.begin(None, ClientInfo::default);
//! session.set("user", "ada")?; // recorded; writes never wait
//! let Delivery::Send { id, .. } = session.close()?.delivery else { unreachable!("a new session has an id to send") };
//!
//! // The client's next request.
//! let session = manager.begin(Some(id.as_str()), ClientInfo::default);
//! assert_eq!(session.get::<String>("user")?.as_deref(), Some("ada"));
//! session.destroy(); // logout: nothing brings it back
//! session.close()?;
//! # Ok::<(), gsession::Error>(())
//! ```
//!
//! # What it promises
//!
//! - **Nothing is lost.** If overlapping requests of one session write different keys, both writes are kept.
//!   [`update`](Session::update) is an atomic read-modify-write.
//! - **Dead stays dead.** After [`destroy`](Session::destroy), no request still running brings the session back, under
//!   its old id or a new one. Nor does a request that overlaps a [`renew`](Session::renew). A second click on "log in"
//!   continues with the session of the first.
//! - **Ids are never adopted.** An unknown, expired, ended or malformed id counts as no id. An id works only in the
//!   [`Realm`] that issued it.
//! - **Lazy.** An unused session costs nothing. The first read loads it; later reads are free. Only changes are stored,
//!   once.
//! - **Fails closed.** A broken storage is an error to match on, never an empty session.
//!
//! The page [`guarantees`] explains each promise, with the tests that show it and how the peers do.
//!
//! # Map
//!
//! | module | what |
//! |---|---|
//! | [`Manager`], [`AsyncManager`] | settings; provide sessions |
//! | [`Session`], [`AsyncSession`] | a session during one request: two thin drivers around one state machine without I/O |
//! | [`storage`] | the [`Storage`] and [`AsyncStorage`] traits with their contract, and the storages |
//! | [`record`] | what is stored for a session, how a request changes it, and its encoding |
//! | [`id`] | what the client holds, what a storage sees, and how new ids are generated |
//! | [`Clock`], [`Timestamp`] | time, which tests can control |
//! | [`observe`] | what an operator or an audit log is told of sessions: an observer, `tracing`, metrics |
//! | `http` | HTTP rules for cookies, session headers and caches, for framework integrations (shown with the feature `http`) |
//! | `tower` | a layer for tower services, an extractor for axum, the session of a tonic call (shown with the feature `tower`) |
//! | [`guarantees`] | each promise, the tests that show it, and the peers |
//! | [`design`] | how gsession is built; its rules, with codes such as [S4](crate::design#s4) |
//! | [`benchmarks`] | what sessions cost, for gsession and its peers |
//! | [`observability`] | events, log and metrics, and what to alarm on |
//! | [`formats`] | what is stored, byte by byte |
//! | `conformance` | for authors of storages: tests a storage against the contract (shown with the feature `conformance`) |
//! | `command_line` | the program `gsession`, with which operators look after sessions (shown with the feature `cli`) |
//! | `coming_from_goframe` | GoFrame's names and ours, and how to migrate without logging anyone out (shown with the feature `redis`) |
//! | `coming_from_tower_sessions` | how to change from tower-sessions without logging anyone out (shown with the feature `import-tower-sessions`); for actix-session, see `gsession_actix::coming_from_actix_session` |
//!
//! # Features
//!
//! | feature | default | what | pulls in |
//! |---|---|---|---|
//! | `bincode` | yes | records are encoded and decoded by the crate bincode. Without it, code of this crate reads and writes the same bytes, for those who must pass `cargo deny` (RUSTSEC-2025-0141: bincode is unmaintained) | `bincode` |
//! | `file` | yes | [`FileStorage`], on Unix and Windows | `rustix`; on Windows `winapi-util` and `windows-permissions` |
//! | `tokio` | no | `AnyStorage::blocking`, and with it [`FileStorage`] for [`AsyncManager`]; `AsyncSession::ended` | `tokio` (`rt`, `time`) |
//! | `redis` | no | `RedisStorage` and `RedisHashStorage` | `redis`, `tokio`, `thread_local`, `lru` |
//! | `redis-tls` | no | Redis over TLS | `rustls` with `ring` |
//! | `postgres` | no | `PostgresStorage`, with TLS | `sqlx` (with `rustls` and the system's certificates), `tokio` |
//! | `sqlite` | no | `SqliteStorage`. Needs a C compiler | `sqlx` (with SQLite itself), `tokio` |
//! | `http` | no | `http`: cookies and headers, for framework integrations | |
//! | `import` | no | `http::import`: taking over the sessions of another library, from a store of your own. Includes `http` and `tokio` | `cookie`, `base64` |
//! | `import-actix-session` | no | the same from actix-session 0.11: sessions in cookies, and with `redis` those in Redis | |
//! | `import-tower-sessions` | no | the same from tower-sessions 0.14 and 0.15: with `redis`, `postgres` or `sqlite` from its stores there | `rmp-serde`, `time` |
//! | `tower` | no | `tower`: a layer for tower services | `http`, `http-body`, `pin-project-lite`, `tower-layer`, `tower-service`, `tokio` |
//! | `axum` | no | the session as an extractor of axum, its errors as responses | `axum-core` |
//! | `tonic` | no | the session of a tonic request, its errors as statuses | `tonic` |
//! | `metrics` | no | `observe::MetricsObserver`: counts what happens by the facade `metrics` | `metrics` |
//! | `encryption` | no | [`storage::sealed`]: sessions encrypted and authenticated at rest | `aes-gcm-siv`, `hmac`, `base64`, `zeroize` |
//! | `user-agent` | no | `Login::user_agent`, `label_of_user_agent` | `woothee` |
//! | `cli` | no | the program `gsession`: `cargo install gsession --features cli`. Includes `file`, `tokio`, `redis-tls` and `encryption` | `clap`, `indicatif` |
//! | `conformance` | no | `conformance`: tests a storage of your own against the contract | `tokio` (`rt-multi-thread`) |

mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "http")]
pub mod http;
pub mod id;
mod manager;
pub mod observe;
pub mod record;
mod session;
pub mod storage;
#[cfg(feature = "tower")]
pub mod tower;
mod wait;
#[cfg(feature = "tokio")]
mod wakers;

#[doc = include_str!("docs/guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("docs/design.md")]
pub mod design {}

#[doc = include_str!("docs/benchmarks.md")]
#[doc = "# Memory, cookie, files"]
#[doc = include_str!("docs/figures/speed.svg")]
#[doc = ""]
#[doc = include_str!("docs/figures/speed.md")]
#[doc = "# Redis"]
#[doc = include_str!("docs/figures/speed-redis.svg")]
#[doc = include_str!("docs/figures/speed-redis-server.svg")]
#[doc = ""]
#[doc = include_str!("docs/figures/speed-redis.md")]
#[doc = "# SQLite and Postgres"]
#[doc = include_str!("docs/figures/speed-sql.svg")]
#[doc = include_str!("docs/figures/speed-postgres-server.svg")]
#[doc = ""]
#[doc = include_str!("docs/figures/speed-sqlite.md")]
#[doc = include_str!("docs/figures/speed-postgres.md")]
#[doc = include_str!("docs/benchmark_remarks.md")]
#[doc = include_str!("docs/figures/scale.svg")]
pub mod benchmarks {}

#[doc = include_str!("docs/observability.md")]
pub mod observability {}

#[doc = include_str!("docs/formats.md")]
pub mod formats {}

#[doc = include_str!("docs/goframe.md")]
#[cfg(all(feature = "file", feature = "redis"))]
pub mod coming_from_goframe {}

#[doc = include_str!("docs/tower_sessions.md")]
#[cfg(feature = "import-tower-sessions")]
pub mod coming_from_tower_sessions {}

#[doc = include_str!("docs/command_line.md")]
#[cfg(feature = "cli")]
pub mod command_line {}

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use error::{ConfigError, Error};
pub use id::{
    ClientInfo, CustomIds, GoFrameIds, HashedIds, IdError, IdGenerator, InvalidId, KeyScheme, Realm, SessionId,
    StoreKey,
};
pub use manager::{AsyncManager, Manager, ManagerBuilder};
pub use observe::Observer;
pub use record::{BincodeCodec, Changes, Codec, CodecError, Entries, LimitExceeded, Limits, Record, ValueError};
#[cfg(feature = "user-agent")]
pub use session::label_of_user_agent;
pub use session::{
    AsyncSession, AtLimit, Closed, Delivery, Exchange, Finished, ListedSession, Login, LoginError, OnReuse, Outcome,
    Page, Saved, Session, SessionInfo,
};
#[cfg(feature = "file")]
pub use storage::file::FileStorage;
#[cfg(feature = "redis")]
pub use storage::redis::{RedisHashStorage, RedisStorage};
#[cfg(feature = "postgres")]
pub use storage::sql::PostgresStorage;
#[cfg(feature = "sqlite")]
pub use storage::sql::SqliteStorage;
pub use storage::{
    AnyStorage, AsyncStorage, IntoStorage, Storage, StorageError, StorageErrorKind,
    memory::MemoryStorage,
    moving::{BlockingMovingStorage, MovingStorage},
};
