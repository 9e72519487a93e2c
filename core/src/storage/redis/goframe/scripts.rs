//! The scripts, put together from their parts.

use crate::storage::redis::server::Script;

macro_rules! script {
    ($name:ident, $part:literal) => {
        pub(super) static $name: Script =
            Script::new(concat!(include_str!("../scripts/goframe.lua"), include_str!(concat!("../scripts/", $part))));
    };
}

script!(TOUCH, "goframe_touch.lua");
script!(REMOVE, "goframe_remove.lua");
script!(ACTIVATE, "goframe_activate.lua");
script!(STRING_READ, "goframe_string_read.lua");
script!(STRING_CREATE, "goframe_string_create.lua");
script!(STRING_COMMIT, "goframe_string_commit.lua");
script!(HASH_READ, "goframe_hash_read.lua");
script!(HASH_CREATE, "goframe_hash_create.lua");
script!(HASH_COMMIT, "goframe_hash_commit.lua");
script!(HASH_CLAIM, "goframe_hash_claim.lua");
