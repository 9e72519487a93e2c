//! The keys of a storage, and what is derived from them.

use std::{fmt, iter, sync::Arc};

use aes_gcm_siv::{Aes256GcmSiv, KeyInit as _};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::SealingKey;

/// Names a key in what it has sealed, and says nothing about it.
pub(super) type Fingerprint = [u8; 8];

/// The keys that seal and open the sessions of a [`Sealed`](super::Sealed) storage.
///
/// The first key seals, and all of them open. To replace a key without logging anybody out:
///
/// 1. Give every instance the new key as an older one, so that all of them can open what it will seal.
/// 2. Make it the first key of every instance, and the key before it an older one. Sessions move to the first key as they are written.
/// 3. Run `gsession rekey`, which moves the others.
/// 4. Remove the old key.
///
/// ```
/// use gsession::storage::sealed::{KeyRing, SealingKey};
///
/// # let (new, old) = (SealingKey::from_bytes([1; 32]), SealingKey::from_bytes([2; 32]));
/// let keys = KeyRing::new(new).with_older(old);
/// # let _ = keys;
/// ```
#[derive(Clone)]
pub struct KeyRing {
    first: Arc<RingKey>,
    older: Vec<Arc<RingKey>>,
}

/// One key of a ring, as it is used. It is erased when it is dropped.
pub(super) struct RingKey {
    pub(super) fingerprint: Fingerprint,
    pub(super) cipher: Aes256GcmSiv,
    principals: Zeroizing<[u8; 32]>,
}

impl KeyRing {
    /// A ring with one key, which seals and opens.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "so that the key is erased")]
    pub fn new(first: SealingKey) -> Self {
        Self { first: Arc::new(RingKey::derived(&first)), older: Vec::new() }
    }

    /// Adds a key that opens what it has sealed before. Adding a key twice changes nothing.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "so that the key is erased")]
    pub fn with_older(mut self, key: SealingKey) -> Self {
        let key = RingKey::derived(&key);
        if self.named(&key.fingerprint).is_none() {
            self.older.push(Arc::new(key));
        }
        self
    }

    pub(super) fn first(&self) -> &RingKey {
        &self.first
    }

    pub(super) fn named(&self, fingerprint: &[u8]) -> Option<&RingKey> {
        self.all().find(|key| key.fingerprint == fingerprint)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &RingKey> {
        iter::once(&self.first).chain(&self.older).map(|key| &**key)
    }
}

impl RingKey {
    fn derived(key: &SealingKey) -> Self {
        let derive = |purpose: &str| keyed_hash(key.as_bytes(), &format!("gsession sealed 1 {purpose}"));
        let mut fingerprint = Fingerprint::default();
        fingerprint.copy_from_slice(&derive("fingerprint")[..8]);
        let cipher = Aes256GcmSiv::new((&*derive("sessions")).into());
        Self { fingerprint, cipher, principals: derive("principals") }
    }

    /// What the storage knows a principal by, so that their sessions can be found: a keyed hash, which nobody can guess at without
    /// the key.
    pub(super) fn pseudonym(&self, principal: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(*keyed_hash(&self.principals, principal))
    }
}

/// HMAC-SHA256 (RFC 2104).
fn keyed_hash(key: &[u8; 32], text: &str) -> Zeroizing<[u8; 32]> {
    // A key shorter than a block counts as followed by zeros.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let hash = Hmac::<Sha256>::new((&*block).into()).chain_update(text).finalize();
    Zeroizing::new(hash.into_bytes().into())
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.all().count()).finish()
    }
}
