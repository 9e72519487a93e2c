//! The bytes of a sealed record, and the text that is stored.
//!
//! ```text
//! version (1) | fingerprint of the key (8) | nonce (12) | the record, encrypted | tag (16)
//! ```
//!
//! AES-256-GCM-SIV (RFC 8452) with a random nonce: a nonce that comes up twice by chance reveals nothing but whether two records are equal. The
//! tag also covers the store key, the number of the state and what is stored beside the seal, so that a record opens only in its own place.

use aes_gcm_siv::aead::AeadInOut as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{TryRng as _, rngs::SysRng};

use super::{
    key_ring::{Fingerprint, KeyRing},
    outside::Outside,
};
use crate::{StoreKey, observe::DecryptionFailure};

const VERSION: u8 = 1;
const FINGERPRINT: usize = 8;
const NONCE: usize = 12;
const HEAD: usize = 1 + FINGERPRINT + NONCE;
const TAG: usize = 16;
/// Separates this use of the keys from any other.
const PURPOSE: &[u8; 17] = b"gsession sealed 1";

/// Where a sealed record belongs: to this session, this state of it, and what is stored beside it.
pub(super) struct Place<'a> {
    pub(super) key: &'a StoreKey,
    pub(super) state: u64,
    pub(super) outside: &'a Outside<'a>,
}

impl Place<'_> {
    fn authenticated(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(PURPOSE);
        bytes.extend_from_slice(self.key.as_bytes());
        bytes.extend_from_slice(&self.state.to_le_bytes());
        self.outside.put_into(&mut bytes);
        bytes
    }
}

/// What was opened.
pub(super) struct Opened(Vec<u8>);

impl Opened {
    /// The bytes of the record.
    pub(super) fn record(&self) -> &[u8] {
        self.0.get(HEAD..).unwrap_or_default()
    }
}

/// Seals the bytes of a record with the first key, as a new state. Returns a JSON text and the number of the state; `None` if there are no
/// random bytes, or far too many others.
pub(super) fn seal(keys: &KeyRing, key: &StoreKey, outside: &Outside<'_>, record: &[u8]) -> Option<(String, u64)> {
    let with = keys.first();
    let mut nonce = [0; NONCE];
    SysRng.try_fill_bytes(&mut nonce).ok()?;
    // One call for both: the number only has to be new. 0 is no revision.
    let state = u64::from_le_bytes(*nonce.first_chunk()?).max(1);
    let place = Place { key, state, outside };
    let mut sealed = Vec::with_capacity(HEAD + record.len() + TAG);
    sealed.push(VERSION);
    sealed.extend_from_slice(&with.fingerprint);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(record);
    let inside = (&mut sealed[HEAD..]).into();
    let tag = with.cipher.encrypt_inout_detached(&nonce.into(), &place.authenticated(), inside).ok()?;
    sealed.extend_from_slice(&tag);
    let mut text = String::with_capacity(2 + sealed.len().div_ceil(3) * 4);
    text.push('"');
    BASE64_URL_SAFE_NO_PAD.encode_string(&sealed, &mut text);
    text.push('"');
    Some((text, state))
}

/// What all texts begin with that the key of this fingerprint has sealed: nine bytes are twelve characters.
pub(super) fn head(fingerprint: &Fingerprint) -> String {
    let mut bytes = [VERSION; 1 + FINGERPRINT];
    bytes[1..].copy_from_slice(fingerprint);
    format!("\"{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Opens what was stored in this place.
pub(super) fn open(keys: &KeyRing, place: Place<'_>, text: &str) -> Result<Opened, DecryptionFailure> {
    let damaged = DecryptionFailure::Damaged;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or(damaged)?;
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged)?;
    match bytes.first() {
        Some(&VERSION) => {}
        Some(&later) if later > VERSION => return Err(DecryptionFailure::LaterVersion),
        _ => return Err(damaged),
    }
    let (head, sealed) = bytes.split_at_mut_checked(HEAD).ok_or(damaged)?;
    let (fingerprint, nonce) = head[1..].split_at(FINGERPRINT);
    let key = keys.named(fingerprint).ok_or(DecryptionFailure::UnknownKey)?;
    let length = sealed.len().checked_sub(TAG).ok_or(damaged)?;
    let (sealed, tag) = sealed.split_at_mut(length);
    let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| damaged)?;
    let tag = <[u8; TAG]>::try_from(&*tag).map_err(|_| damaged)?;
    key.cipher
        .decrypt_inout_detached(&nonce.into(), &place.authenticated(), sealed.into(), &tag.into())
        .map_err(|_| DecryptionFailure::Forged)?;
    bytes.truncate(HEAD + length);
    Ok(Opened(bytes))
}
