//! Bounds on what one session may hold ([S12](crate::design#s12)).

/// Limits on the size of one session. A write over a limit is a typed error and leaves the session as it was.
///
/// ```
/// use gsession::Limits;
///
/// let limits = Limits::default().max_entries(50).max_record_bytes(64 * 1024);
/// # let _ = limits;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(crate) max_entries: usize,
    pub(crate) max_key_bytes: usize,
    pub(crate) max_value_bytes: usize,
    pub(crate) max_record_bytes: usize,
    pub(crate) max_depth: usize,
    pub(crate) max_principal_bytes: usize,
}

/// Offsets inside a record have 32 bits, and nobody stores a gigabyte in a session on purpose.
const CEILING: usize = 1 << 30;

/// The most that [`Limits::max_depth`] can be.
pub(super) const MAX_DEPTH: usize = 100;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 1_000,
            max_key_bytes: 256,
            max_value_bytes: 256 * 1024,
            max_record_bytes: 1024 * 1024,
            max_depth: 64,
            max_principal_bytes: 256,
        }
    }
}

impl Limits {
    /// For what was within its limits before.
    #[cfg(feature = "encryption")]
    pub(crate) const UNLIMITED: Self = Self {
        max_entries: CEILING,
        max_key_bytes: CEILING,
        max_value_bytes: CEILING,
        max_record_bytes: CEILING,
        max_depth: MAX_DEPTH,
        max_principal_bytes: CEILING,
    };

    /// The most entries in a session. Default: 1,000.
    #[must_use]
    pub const fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = if entries > CEILING / 16 { CEILING / 16 } else { entries };
        self
    }

    /// The most bytes in one key. Default: 256.
    #[must_use]
    pub const fn max_key_bytes(mut self, bytes: usize) -> Self {
        self.max_key_bytes = if bytes > CEILING { CEILING } else { bytes };
        self
    }

    /// The most bytes in one value as JSON text. Default: 256 KiB.
    #[must_use]
    pub const fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = if bytes > CEILING { CEILING } else { bytes };
        self
    }

    /// The most bytes in all keys and values of a session together. Default: 1 MiB; more than 1 GiB counts as 1 GiB.
    #[must_use]
    pub const fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.max_record_bytes = if bytes > CEILING { CEILING } else { bytes };
        self
    }

    /// The deepest nesting of arrays and objects in one value. Default: 64; at most 100, because JSON readers stop at 128.
    #[must_use]
    pub const fn max_depth(mut self, levels: usize) -> Self {
        self.max_depth = if levels > MAX_DEPTH { MAX_DEPTH } else { levels };
        self
    }

    /// The same, with room for more entries and bytes: for entries of our own, although the application's entries fill the session.
    #[must_use]
    pub(crate) const fn with_room_for(self, entries: usize, bytes: usize) -> Self {
        let (all_entries, all_bytes) =
            (self.max_entries.saturating_add(entries), self.max_record_bytes.saturating_add(bytes));
        self.max_entries(all_entries).max_record_bytes(all_bytes)
    }

    /// The limits of a storage that keeps sessions within these limits sealed: one value then has the whole session, a third longer.
    ///
    /// ```
    /// use gsession::Limits;
    ///
    /// // The manager's limits, and those of the storage below `Sealed`.
    /// let limits = Limits::default().max_record_bytes(64 * 1024);
    /// let of_the_storage = limits.sealed();
    /// # let _ = of_the_storage;
    /// ```
    #[cfg(feature = "encryption")]
    #[must_use]
    pub const fn sealed(self) -> Self {
        // Keys, principal and lengths are inside; base64 makes four bytes of three.
        let entries = self.max_entries.saturating_mul(10);
        let inside = self.max_record_bytes.saturating_add(entries).saturating_add(self.max_principal_bytes);
        let bytes = inside.saturating_add(inside / 3).saturating_add(1024);
        self.with_room_for(4, 0).max_record_bytes(bytes).max_value_bytes(bytes).max_principal_bytes(
            // A keyed hash stands for it.
            if self.max_principal_bytes < 64 { 64 } else { self.max_principal_bytes },
        )
    }

    /// The most bytes in a principal. Default: 256; at most 4,096.
    #[must_use]
    pub const fn max_principal_bytes(mut self, bytes: usize) -> Self {
        self.max_principal_bytes = if bytes > 4096 { 4096 } else { bytes };
        self
    }
}

