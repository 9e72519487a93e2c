//! The entries of the principals whose hash begins with the same byte, in one file: for each session 16 bytes of the hash of its
//! principal, and its key. Two principals may share them, so the sessions say whose they are.

use std::collections::HashSet;

use crate::StoreKey;

/// The name of the file.
pub(super) const NAME: &str = "principals";

/// Bytes 1 to 16 of the SHA-256 of a principal; byte 0 says in which sub-folder its entries are.
pub(super) type Hash = [u8; 16];

const ENTRY: usize = 16 + 32;
pub(super) type Entry = [u8; ENTRY];

pub(super) fn entry(hash: &Hash, key: &StoreKey) -> Entry {
    let mut entry = [0; ENTRY];
    entry[..16].copy_from_slice(hash);
    entry[16..].copy_from_slice(key.as_bytes());
    entry
}

/// Where the next entry goes: on a full disk, half an entry may have been written.
pub(super) const fn end(length: u64) -> u64 {
    length - length % ENTRY as u64
}

/// All entries, each once: its bytes and its key.
pub(super) fn entries(bytes: &[u8]) -> impl Iterator<Item = (&Entry, StoreKey)> {
    let mut seen = HashSet::new();
    let all = bytes.chunks_exact(ENTRY).filter_map(|entry| entry.first_chunk::<ENTRY>());
    all.filter(move |entry| seen.insert(*entry))
        .filter_map(|entry| Some((entry, StoreKey::from_bytes(*entry.last_chunk()?))))
}

/// Whether no entry is there twice, and none is half.
pub(super) fn is_compact(bytes: &[u8]) -> bool {
    entries(bytes).count() * ENTRY == bytes.len()
}

/// The keys in the entries of a principal.
pub(super) fn keys(bytes: &[u8], hash: &Hash) -> Vec<StoreKey> {
    let is_theirs = |entry: &&[u8]| entry.starts_with(hash);
    let mut keys: Vec<StoreKey> = bytes
        .chunks_exact(ENTRY)
        .filter(is_theirs)
        .filter_map(|entry| Some(StoreKey::from_bytes(*entry.last_chunk()?)))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_principal_are_found_once_each_and_half_an_entry_is_none() {
        let key = |number| StoreKey::from_bytes([number; 32]);
        let (ada, bob) = ([1; 16], [2; 16]);
        let mut bytes = Vec::new();
        for (hash, number) in [(ada, 2), (bob, 3), (ada, 1), (ada, 2)] {
            bytes.extend_from_slice(&entry(&hash, &key(number)));
        }
        assert_eq!(keys(&bytes, &ada), [key(1), key(2)]);
        assert_eq!(keys(&bytes, &bob), [key(3)]);
        assert_eq!(entries(&bytes).map(|(_, key)| key).collect::<Vec<_>>(), [key(2), key(3), key(1)]);
        let whole = bytes.len() as u64;
        bytes.extend_from_slice(&entry(&bob, &key(4))[..40]);
        assert_eq!(keys(&bytes, &bob), [key(3)]);
        assert_eq!(end(bytes.len() as u64), whole);
    }
}
