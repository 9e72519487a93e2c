//! Sessions in JSON.

use std::net::IpAddr;

use gsession::{SessionInfo, StoreKey};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Moment;

/// A session, with the names of [`SessionInfo`].
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    key: String,
    principal: Option<String>,
    label: Option<String>,
    tag: Option<String>,
    created_at: Moment,
    last_seen: Moment,
    expires_at: Moment,
    absolute_deadline: Option<Moment>,
    authenticated_at: Option<Moment>,
    is_remembered: bool,
    address: Option<IpAddr>,
}

/// A session with its entries.
#[derive(Debug, Serialize)]
pub(crate) struct Detailed {
    #[serde(flatten)]
    pub(crate) session: Listed,
    pub(crate) entries: Vec<Entry>,
}

/// An entry. The value only if it was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Box<RawValue>>,
}

impl Listed {
    pub(crate) fn of(key: &StoreKey, info: &SessionInfo) -> Self {
        let owned = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        Self {
            key: key.to_string(),
            principal: owned(&info.principal),
            label: owned(&info.label),
            tag: owned(&info.tag),
            created_at: Moment(info.created_at),
            last_seen: Moment(info.last_seen),
            expires_at: Moment(info.expires_at),
            absolute_deadline: info.absolute_deadline.map(Moment),
            authenticated_at: info.authenticated_at.map(Moment),
            is_remembered: info.is_remembered,
            address: info.address,
        }
    }
}
