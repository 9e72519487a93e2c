//! Where an id is valid: the middleware, port or protocol that issued it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{KeyScheme, SessionId, StoreKey};

/// Separates the hashes of realms from any other use of SHA-256.
const TAG: &[u8; 16] = b"gsession realm 1";

/// Where an id is valid. An id works only in the realm that issued it, even if realms share a storage
/// ([S13](crate::design#s13); not with GoFrame's raw ids).
///
/// A shop, its admin area and its mobile API may share one storage. If each has a realm, an id from the shop's cookie
/// opens nothing in the admin area's cookie. The realm is part of the [`StoreKey`], so a storage does not see it, and a
/// user's sessions are listed across realms.
///
/// The actix middleware uses the name of its cookie or header as its realm. A manager outside HTTP has none unless you
/// set one with [`ManagerBuilder::realm`](crate::ManagerBuilder::realm).
///
/// ```
/// use gsession::{Realm, SessionId};
///
/// let id = SessionId::from_random([7; 32]);
/// assert_ne!(Realm::new("shop").key_of(&id), Realm::new("admin").key_of(&id));
/// ```
#[derive(Clone)]
pub struct Realm(
    /// SHA-256 after its first block, which contains the name: one more block makes a key.
    Sha256,
);

impl Realm {
    /// The realm with this name. Names are compared byte for byte.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut block = [0; 64];
        block[..16].copy_from_slice(TAG);
        block[16..48].copy_from_slice(&Sha256::digest(name.as_bytes()));
        Self(Sha256::new_with_prefix(block))
    }

    /// The key of the session that `id` opens in this realm.
    #[must_use]
    pub fn key_of(&self, id: &SessionId) -> StoreKey {
        StoreKey::from_bytes(self.0.clone().chain_update(id.base()).finalize().into())
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Realm")
    }
}

/// How a manager turns ids into keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    pub(crate) scheme: KeyScheme,
    pub(crate) realm: Option<Realm>,
}

impl Keys {
    /// Whether `id` can have a session.
    pub(crate) fn admits(&self, id: &SessionId) -> bool {
        self.scheme.admits(id)
    }

    /// The key of the session that `id` opens. Raw ids have no room for a realm.
    pub(crate) fn key_of(&self, id: &SessionId) -> StoreKey {
        match (self.scheme, &self.realm) {
            (KeyScheme::Hashed, Some(realm)) => realm.key_of(id),
            (scheme, _) => scheme.key_of(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_part_of_the_key() {
        let id = SessionId::from_random([0; 32]);
        // python3 -c 'import hashlib as h; print(h.sha256(b"gsession realm 1" + h.sha256(b"shop").digest() + bytes(16) + b"A"*43).hexdigest())'
        assert_eq!(
            Realm::new("shop").key_of(&id).to_string(),
            "045b7bdb9419df608fa7da4ce543261800070cac0e5f572779f0f4056d9a5269"
        );
        let keys = [Realm::new("shop"), Realm::new("Shop"), Realm::new("")].map(|realm| realm.key_of(&id));
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
        assert!(!keys.contains(&StoreKey::of(&id)), "no realm is separate from every realm");
    }

    #[test]
    fn raw_ids_have_no_realm() {
        let id = SessionId::custom("gf1234567890abcdefghijklmnopqrst").unwrap();
        let keys = |realm: &str| Keys { scheme: KeyScheme::RawIds, realm: Some(Realm::new(realm)) };
        assert_eq!(keys("shop").key_of(&id), keys("admin").key_of(&id));
    }
}
