//! Server-side sessions that stay correct under concurrency.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod error;
pub mod id;
mod manager;
pub mod record;
mod session;
pub mod storage;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use error::{ConfigError, Error};
pub use id::{ClientInfo, CustomIds, HashedIds, IdError, IdGenerator, InvalidId, SessionId, StoreKey};
pub use manager::{AsyncManager, Manager, ManagerBuilder};
pub use record::{BincodeCodec, Changes, Codec, CodecError, Entries, LimitExceeded, Limits, Record, ValueError};
pub use session::{AsyncSession, Closed, Delivery, Saved, Session, SessionInfo};
#[cfg(feature = "tokio")]
pub use storage::OnPool;
#[cfg(all(feature = "file", unix))]
pub use storage::file::FileStorage;
pub use storage::{
    AnyStorage, AsyncStorage, OnTheSpot, Storage, StorageError, StorageErrorKind, memory::MemoryStorage,
};
