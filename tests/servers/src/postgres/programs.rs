//! The programs of PostgreSQL.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::program;

/// Where Debian keeps them, a folder for each version; only some of them are in `PATH`, and those are often scripts that look
/// for the system's own server.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The path of one of its programs, of the newest version that is installed.
///
/// # Errors
///
/// A sentence with the command that installs it.
pub(super) fn look_for(name: &str) -> Result<PathBuf, String> {
    match newest(Path::new(DEBIAN)).map(|folder| folder.join("bin").join(name)) {
        Some(program) if program.is_file() => Ok(program),
        _ => program::look_for(&[name], "postgresql"),
    }
}

/// As [`look_for`].
///
/// # Panics
///
/// When it is missing.
pub(super) fn find(name: &str) -> PathBuf {
    look_for(name).unwrap_or_else(|missing| panic!("{missing}"))
}

/// The folder of the newest version.
fn newest(folder: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(folder).ok()?.flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path()))
    });
    versions.max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_used() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["9", "15", "17", "common"] {
            fs::create_dir(folder.path().join(version)).unwrap();
        }
        assert_eq!(newest(folder.path()), Some(folder.path().join("17")));
        assert_eq!(newest(&folder.path().join("missing")), None);
    }
}
