//! Scripts: what has to happen in one step in the server.

use std::sync::OnceLock;

use redis::{Cmd, ToRedisArgs};

/// A script. Servers keep scripts under the SHA-1 of their text, so that a call sends only that.
pub(in crate::storage::redis) struct Script {
    source: &'static str,
    sha1: OnceLock<String>,
}

impl Script {
    pub(in crate::storage::redis) const fn new(source: &'static str) -> Self {
        Self { source, sha1: OnceLock::new() }
    }

    /// The command that runs the script: by its hash, or with its text for a server that does not know it yet.
    pub(super) fn command<A: ToRedisArgs>(&self, by_text: bool, keys: &[&[u8]], args: &[A]) -> Cmd {
        let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), 256);
        if by_text {
            command.arg("EVAL").arg(self.source);
        } else {
            let sha1 = self.sha1.get_or_init(|| redis::Script::new(self.source).get_hash().to_owned());
            command.arg("EVALSHA").arg(sha1.as_str());
        }
        command.arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        for arg in args {
            command.arg(arg);
        }
        command
    }
}
