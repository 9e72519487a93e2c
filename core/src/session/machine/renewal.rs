//! What a request knows of a renewal by another request.

use std::{sync::Arc, time::Duration};

use crate::{SessionId, Timestamp, storage::Trail};

/// How long after a renewal a request with the old id is assumed to have been sent before the new id arrived.
const RENEWAL_GRACE: Duration = Duration::from_secs(30);
/// Two renewals at most this far apart count as overlapping, and one of them wins ([S5](crate::design#s5)). It covers the time to store and the
/// difference between the clocks of two machines.
pub(super) const OVERLAP: Duration = Duration::from_secs(5);

/// What is known of the renewal.
#[derive(Debug)]
pub(super) struct Overtaken {
    /// When it was.
    pub(super) at: Timestamp,
    pub(super) part: Part,
    pub(super) way: Way,
    /// The renewals that were followed so far.
    pub(super) trail: Trail,
}

/// What the request had to do with the session before.
#[derive(Debug)]
pub(super) enum Part {
    /// Nothing: it learns of the session and of its renewal at once.
    None,
    /// It has read it, as this principal's.
    Read(Option<Arc<str>>),
    /// It has written to it.
    Wrote,
}

/// How far it is known what has become of the session.
#[derive(Debug)]
pub(super) enum Way {
    /// It has been renewed under this id: its tombstone says to which.
    Follow(SessionId),
    /// It may live under this id.
    Look(SessionId),
    /// It lives, and is not for this request; or its tombstone cannot be read.
    Closed,
    /// It has ended.
    Ended,
}

impl Part {
    /// Whether a request that says now that the session is `principal`'s can only know it from a login.
    pub(super) fn proves(&self, principal: &str) -> bool {
        match self {
            Self::None => true,
            Self::Read(before) => before.as_deref() != Some(principal),
            Self::Wrote => false,
        }
    }
}

impl Overtaken {
    pub(super) fn new(id: SessionId, at: Timestamp, part: Part) -> Self {
        Self { at, part, way: Way::Follow(id), trail: Trail::default() }
    }

    /// Whether a request that began then may do as if there were no session.
    pub(super) fn is_as_good_as_none(&self, began: Timestamp) -> bool {
        matches!(self.part, Part::None) && self.is_long_ago(began)
    }

    pub(super) fn is_long_ago(&self, began: Timestamp) -> bool {
        began >= self.at + RENEWAL_GRACE
    }
}
