//! What is known about a session besides its data.

use std::{fmt, net::IpAddr, sync::Arc};

use crate::{
    Record, StoreKey, Timestamp,
    record::reserved::{LABEL, LOGIN, LoginFacts, TAG, text_of},
    storage::Found,
};

/// A session's metadata. `Debug` shows neither the principal nor the address nor the label nor the tag.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// When the session was created.
    pub created_at: Timestamp,
    /// When it was last used, to the precision of the touch interval. This request counts too, unless it is passive.
    pub last_seen: Timestamp,
    /// When it ends if it is not used again.
    pub expires_at: Timestamp,
    /// When it ends regardless of use.
    pub absolute_deadline: Option<Timestamp>,
    /// Whether the user asked to be remembered here: [`Login::remember_for`](crate::Login::remember_for).
    pub is_remembered: bool,
    /// Whose session it is, if the application has set that.
    pub principal: Option<Arc<str>>,
    /// What the user recognises the device by, if the application has set that.
    pub label: Option<Arc<str>>,
    /// What the application finds the session by, if its [login](crate::Login::tag) had a tag.
    pub tag: Option<Arc<str>>,
    /// When the user logged in, if that was by [`log_in`](crate::AsyncSession::log_in) (ASVS 7.5.1).
    pub authenticated_at: Option<Timestamp>,
    /// From where the user logged in, if the application has kept that.
    pub address: Option<IpAddr>,
}

impl SessionInfo {
    /// The metadata of the session that a storage keeps, for those who read a [storage](crate::Storage) themselves.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let entry = |key| record.entries.get_str(key);
        let [label, tag] = [LABEL, TAG].map(|key| entry(key).and_then(text_of));
        Self::new(record, record.principal.clone(), label, tag, entry(LOGIN).and_then(LoginFacts::of))
    }

    /// With what a request knows better than the record.
    pub(super) fn new(
        record: &Record,
        principal: Option<Arc<str>>,
        label: Option<Arc<str>>,
        tag: Option<Arc<str>>,
        login: Option<LoginFacts>,
    ) -> Self {
        let Record { created_at, last_seen, absolute_deadline, is_remembered, .. } = *record;
        let authenticated_at = login.as_ref().map(LoginFacts::at);
        let address = login.and_then(|login| login.address);
        let expires_at = record.expires_at();
        Self {
            created_at,
            last_seen,
            expires_at,
            absolute_deadline,
            is_remembered,
            principal,
            label,
            tag,
            authenticated_at,
            address,
        }
    }
}

/// One of a user's sessions, as returned by [`list`](crate::AsyncSession::list).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSession {
    /// The key under which the storage keeps it, for [`end`](crate::AsyncSession::end).
    pub key: StoreKey,
    /// When it was created, last used and so on.
    pub info: SessionInfo,
    /// Whether it is the session that called `list`.
    pub is_current: bool,
}

impl ListedSession {
    pub(super) fn of(found: &Found, own: Option<StoreKey>) -> Self {
        Self { key: found.key, info: SessionInfo::of(&found.record), is_current: Some(found.key) == own }
    }
}

impl fmt::Debug for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionInfo")
            .field("created_at", &self.created_at)
            .field("last_seen", &self.last_seen)
            .field("expires_at", &self.expires_at)
            .field("absolute_deadline", &self.absolute_deadline)
            .field("is_remembered", &self.is_remembered)
            .field("principal", &self.principal.as_ref().map(|_| "…"))
            .field("authenticated_at", &self.authenticated_at)
            .finish_non_exhaustive()
    }
}
