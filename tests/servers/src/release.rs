//! The releases of Redis and Valkey that `tests/run install` keeps beside what is compiled.

use std::{
    env,
    path::{Path, PathBuf},
};

/// A server that a test asks for by name. Other tests use [`program::redis`](crate::program::redis).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Redis 7.0, as in Debian 12.
    Redis7_0,
    /// Redis 8.0, as in Debian 13.
    Redis8_0,
    /// Valkey 8.1, as in Debian 13.
    Valkey8_1,
}

impl Release {
    /// Each of them, here or not.
    pub const ALL: [Self; 3] = [Self::Redis7_0, Self::Redis8_0, Self::Valkey8_1];

    /// Those that are here.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|release| release.program().is_ok()).collect()
    }

    /// The folder that holds it.
    const fn folder(self) -> &'static str {
        match self {
            Self::Redis7_0 => "redis-7.0",
            Self::Redis8_0 => "redis-8.0",
            Self::Valkey8_1 => "valkey-8.1",
        }
    }

    /// What starts it.
    ///
    /// # Errors
    ///
    /// A sentence that says that it is not here, why if that is known, and which command fetches it.
    pub fn program(self) -> Result<PathBuf, String> {
        let here = env::current_exe().map_err(|error| format!("this program does not know where it is: {error}"))?;
        self.program_above(&here)
    }

    /// Cargo compiles into folders of the one that has `servers`.
    fn program_above(self, path: &Path) -> Result<PathBuf, String> {
        let folders = || path.ancestors().map(|above| above.join("servers").join(self.folder()));
        let start = folders().map(|folder| folder.join("start")).find(|file| file.is_file());
        start.ok_or_else(|| {
            let why = folders().find_map(|folder| std::fs::read_to_string(folder.join("missing")).ok());
            let why = why.map(|why| format!(" ({})", why.trim_end())).unwrap_or_default();
            format!("{} is not here{why}. Fetch it with `tests/run install`.", self.folder())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A build folder with a test program in it, and with one file of a release.
    fn build_folder(release: Release, file: &str, text: &str) -> (TempDir, PathBuf) {
        let build = TempDir::new().unwrap();
        let folder = build.path().join("servers").join(release.folder());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
        let test = build.path().join("debug/deps/test");
        (build, test)
    }

    #[test]
    fn each_release_has_a_folder_of_its_own() {
        for release in Release::ALL {
            let (build, test) = build_folder(release, "start", "");
            let start = build.path().join("servers").join(release.folder()).join("start");
            assert_eq!(release.program_above(&test), Ok(start));
            for other in Release::ALL.into_iter().filter(|other| *other != release) {
                let sentence = format!("{} is not here. Fetch it with `tests/run install`.", other.folder());
                assert_eq!(other.program_above(&test), Err(sentence));
            }
        }
    }

    #[test]
    fn a_missing_release_says_why() {
        let (_build, test) = build_folder(Release::Valkey8_1, "missing", "there is no apt-get\n");
        let sentence = "valkey-8.1 is not here (there is no apt-get). Fetch it with `tests/run install`.";
        assert_eq!(Release::Valkey8_1.program_above(&test), Err(sentence.to_owned()));
    }
}
