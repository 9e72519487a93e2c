//! The scripts, assembled from their parts.

use crate::storage::redis::servers::Script;

/// The scripts of a layout.
pub(crate) struct Scripts {
    pub(super) read: Script,
    pub(super) create: Script,
    pub(super) commit: Script,
    pub(super) touch: Script,
    pub(super) remove: Script,
    pub(super) claim: Script,
    pub(super) activate: Script,
    pub(super) expire: Script,
}

macro_rules! script {
    ($($part:literal),+) => {
        Script::new(concat!(include_str!("scripts/common.lua"), $(include_str!(concat!("scripts/", $part))),+))
    };
}

/// Replaces a string that was read.
pub(super) static STRING_REPLACE: Script = Script::new(include_str!("scripts/string_replace.lua"));
/// Appends to a string that was read.
pub(super) static STRING_EXTEND: Script = Script::new(include_str!("scripts/string_extend.lua"));
/// Appends to a string that was not read.
pub(super) static STRING_APPEND: Script = Script::new(include_str!("scripts/string_append.lua"));

/// Notes a session in the index.
pub(super) static NOTE: Script = Script::new(include_str!("scripts/note.lua"));
/// Removes stale entries from the index.
pub(super) static FORGET: Script = Script::new(include_str!("scripts/forget.lua"));

/// Sets entries of a hash that was read.
pub(super) static HASH_REPLACE: Script = Script::new(include_str!("scripts/hash_replace.lua"));
/// Sets and removes entries of a hash.
pub(super) static HASH_CHANGE: Script = Script::new(include_str!("scripts/hash_change.lua"));

/// Those for strings.
pub(super) static STRING: Scripts = Scripts {
    read: script!("string.lua", "string_read.lua"),
    create: script!("string.lua", "string_create.lua"),
    commit: script!("string.lua", "refusal.lua", "lifespan.lua", "string_commit.lua"),
    touch: script!("string.lua", "touch.lua"),
    remove: script!("string.lua", "remove.lua"),
    claim: script!("string.lua", "claim.lua"),
    activate: script!("string.lua", "activate.lua"),
    expire: script!("string.lua", "expire.lua"),
};

/// Those for hashes.
pub(super) static HASH: Scripts = Scripts {
    read: script!("hash.lua", "hash_read.lua"),
    create: script!("hash.lua", "hash_create.lua"),
    commit: script!("hash.lua", "refusal.lua", "lifespan.lua", "hash_commit.lua"),
    touch: script!("hash.lua", "touch.lua"),
    remove: script!("hash.lua", "remove.lua"),
    claim: script!("hash.lua", "claim.lua"),
    activate: script!("hash.lua", "activate.lua"),
    expire: script!("hash.lua", "expire.lua"),
};
