//! The record that each store of tower-sessions keeps, in MessagePack.

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::{
    Timestamp,
    http::import::{PeerLookup, PeerSession, PeerValue},
    id::base64url_id,
};

/// The most that values are nested, as for JSON. A thread has no room for as much as MessagePack allows.
const DEEPEST: usize = 128;

#[derive(Deserialize)]
struct Record {
    id: i128,
    data: Map<String, Value>,
    expiry_date: OffsetDateTime,
}

/// What the stores of tower-sessions keep for a session: for a [`PeerStore`](crate::http::import::PeerStore) of your own that keeps the same.
///
/// ```
/// use gsession::{Timestamp, http::import::{PeerLookup, PeerStore, PeerValue, TowerSessionsRecord}, storage::StorageFuture};
///
/// struct MyStore;
///
/// impl MyStore {
///     async fn bytes(&self, id: &str) -> Option<Vec<u8>> {
/// #       let _ = id;
///         None
///     }
/// }
///
/// impl PeerStore for MyStore {
///     fn identity<'a>(&self, cookie: &'a PeerValue) -> Option<&'a str> {
///         TowerSessionsRecord::identity(cookie)
///     }
///
///     fn load<'a>(&'a self, cookie: &'a PeerValue, now: Timestamp) -> StorageFuture<'a, PeerLookup> {
///         Box::pin(async move {
///             let Some(bytes) = self.bytes(cookie.text()).await else { return Ok(PeerLookup::Absent) };
///             Ok(TowerSessionsRecord::read(&bytes, cookie, now))
///         })
///     }
///
///     fn remove<'a>(&'a self, _: &'a PeerValue) -> StorageFuture<'a, ()> {
///         Box::pin(async { Ok(()) })
///     }
/// }
/// ```
#[derive(Debug)]
pub enum TowerSessionsRecord {}

impl TowerSessionsRecord {
    /// The id in a cookie, if it is one: 16 bytes in base64url, of which there is one spelling.
    #[must_use]
    pub fn identity(cookie: &PeerValue) -> Option<&str> {
        base64url_id(cookie.text()).map(|_| cookie.text())
    }

    /// Reads a record in MessagePack, which must be that of the cookie.
    #[must_use]
    pub fn read(bytes: &[u8], cookie: &PeerValue, now: Timestamp) -> PeerLookup {
        let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
        reader.set_max_depth(DEEPEST);
        let Ok(Record { id, data, expiry_date }) = Record::deserialize(&mut reader) else {
            return PeerLookup::Unreadable("it is no record in MessagePack");
        };
        if base64url_id(cookie.text()).map(i128::from_le_bytes) != Some(id) {
            return PeerLookup::Unreadable("it is the record of another session");
        }
        let millis = expiry_date.unix_timestamp_nanos() / 1_000_000;
        let expires_at = Timestamp::from_millis(u64::try_from(millis).unwrap_or_default());
        if expires_at <= now {
            return PeerLookup::Absent;
        }
        PeerLookup::Found(PeerSession::new(data, Some(expires_at)))
    }
}
