//! Where an installed program is, or the sentence that says how to install it.

use std::{env, path::PathBuf};

/// Names the program that tests start as their Redis server.
const REDIS: &str = "GSESSION_TEST_REDIS";

/// The Redis server that tests use: the program that `GSESSION_TEST_REDIS` names, else the one that is installed.
///
/// # Errors
///
/// A sentence that says what is missing.
pub fn redis() -> Result<PathBuf, String> {
    let Some(named) = env::var_os(REDIS).map(PathBuf::from) else { return look_for(&["redis-server"], "redis-server") };
    // A relative path would mean another file to each test, as each crate's tests run in a folder of their own.
    if named.is_absolute() && named.is_file() {
        Ok(named)
    } else {
        Err(format!("{REDIS} is to be the absolute path of a server's program, and is `{}`.", named.display()))
    }
}

/// The path of the first of `names` that is installed.
///
/// # Panics
///
/// When none is, with the command that installs the Debian `package`: a test that cannot run has failed.
#[must_use]
pub fn find(names: &[&str], package: &str) -> PathBuf {
    look_for(names, package).unwrap_or_else(|missing| panic!("{missing}"))
}

/// As [`find`], for programs that have other ways to say what is missing.
///
/// # Errors
///
/// A sentence with the command that installs the Debian `package`.
pub fn look_for(names: &[&str], package: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers in sbin, which is not on the path of an ordinary user.
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(["/usr/bin".into(), "/usr/sbin".into()]).collect();
    let mut files = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    files.find(|file| file.is_file()).ok_or_else(|| {
        format!(
            "`{}` is not installed. Install it with `apt-get install --yes {package}`, or run tests/run, which does.",
            names.join("` or `"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_program_is_found() {
        assert!(find(&["no-such-shell", "sh"], "dash").ends_with("sh"));
    }

    #[test]
    #[should_panic(expected = "apt-get install --yes some-package")]
    fn a_missing_program_says_how_to_install_it() {
        let _ = find(&["no-such-program"], "some-package");
    }
}
