//! Session ids: what the client holds, what a storage sees, and how new ones are made.

mod base64url;
mod client_info;
mod generator;
mod goframe;
mod hashed;
mod realm;
pub(crate) mod rotating;
mod sealed_id;
mod session_id;
mod store_key;

pub use client_info::ClientInfo;
pub use generator::{CustomIds, IdError, IdGenerator};
pub use goframe::GoFrameIds;
pub use hashed::HashedIds;
pub(crate) use realm::Keys;
pub use realm::Realm;
pub use sealed_id::SealedId;
pub use session_id::{InvalidId, SessionId};
pub use store_key::{KeyScheme, StoreKey};

/// The 16 bytes of a text in base64url, if it is one.
#[cfg(feature = "import-tower-sessions")]
pub(crate) fn base64url_id(text: &str) -> Option<[u8; 16]> {
    base64url::decode(text.as_bytes())
}
