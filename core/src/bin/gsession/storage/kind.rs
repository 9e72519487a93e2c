//! The kinds of storages: how their URLs begin, and which options they have.

use clap::error::ErrorKind;

use super::options::StorageOptions;
use crate::failure::{Failure, usage};

/// Where sessions can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    Redis,
    Postgres,
    Sqlite,
}

use Kind::{Folder, Postgres, Redis, Sqlite};

/// How URLs begin.
const SCHEMES: [(&str, Kind); 10] = [
    ("file:", Folder),
    ("redis:", Redis),
    ("rediss:", Redis),
    ("unix:", Redis),
    ("redis+unix:", Redis),
    ("valkey:", Redis),
    ("valkeys:", Redis),
    ("postgres:", Postgres),
    ("postgresql:", Postgres),
    ("sqlite:", Sqlite),
];

/// The options that not every kind has, and those that have them.
const OPTIONS: [(&str, &[Kind]); 13] = [
    ("layout", &[Redis]),
    ("prefix", &[Redis]),
    ("sentinel", &[Redis]),
    ("cluster", &[Redis]),
    ("username", &[Redis, Postgres]),
    ("password_file", &[Redis, Postgres]),
    ("database", &[Redis]),
    ("root_certificate", &[Redis]),
    ("client_certificate", &[Redis]),
    ("client_key", &[Redis]),
    ("server_tls", &[Redis]),
    ("table_prefix", &[Postgres, Sqlite]),
    ("schema", &[Postgres]),
];

impl Kind {
    pub(super) fn of(url: &str) -> Option<Self> {
        SCHEMES.iter().find(|(scheme, _)| url.starts_with(scheme)).map(|(_, kind)| *kind)
    }

    /// Whether its URLs are paths, which may hold spaces.
    pub(super) const fn is_path(self) -> bool {
        matches!(self, Folder | Sqlite)
    }

    const fn name(self) -> &'static str {
        match self {
            Folder => "a folder",
            Redis => "Redis",
            Postgres => "Postgres",
            Sqlite => "SQLite",
        }
    }

    /// Where the storage is, in a sentence.
    const fn place(self) -> &'static str {
        match self {
            Folder => "a folder",
            Redis => "in Redis",
            Postgres => "in Postgres",
            Sqlite => "in SQLite",
        }
    }
}

impl StorageOptions {
    /// Refuses an option that means nothing to this kind. The environment may hold it for another storage; there it is ignored.
    pub(super) fn refuse_others(&self, kind: Kind) -> Result<(), Failure> {
        let is_typed = |name: &str| self.typed.iter().any(|id| id.as_str() == name);
        let Some((name, kinds)) = OPTIONS.iter().find(|(name, kinds)| !kinds.contains(&kind) && is_typed(name)) else {
            return Ok(());
        };
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let (option, place) = (name.replace('_', "-"), kind.place());
        let message = format!("--{option} is for {}, and the storage is {place}", kinds.join(" and "));
        Err(usage(ErrorKind::InvalidValue, &message).into())
    }
}
