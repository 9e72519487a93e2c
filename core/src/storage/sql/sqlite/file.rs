//! The file of the database.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Makes the file if there is none, for its owner alone. SQLite gives the files beside it the same mode. One that is there keeps its own.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A path that means a file of this name. SQLite would take one that begins with `file:` for a URI, such as one of a database in memory.
pub(super) fn literal(path: PathBuf) -> PathBuf {
    if path.as_os_str().as_encoded_bytes().starts_with(b"file:") { Path::new(".").join(path) } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_never_a_uri() {
        for (path, literally) in [
            ("file::memory:", "./file::memory:"),
            ("file:x.db", "./file:x.db"),
            ("/file:x", "/file:x"),
            ("x.db", "x.db"),
        ] {
            assert_eq!(literal(path.into()), Path::new(literally));
        }
    }
}
