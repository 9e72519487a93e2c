//! Where an installed program is, or the sentence that says how to install it.

use std::{env, path::PathBuf};

/// The path of the first of `names` that is installed.
///
/// # Panics
///
/// When none is, with the command that installs the Debian `package`: a test that cannot run has failed.
#[must_use]
pub fn find(names: &[&str], package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers in sbin, which is not on the path of an ordinary user.
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(["/usr/bin".into(), "/usr/sbin".into()]).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file()).unwrap_or_else(
        || {
            panic!(
                "`{}` is not installed. Install it with `apt-get install --yes {package}`, or run tests/run, which does.",
                names.join("` or `"),
            )
        },
    )
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
