//! Lua scripts: steps that the server takes at once.

use std::sync::OnceLock;

use redis::Cmd;

/// A script. Servers know scripts by the SHA-1 of their text, so that a call sends only the hash.
pub(crate) struct Script {
    source: &'static str,
    sha1: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self { source, sha1: OnceLock::new() }
    }

    /// The command that runs the script.
    pub(super) fn by_hash(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), 256);
        let sha1 = self.sha1.get_or_init(|| redis::Script::new(self.source).get_hash().to_owned());
        command.arg("EVALSHA").arg(sha1.as_str()).arg(keys.len());
        for part in keys.iter().chain(args) {
            command.arg(*part);
        }
        command
    }

    /// The same command for a server that does not know the script yet.
    pub(super) fn by_text(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        let mut command = Cmd::new();
        command.arg("EVAL").arg(self.source).arg(keys.len());
        for part in keys.iter().chain(args) {
            command.arg(*part);
        }
        command
    }
}
