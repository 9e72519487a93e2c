//! User-space instructions a request, counted by callgrind: the same on a busy machine as on an idle one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::{
    child::{Mode, Server},
    client::{Connection, log_in, request},
    measured::Case,
    programs::Programs,
};

/// What starting up, logging in and ending cost is the same in both runs, so the difference has requests alone.
const FEW: u32 = 1_000;
const MANY: u32 = 4_000;

/// Where the profiles go: a folder to keep, or one that goes with us.
#[derive(Debug)]
pub(crate) enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    /// The folder to keep, made if need be; or a temporary one.
    pub(crate) fn new(kept: Option<&Path>) -> Result<Self> {
        match kept {
            Some(path) => {
                std::fs::create_dir_all(path).with_context(|| format!("making the folder {}", path.display()))?;
                Ok(Self::Kept(path.to_owned()))
            }
            None => Ok(Self::Temporary(tempfile::tempdir().context("making a folder for callgrind")?)),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Whether callgrind can count them: not those of a Go program, whose stacks it cannot follow.
pub(crate) fn can_count((peer, _): Case) -> bool {
    peer.goframe_storage().is_none()
}

/// Instructions of one request.
pub(crate) fn per_request(case: Case, folder: &Folder) -> Result<f64> {
    let few = total(case, FEW, folder)?;
    let many = total(case, MANY, folder)?;
    Ok((many - few) / f64::from(MANY - FEW))
}

/// Instructions of a server's whole life, in which it answers this many requests, one after the other.
fn total((peer, handler): Case, requests: u32, folder: &Folder) -> Result<f64> {
    let name = format!("{}.{}.{requests}", peer.name(), handler.path().trim_start_matches('/'));
    let profile = folder.path().join(name);
    let server = Server::start(&Programs::default(), peer, Mode::Callgrind(&profile))?;
    let cookie = log_in(server.address())?;
    let mut connection = Connection::open(server.address())?;
    connection.repeat(&request(handler.path(), Some(&cookie)), requests)?;
    server.finish()?;
    let text = std::fs::read_to_string(&profile).context("reading callgrind's profile")?;
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals:"));
    line.and_then(|totals| totals.trim().parse().ok()).context("callgrind's profile has no totals")
}
