//! Why bytes are not a record.

/// Why bytes are not a record. It never quotes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The record comes from a version of gsession that this build does not know.
    #[error("record version {found} is not known (this build reads version {known})")]
    Version {
        /// The version byte.
        found: u8,
        /// The version that this build writes and reads.
        known: u8,
    },
    /// The bytes are not a record, or the record is damaged.
    #[error("not a record: {reason}")]
    Malformed {
        /// What was wrong, in a few words.
        reason: &'static str,
    },
    /// The record exceeds the limits.
    #[error("a record over its limits: {reason}")]
    TooLarge {
        /// Which limit.
        reason: &'static str,
    },
}
