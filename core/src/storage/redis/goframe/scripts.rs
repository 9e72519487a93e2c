//! The scripts, assembled from their parts.

use crate::storage::redis::servers::Script;

/// The scripts that do not depend on a session's entries, for strings or for hashes.
pub(crate) struct Scripts {
    pub(super) touch: Script,
    pub(super) remove: Script,
    pub(super) activate: Script,
}

macro_rules! script {
    ($($part:literal),+) => {
        Script::new(concat!(include_str!("scripts/common.lua"), $(include_str!(concat!("scripts/", $part))),+))
    };
}

pub(super) static STRING: Scripts = Scripts {
    touch: script!("string.lua", "touch.lua"),
    remove: script!("string.lua", "remove.lua"),
    activate: script!("string.lua", "activate.lua"),
};
pub(super) static STRING_READ: Script = script!("string.lua", "string_read.lua");
pub(super) static STRING_CREATE: Script = script!("string_create.lua");
pub(super) static STRING_COMMIT: Script = script!("string.lua", "string_commit.lua");

pub(super) static HASH: Scripts = Scripts {
    touch: script!("hash.lua", "touch.lua"),
    remove: script!("hash.lua", "remove.lua"),
    activate: script!("hash.lua", "activate.lua"),
};
pub(super) static HASH_READ: Script = script!("hash.lua", "hash_read.lua");
pub(super) static HASH_CREATE: Script = script!("hash_create.lua");
pub(super) static HASH_COMMIT: Script = script!("hash.lua", "hash_commit.lua");
pub(super) static HASH_CLAIM: Script = script!("hash.lua", "hash_claim.lua");
