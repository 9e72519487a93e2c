//! Why bytes are not a record.

/// Why bytes are not a record. It never quotes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Written by a version of gsession that this one does not know.
    #[error("record version {found} is not known (this build reads version {known})")]
    Version {
        /// The version byte.
        found: u8,
        /// The version this build writes and reads.
        known: u8,
    },
    /// Not a record, or a damaged one.
    #[error("not a record: {reason}")]
    Malformed {
        /// What was wrong, in a few words.
        reason: &'static str,
    },
    /// A record over its limits.
    #[error("a record over its limits: {reason}")]
    TooLarge {
        /// Which limit.
        reason: &'static str,
    },
}
