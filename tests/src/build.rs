//! A binary of this workspace, built by cargo just as the running test was.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Builds a package's binary of the same name and returns its path.
///
/// `CARGO_BIN_EXE_…` exists only for binaries of the test's own package, and a binary that merely lies in the target
/// folder may be an old one. So cargo is asked: it does nothing when nothing has changed.
///
/// # Panics
///
/// When it does not compile.
#[must_use]
pub fn binary(package: &str) -> PathBuf {
    // Both are set by `cargo test`; without them somebody runs the test binary by hand. The folder that was compiled in may
    // be that of another checkout with the same target folder.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--package", package, "--bin", package, "--message-format=json-render-diagnostics"])
        .current_dir(here);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if let Some(folder) = target_folder() {
        command.arg("--target-dir").arg(folder);
    }
    let built = command.output().unwrap_or_else(|error| panic!("starting cargo to build `{package}`: {error}"));
    assert!(built.status.success(), "`{package}` does not compile:\n{}", String::from_utf8_lossy(&built.stderr));
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == package)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .unwrap_or_else(|| panic!("cargo built `{package}` without saying where the binary is"))
}

/// The target folder that the running test lies in, which may have been chosen on cargo's command line. `None` leaves the
/// choice to cargo's configuration.
fn target_folder() -> Option<PathBuf> {
    let test = env::current_exe().ok()?;
    test.ancestors().find(|folder| is_target_folder(folder)).map(Path::to_path_buf)
}

/// Cargo marks every target folder with this file.
fn is_target_folder(folder: &Path) -> bool {
    folder.join(".rustc_info.json").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_above_the_running_test() {
        let folder = target_folder().expect("a test that cargo built lies in a target folder");
        assert!(env::current_exe().unwrap().starts_with(folder));
    }

    #[test]
    #[should_panic(expected = "`gsession-no-such-package` does not compile")]
    fn a_package_that_does_not_build_is_reported() {
        let _ = binary("gsession-no-such-package");
    }
}