/// The limit that a write would have exceeded. The session is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitExceeded {
    /// Too many entries.
    #[error("a session may hold at most {limit} entries; this would make {actual}")]
    Entries {
        /// The limit.
        limit: usize,
        /// What the write asked for.
        actual: usize,
    },
    /// A key is too long.
    #[error("a key may have at most {limit} bytes; this one has {actual}")]
    Key {
        /// The limit.
        limit: usize,
        /// What the write asked for.
        actual: usize,
    },
    /// A value is too large.
    #[error("a value may have at most {limit} bytes as JSON; this one has {actual}")]
    Value {
        /// The limit.
        limit: usize,
        /// What the write asked for.
        actual: usize,
    },
    /// All keys and values together are too large.
    #[error("a session may hold at most {limit} bytes; this would make {actual}")]
    Record {
        /// The limit.
        limit: usize,
        /// What the write asked for.
        actual: usize,
    },
    /// The principal is too long.
    #[error("a principal may have at most {limit} bytes; this one has {actual}")]
    Principal {
        /// The limit.
        limit: usize,
        /// What the write asked for.
        actual: usize,
    },
    /// A value is nested too deeply.
    #[error("a value may be nested at most {limit} levels deep; this one has {actual}")]
    Depth {
        /// The limit.
        limit: usize,
        /// What the write asked for.
        actual: usize,
    },
}

impl Limits {
    pub(super) fn check_sizes(&self, key: &str, json: usize) -> Result<(), LimitExceeded> {
        if key.len() > self.max_key_bytes {
            return Err(LimitExceeded::Key { limit: self.max_key_bytes, actual: key.len() });
        }
        if json > self.max_value_bytes {
            return Err(LimitExceeded::Value { limit: self.max_value_bytes, actual: json });
        }
        Ok(())
    }

    pub(super) const fn check_depth(&self, actual: usize) -> Result<(), LimitExceeded> {
        if actual > self.max_depth {
            return Err(LimitExceeded::Depth { limit: self.max_depth, actual });
        }
        Ok(())
    }

    /// The error for a value that is nested too deeply whatever the setting.
    pub(crate) const fn beyond_depth(&self) -> LimitExceeded {
        LimitExceeded::Depth { limit: self.max_depth, actual: MAX_DEPTH + 1 }
    }

    pub(crate) fn check_principal(&self, principal: Option<&str>) -> Result<(), LimitExceeded> {
        match principal.map(str::len) {
            Some(actual) if actual > self.max_principal_bytes => {
                Err(LimitExceeded::Principal { limit: self.max_principal_bytes, actual })
            }
            _ => Ok(()),
        }
    }

    /// The smaller of two limits.
    #[cfg(any(feature = "redis", feature = "postgres", feature = "sqlite"))]
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            max_entries: self.max_entries.min(other.max_entries),
            max_key_bytes: self.max_key_bytes.min(other.max_key_bytes),
            max_value_bytes: self.max_value_bytes.min(other.max_value_bytes),
            max_record_bytes: self.max_record_bytes.min(other.max_record_bytes),
            max_depth: self.max_depth.min(other.max_depth),
            max_principal_bytes: self.max_principal_bytes.min(other.max_principal_bytes),
        }
    }

    pub(crate) const fn check_total(&self, entries: usize, bytes: usize) -> Result<(), LimitExceeded> {
        if entries > self.max_entries {
            return Err(LimitExceeded::Entries { limit: self.max_entries, actual: entries });
        }
        if bytes > self.max_record_bytes {
            return Err(LimitExceeded::Record { limit: self.max_record_bytes, actual: bytes });
        }
        Ok(())
    }
}
