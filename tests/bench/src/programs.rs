//! The programs that serve: this one, and GoFrame's, which is built from tests/goframe when it is wanted.

use std::{
    ffi::{OsStr, OsString},
    io::ErrorKind,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::servers::{KEYS, Peer, SLOW};

/// The Go module, as it lies beside this package.
const GO_MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../goframe");
/// Its package that the benchmark measures.
const GO_PACKAGE: &str = "./bench";

/// The programs that are there. Dropping this removes what was built.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    goframe: Option<GoFrame>,
}

#[derive(Debug)]
struct GoFrame {
    path: PathBuf,
    go_version: String,
    // Only kept: its removal on drop takes the program along.
    _folder: TempDir,
}

impl Programs {
    /// What these peers need; without peers what all of them need, as far as it is to be had.
    ///
    /// # Errors
    ///
    /// When a peer is asked for by name and its program cannot be built.
    pub(crate) fn for_peers(asked: &[Peer]) -> Result<Self> {
        Self::built_with("go", asked)
    }

    fn built_with(go: &str, asked: &[Peer]) -> Result<Self> {
        if !asked.is_empty() && asked.iter().all(|peer| peer.goframe_storage().is_none()) {
            return Ok(Self::default());
        }
        match GoFrame::build(go) {
            Ok(goframe) => Ok(Self { goframe: Some(goframe) }),
            Err(problem) if asked.is_empty() => {
                eprintln!("GoFrame is left out: {problem:#}");
                Ok(Self::default())
            }
            Err(problem) => Err(problem.context("GoFrame cannot be measured")),
        }
    }

    /// Whether a peer's program is there.
    pub(crate) fn can_serve(&self, peer: Peer) -> bool {
        peer.goframe_storage().is_none() || self.goframe.is_some()
    }

    /// A peer's program, and how to tell it which peer to serve.
    pub(crate) fn of(&self, peer: Peer) -> Result<(PathBuf, Vec<OsString>)> {
        let Some(storage) = peer.goframe_storage() else {
            let program = std::env::current_exe().context("finding our own program")?;
            return Ok((program, ["serve", "--peer", &peer.name()].map(OsString::from).to_vec()));
        };
        let program = self.goframe.as_ref().context("GoFrame's program was not built")?;
        let (slow, keys) = (format!("{}ms", SLOW.as_millis()), KEYS.to_string());
        let arguments = ["--storage", storage, "--slow", &slow, "--keys", &keys].map(OsString::from);
        Ok((program.path.clone(), arguments.to_vec()))
    }

    /// The version of Go, if something of its is measured.
    pub(crate) fn go_version(&self) -> Option<&str> {
        Some(&self.goframe.as_ref()?.go_version)
    }
}

impl GoFrame {
    fn build(go: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("making a folder for GoFrame's program")?;
        let path = folder.path().join("goframe");
        let go_version = run(go, ["env", "GOVERSION"].map(OsStr::new))?;
        eprintln!("building GoFrame's server with {go_version}");
        let output = path.as_os_str();
        // Without the state of the repository, for which Go would need git.
        run(
            go,
            [OsStr::new("build"), OsStr::new("-buildvcs=false"), OsStr::new("-o"), output, OsStr::new(GO_PACKAGE)],
        )?;
        Ok(Self { path, go_version, _folder: folder })
    }
}

/// Runs Go in the module's folder and answers what it prints.
fn run<const N: usize>(go: &str, arguments: [&OsStr; N]) -> Result<String> {
    let output = match Command::new(go).arg("-C").arg(GO_MODULE).args(arguments).stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("Go is missing: `apt-get install golang-go`"),
        Err(error) => return Err(error).context("starting Go"),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
        bail!("Go cannot build it, perhaps because its modules cannot be had: {last}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(go: &str) -> String {
        Programs::built_with(go, &[Peer::Bare, Peer::GoframeFile])
            .map_or_else(|error| format!("{error:#}"), |_| String::new())
    }

    #[test]
    fn without_go_its_peers_are_left_out_unless_they_are_asked_for() -> Result<()> {
        // Missing; there, but it fails, as it does without the modules.
        for (go, reason) in [("no-such-go", "Go is missing"), ("false", "Go cannot build it")] {
            let said = refused(go);
            assert!(said.starts_with("GoFrame cannot be measured: ") && said.contains(reason), "{said:?}");
            let programs = Programs::built_with(go, &[])?;
            assert!(!programs.can_serve(Peer::GoframeRedis) && programs.can_serve(Peer::GsessionRedis));
            assert!(programs.of(Peer::BareGoframe).is_err());
            assert_eq!(programs.go_version(), None);
        }
        Ok(())
    }

    #[test]
    fn go_is_not_looked_for_if_none_of_its_peers_is_asked_for() -> Result<()> {
        assert!(!Programs::built_with("no-such-go", &[Peer::Bare])?.can_serve(Peer::BareGoframe));
        Ok(())
    }
}
