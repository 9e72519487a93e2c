//! Checks what has to be installed, before minutes are spent on measuring.

use anyhow::Result;
use gsession_test_servers::{
    PostgresServer,
    program::{self, look_for},
};

/// Something that is not installed, and how to install it.
#[derive(Debug)]
pub(crate) struct Missing(String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

pub(crate) fn redis() -> Result<()> {
    program::redis().map(drop).map_err(|sentence| Missing(sentence).into())
}

pub(crate) fn postgres() -> Result<()> {
    PostgresServer::look_for().map(drop).map_err(|sentence| Missing(sentence).into())
}

/// For counting instructions.
pub(crate) fn valgrind() -> Result<()> {
    // The sentence of the tests does not fit: they do not need it.
    let sentence = "`valgrind` is not installed. Install it with `apt-get install --yes valgrind`, or leave that column out \
                    with --skip-instructions.";
    look_for(&["valgrind"], "valgrind").map(drop).map_err(|_| Missing(sentence.to_owned()).into())
}
