//! A real GoFrame service (the Go files beside this one) and gsession on one Redis: see `tests/live.rs`. The Go
//! program of the benchmark in `bench/` is tested here too, because this package is the one that needs Go.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

const NEEDS_GO: &str = "needs Go: apt-get install --yes golang-go";

/// Builds a package of the Go module here, as `go build` calls it (`.` or `./bench`), into this file.
///
/// # Panics
///
/// Without Go, or the modules that it needs.
#[must_use]
pub fn build(package: &str, program: &str) -> PathBuf {
    let module = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut go = Command::new("go");
    let status = go.args(["build", "-buildvcs=false", "-o", program, package]).current_dir(module).status();
    assert!(status.unwrap_or_else(|error| panic!("{NEEDS_GO} ({error})")).success(), "go build fails");
    program.into()
}
