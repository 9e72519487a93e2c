//! The scripts, put together from their parts.

use crate::storage::redis::server::Script;

/// The scripts that do not depend on what a session holds, for one form of value.
pub(super) struct Scripts {
    pub(super) touch: Script,
    pub(super) remove: Script,
    pub(super) activate: Script,
}

macro_rules! script {
    ($($part:literal),+) => {
        Script::new(concat!(include_str!("../scripts/goframe.lua"), $(include_str!(concat!("../scripts/", $part))),+))
    };
}

pub(super) static STRING: Scripts = Scripts {
    touch: script!("goframe_string.lua", "goframe_touch.lua"),
    remove: script!("goframe_string.lua", "goframe_remove.lua"),
    activate: script!("goframe_string.lua", "goframe_activate.lua"),
};
pub(super) static STRING_READ: Script = script!("goframe_string.lua", "goframe_string_read.lua");
pub(super) static STRING_CREATE: Script = script!("goframe_string_create.lua");
pub(super) static STRING_COMMIT: Script = script!("goframe_string.lua", "goframe_string_commit.lua");

pub(super) static HASH: Scripts = Scripts {
    touch: script!("goframe_hash.lua", "goframe_touch.lua"),
    remove: script!("goframe_hash.lua", "goframe_remove.lua"),
    activate: script!("goframe_hash.lua", "goframe_activate.lua"),
};
pub(super) static HASH_READ: Script = script!("goframe_hash.lua", "goframe_hash_read.lua");
pub(super) static HASH_CREATE: Script = script!("goframe_hash_create.lua");
pub(super) static HASH_COMMIT: Script = script!("goframe_hash.lua", "goframe_hash_commit.lua");
pub(super) static HASH_CLAIM: Script = script!("goframe_hash.lua", "goframe_hash_claim.lua");
