//! What a scan of all sessions returns, and where it goes on.

use std::{fmt, str::FromStr};

use super::{StorageError, StorageErrorKind};
use crate::StoreKey;

/// A page of a [scan](super::Storage::scan).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Scanned {
    /// The keys of sessions. There may be none, although more follow.
    pub keys: Vec<StoreKey>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<ScanCursor>,
}

impl Scanned {
    /// A page, and where the next one begins.
    #[must_use]
    pub const fn new(keys: Vec<StoreKey>, next: Option<ScanCursor>) -> Self {
        Self { keys, next }
    }
}

/// Where a [scan](super::Storage::scan) goes on: a short text that only its storage understands. It can be printed and parsed, so
/// that another process can resume the scan. It contains no id.
///
/// ```
/// use gsession::storage::ScanCursor;
///
/// let cursor: ScanCursor = "3f.512".parse()?;
/// assert_eq!(cursor.to_string(), "3f.512");
/// # Ok::<(), gsession::storage::InvalidCursor>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanCursor(Box<str>);

/// A text that no [`ScanCursor`] has: empty, longer than 255 characters, or with others than visible ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the cursor of a scan: it has 1 to 255 visible ASCII characters")]
pub struct InvalidCursor;

impl ScanCursor {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The error of a storage that is given a cursor it cannot read.
    #[must_use]
    pub fn not_mine() -> StorageError {
        let error = StorageError::new(StorageErrorKind::Other, "resuming a scan");
        error.with_source("the cursor is not from this storage: begin without one")
    }
}

impl FromStr for ScanCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidCursor)
        }
    }
}

impl fmt::Display for ScanCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_short_visible_text() {
        for text in ["0", "12.0.4096", &"x".repeat(255)] {
            assert_eq!(text.parse::<ScanCursor>().unwrap().to_string(), text);
        }
        for text in ["", " ", "a b", "a\n", "\u{e4}", &"x".repeat(256)] {
            assert_eq!(text.parse::<ScanCursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
