//! Routine rotation of ids ([S15](crate::design#s15)): its settings, what a session keeps of its id, and what that says of an id that
//! a client presents.
//!
//! | the id | counts |
//! |---|---|
//! | the current one | yes; its first use is noted |
//! | the previous one | yes, until the grace period is over, which begins with the first use of the current one: a response may have been lost, other tabs may be on their way. The current one is sent again. |
//! | any other | no: somebody else may have it |

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    IdError, SessionId, StoreKey, Timestamp,
    id::rotating::{Kept, Secret},
};

/// How ids rotate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    /// Never, if `None`.
    pub(crate) every: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) on_reuse: OnReuse,
}

/// What happens when a previous id is used after its grace period: see
/// [`ManagerBuilder::on_reuse`](crate::ManagerBuilder::on_reuse).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnReuse {
    /// The session ends: either its user or somebody else holds a stolen id, and nobody can tell which.
    #[default]
    EndSession,
    /// The id opens nothing, and the session lives on for the client that has the current id, which may be the thief's. A logout with
    /// a previous id still ends the session.
    Refuse,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { every: None, grace: Duration::from_secs(60), on_reuse: OnReuse::default() }
    }
}

/// What a session keeps of its current id, once it has rotated, and of the previous one. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Issue {
    /// When the id was issued.
    at: u64,
    /// When it was first used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    /// The hash of its secret.
    pub(crate) is: Kept,
    before: Before,
}

/// What a session keeps of the previous id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    /// The hash of its secret; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<Kept>,
    /// The secret of the current one, sealed with this one.
    sealed: Kept,
    /// Until when the id before this one counted, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

/// What an id is to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    Current,
    /// The previous one, which still counts.
    Previous {
        /// The current one.
        next: SessionId,
    },
    /// From before, and it no longer counts.
    Reused,
    /// It no longer counts, but may have when the request began.
    Outlasted,
    /// It was never an id of this session.
    Unknown,
}

impl Issue {
    /// Of the id with this `secret`, which follows the id `before`, of which the session kept `earlier`.
    pub(crate) fn rotated(
        secret: Secret,
        before: &SessionId,
        earlier: Option<&Self>,
        key: &StoreKey,
        now: Timestamp,
        grace: Duration,
    ) -> Self {
        let was = before.secret().map(|secret| secret.hash(key));
        let until = earlier.map(|earlier| (earlier.since() + grace).as_millis());
        let before = Before { was, sealed: secret.seal(key, before), until };
        Self { at: now.as_millis(), used: None, is: secret.hash(key), before }
    }

    /// The same, when the id has been used.
    pub(crate) fn used(self, now: Timestamp) -> Self {
        Self { used: Some(now.as_millis()), ..self }
    }

    /// The entry to store.
    pub(crate) fn json(&self) -> Result<String, IdError> {
        serde_json::to_string(self).map_err(|error| IdError::new("its record cannot be written").with_source(error))
    }

    /// Reads an entry; `None` if it is damaged.
    pub(crate) fn of(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// Whether nobody has used the id, and the previous one may be all that the client has.
    pub(crate) const fn is_unused(&self) -> bool {
        self.used.is_none()
    }

    /// Since when it has been in use.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_millis(self.used.unwrap_or(self.at))
    }

    /// What `id` is to the session under `key`, for a request that began then.
    pub(crate) fn standing(&self, id: &SessionId, key: &StoreKey, began: Timestamp, grace: Duration) -> Standing {
        let hash = id.secret().map(|secret| secret.hash(key));
        let Self { used, is, before, .. } = self;
        if hash == Some(*is) {
            Standing::Current
        } else if hash == before.was {
            match used {
                Some(used) if began >= Timestamp::from_millis(*used) + grace => Standing::Reused,
                _ => Standing::Previous { next: id.with_secret(before.sealed.open(key, id)) },
            }
        } else if before.until.is_some_and(|until| began < Timestamp::from_millis(until)) {
            Standing::Outlasted
        } else {
            Standing::Reused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn an_id_counts_until_the_grace_after_the_first_use_of_the_next_one() {
        let first = SessionId::from_random([1; 32]);
        let key = StoreKey::of(&first);
        let [one, two] = [1, 2].map(|_| Secret::generate().unwrap());
        let issue = Issue::rotated(one, &first, None, &key, at(100), GRACE);
        let second = first.with_secret(one);
        let standing = |issue: &Issue, id: &SessionId, began| issue.standing(id, &key, at(began), GRACE);
        // Nobody has used it: the previous one counts for as long as it takes.
        assert!(issue.is_unused());
        assert_eq!(standing(&issue, &second, 100), Standing::Current);
        for began in [100, 1_000_000] {
            assert_eq!(standing(&issue, &first, began), Standing::Previous { next: second.clone() });
        }
        // From its first use on, the previous one counts for the grace period.
        let issue = issue.used(at(500));
        assert!(!issue.is_unused() && issue.since() == at(500));
        assert_eq!(standing(&issue, &first, 559), Standing::Previous { next: second.clone() });
        assert_eq!(standing(&issue, &first, 560), Standing::Reused);
        assert_eq!(standing(&issue, &second, 1_000_000), Standing::Current);
        // The next rotation leaves nothing of the first.
        let issue = Issue::rotated(two, &second, Some(&issue), &key, at(2_000), GRACE);
        let third = first.with_secret(two);
        assert_eq!(standing(&issue, &third, 2_000), Standing::Current);
        assert_eq!(standing(&issue, &second, 2_000), Standing::Previous { next: third });
        assert_eq!(standing(&issue, &first, 2_000), Standing::Reused);
        assert_eq!(standing(&issue, &first, 560), Standing::Reused);
        assert_eq!(standing(&issue, &first, 559), Standing::Outlasted, "a long request");
        // A made-up secret is no better than an old one.
        assert_eq!(standing(&issue, &first.with_secret(Secret::generate().unwrap()), 2_000), Standing::Reused);
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_and_shows_no_secret() {
        let first = SessionId::from_random([1; 32]);
        let key = StoreKey::of(&first);
        let secret = Secret::generate().unwrap();
        let issue = Issue::rotated(secret, &first, None, &key, at(1), GRACE).used(at(2));
        let json = issue.json().unwrap();
        assert_eq!(Issue::of(&json), Some(issue));
        let id = first.with_secret(secret);
        let shown = &id.as_str()[45..];
        assert!(!json.contains(shown), "{json}");
        for damaged in ["", "1", "{}", r#"{"at":-1}"#, r#"{"at":1,"is":"x"}"#] {
            assert_eq!(Issue::of(damaged), None, "{damaged}");
        }
    }
}
