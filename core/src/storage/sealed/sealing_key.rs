//! The secret keys, and where they come from.

use std::{
    env, fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

/// Length of a key in bytes.
const LEN: usize = 32;
/// No key file is longer, so that not all of a large file is read by mistake.
const LONGEST: u64 = 1024;
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret key of 256 bits that [seals](super::Sealed) sessions. It is erased from memory when it is dropped, and `Debug` does not
/// show it.
///
/// ```
/// use gsession::storage::sealed::SealingKey;
///
/// // As `openssl rand -hex 32` prints it.
/// let key = SealingKey::parse(b"b0f1d3c59a7e4f2086d4a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f70819\n")?;
/// assert_eq!(format!("{key:?}"), "SealingKey(…)");
/// # Ok::<(), gsession::storage::sealed::SealingKeyError>(())
/// ```
pub struct SealingKey(Zeroizing<[u8; LEN]>);

/// Why there is no key. It quotes nothing of what was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealingKeyError {
    /// Not a key in any of the forms that [`SealingKey::parse`] knows.
    #[error(
        "not a key: it must be 64 hexadecimal digits, 44 characters of base64, or 32 bytes, and it has {found} bytes; \
         `openssl rand -hex 32` makes one"
    )]
    Malformed {
        /// The length of what was read, without white space around it.
        found: usize,
    },
    /// The file cannot be read.
    #[error("the key file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Other users of the machine may read or change the file.
    #[error("the key file {} is open to other users (mode {mode:03o}): chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file does not contain a key.
    #[error("the key file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<Self>,
    },
    /// The environment variable does not contain a key.
    #[error("the environment variable {name}")]
    Variable {
        /// Its name.
        name: String,
        /// Why.
        source: Box<Self>,
    },
    /// There is no such environment variable.
    #[error("the environment variable {name} is not set, or is not text")]
    NoVariable {
        /// Its name.
        name: String,
    },
}

impl SealingKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads a key from text: 64 hexadecimal digits, or 44 characters of base64 (43 without padding), with white space around it; or
    /// exactly 32 raw bytes.
    ///
    /// # Errors
    ///
    /// [`SealingKeyError::Malformed`].
    pub fn parse(text: &[u8]) -> Result<Self, SealingKeyError> {
        if let Ok(bytes) = text.try_into() {
            return Ok(Self::from_bytes(bytes));
        }
        let text = text.trim_ascii();
        let mut bytes = Zeroizing::new([0; LEN]);
        let is_key = match text.len() {
            64 => from_hex(text, &mut bytes).is_some(),
            43 | 44 => BASE64.decode_slice_unchecked(text, &mut *bytes) == Ok(LEN),
            _ => false,
        };
        if is_key { Ok(Self(bytes)) } else { Err(SealingKeyError::Malformed { found: text.len() }) }
    }

    /// Reads a key from a file, in any form that [`parse`](Self::parse) takes. On Unix the file must not be open to the group or to
    /// others.
    ///
    /// # Errors
    ///
    /// [`SealingKeyError`] if there is no such file, it is open to others, or it contains no key.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SealingKeyError> {
        let path = path.as_ref();
        let unreadable = |source| SealingKeyError::Unreadable { path: path.into(), source };
        let file = fs::File::open(path).map_err(unreadable)?;
        check_permissions(&file.metadata().map_err(unreadable)?, path)?;
        // Long enough that it does not grow, which would leave a copy behind.
        let mut text = Zeroizing::new(Vec::with_capacity(2 * LONGEST as usize));
        file.take(LONGEST).read_to_end(&mut text).map_err(unreadable)?;
        Self::parse(&text).map_err(|error| SealingKeyError::File { path: path.into(), source: error.into() })
    }

    /// Reads a key from an environment variable, as text that [`parse`](Self::parse) takes.
    ///
    /// Other processes of the same user can read the environment of a process, and it is passed on to child processes. Prefer a file.
    ///
    /// # Errors
    ///
    /// [`SealingKeyError`] if there is no such variable, or it contains no key.
    pub fn from_env(name: &str) -> Result<Self, SealingKeyError> {
        let text = env::var(name).map_err(|_| SealingKeyError::NoVariable { name: name.into() })?;
        Self::parse(Zeroizing::new(text).as_bytes())
            .map_err(|error| SealingKeyError::Variable { name: name.into(), source: error.into() })
    }

    pub(super) fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

#[cfg(unix)]
fn check_permissions(metadata: &fs::Metadata, path: &Path) -> Result<(), SealingKeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    // A device or a pipe, such as that of a shell's process substitution, has other rules.
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(SealingKeyError::Exposed { path: path.into(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_: &fs::Metadata, _: &Path) -> Result<(), SealingKeyError> {
    Ok(())
}

fn from_hex(text: &[u8], bytes: &mut [u8; LEN]) -> Option<()> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::try_from(16 * digit(2 * at)? + digit(2 * at + 1)?).ok()?;
    }
    Some(())
}
