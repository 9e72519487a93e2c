//! Server-side sessions for Rust services that stay correct under concurrency: the session component of the GoFrame
//! framework, rebuilt. This crate knows no web framework; for actix-web, see `gsession-actix`.
//!
//! ```
//! use gsession::{ClientInfo, Delivery, Manager, MemoryStorage};
//!
//! let manager = Manager::new(MemoryStorage::new());
//!
//! // A request of a client that presented no id.
//! let session = manager.begin(None, ClientInfo::default);
//! session.set("user", "ada")?; // recorded; writes never wait
//! let Delivery::Send { id, .. } = session.close()?.delivery else { unreachable!("a new session has an id to send") };
//!
//! // Its next request.
//! let session = manager.begin(Some(id.as_str()), ClientInfo::default);
//! assert_eq!(session.get::<String>("user")?.as_deref(), Some("ada"));
//! session.destroy(); // logout: nothing brings it back
//! session.close()?;
//! # Ok::<(), gsession::Error>(())
//! ```
//!
//! # What it promises
//!
//! - **Nothing is lost.** Overlapping requests of one session that write different keys both win;
//!   [`update`](Session::update) is an atomic read-modify-write.
//! - **Dead stays dead.** After [`destroy`](Session::destroy) no request that was already running brings the session back,
//!   under its old id or a new one; nor does one that overlaps a [`renew`](Session::renew). A second click on "log in" goes on
//!   with the session of the first.
//! - **Ids are never adopted.** An unknown, expired, ended or malformed id is as good as none. An id works only in the [`Realm`]
//!   that issued it.
//! - **Lazy.** A session that is not used costs nothing; the first read asks the storage, later ones are free; only what was
//!   changed is stored, once.
//! - **Fails closed.** A broken storage is an error to match on, never an empty session.
//!
//! The page [`guarantees`] has each promise with what it means, the tests that show it, and how the peers do on it.
//!
//! # Map
//!
//! | module | what |
//! |---|---|
//! | [`Manager`], [`AsyncManager`] | settings; give out sessions |
//! | [`Session`], [`AsyncSession`] | a session during one request: two thin drivers around one state machine without I/O |
//! | [`storage`] | the [`Storage`] and [`AsyncStorage`] traits with their contract, and the storages |
//! | [`record`] | what is kept for a session, how a request changes it, and how it becomes bytes |
//! | [`id`] | what the client holds, what a storage sees, and how new ids are made |
//! | [`Clock`], [`Timestamp`] | time, movable in tests |
//! | `http` | the rules of HTTP: cookies, session headers and caches, for integrations with a framework (shown with the feature `http`) |
//! | [`guarantees`] | each promise, the tests that show it, and the peers |
//! | [`design`] | how it is built; what the codes `S`, `H` and `R` with a number mean |
//! | [`formats`] | what is stored, byte by byte |
//! | `conformance` | for authors of storages: shows whether one keeps the contract (shown with the feature `conformance`) |
//! | `coming_from_goframe` | GoFrame's names and ours, and how to move without logging anybody out (shown with the feature `redis`) |
//!
//! # Features
//!
//! | feature | default | what | pulls in |
//! |---|---|---|---|
//! | `bincode` | yes | records are written and read by the crate bincode; without it, by code of this crate, as the same bytes: for those who must pass `cargo deny` (RUSTSEC-2025-0141: bincode is not maintained) | `bincode` |
//! | `file` | yes | [`FileStorage`] (Unix) | `rustix` |
//! | `tokio` | no | `AnyStorage::blocking`, and with it [`FileStorage`] for [`AsyncManager`] | `tokio` (`rt`) |
//! | `redis` | no | `RedisStorage` and `RedisHashStorage` | `redis`, `tokio`, `thread_local`, `lru` |
//! | `redis-tls` | no | Redis over TLS | `rustls` with `ring` |
//! | `http` | no | `http`: cookies and headers, for integrations with a framework | |
//! | `conformance` | no | `conformance`: shows whether a storage of your own keeps its contract | `tokio` (`rt-multi-thread`) |

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
pub mod record;
mod session;
pub mod storage;
mod wait;

#[doc = include_str!("docs/guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("docs/design.md")]
pub mod design {}

#[doc = include_str!("docs/formats.md")]
pub mod formats {}

#[doc = include_str!("docs/goframe.md")]
#[cfg(all(feature = "file", feature = "redis", unix))]
pub mod coming_from_goframe {}

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use error::{ConfigError, Error};
pub use id::{
    ClientInfo, CustomIds, GoFrameIds, HashedIds, IdError, IdGenerator, InvalidId, KeyScheme, Realm, SessionId,
    StoreKey,
};
pub use manager::{AsyncManager, Manager, ManagerBuilder};
pub use record::{BincodeCodec, Changes, Codec, CodecError, Entries, LimitExceeded, Limits, Record, ValueError};
pub use session::{
    AsyncSession, Closed, Delivery, Exchange, Finished, ListedSession, Outcome, Saved, Session, SessionInfo,
};
#[cfg(all(feature = "file", unix))]
pub use storage::file::FileStorage;
#[cfg(feature = "redis")]
pub use storage::redis::{RedisHashStorage, RedisStorage};
pub use storage::{
    AnyStorage, AsyncStorage, IntoStorage, Storage, StorageError, StorageErrorKind, memory::MemoryStorage,
};
