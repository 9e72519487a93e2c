//! Opening the storage that the options name.

use clap::error::ErrorKind;
use gsession::AnyStorage;

use super::{folder, kind::Kind, options::StorageOptions, tables::Tables};
use crate::failure::{Failure, usage};

impl StorageOptions {
    /// Opens the storage. Nothing is created, and no server is asked yet.
    pub(crate) fn open(&self) -> Result<AnyStorage, Failure> {
        let urls = self.urls();
        match (self.kind(&urls)?, urls.as_slice()) {
            (Kind::Folder, [url]) => folder::open(url, self.timeout()),
            (Kind::Postgres, [url]) => Ok(self.open_postgres(url)?.into_storage()),
            (Kind::Sqlite, [url]) => Ok(self.open_sqlite(url, false)?.into_storage()),
            (Kind::Redis, urls) => self.open_redis(urls),
            _ => Err(mixed()),
        }
    }

    /// The storage at a URL that stands for `--storage`. The environment may name another one.
    pub(crate) fn or_at(mut self, url: Option<String>) -> Result<Self, Failure> {
        let Some(url) = url else { return Ok(self) };
        if self.typed.iter().any(|id| id.as_str() == "storage") {
            let message = "the storage is named twice: as URL and with --storage";
            return Err(usage(ErrorKind::ArgumentConflict, message).into());
        }
        self.storage = vec![url];
        Ok(self)
    }

    /// The storage, if it has tables. A file of SQLite that is not there yet may be made.
    pub(crate) fn tables(&self) -> Result<Tables, Failure> {
        let urls = self.urls();
        match (self.kind(&urls)?, urls.as_slice()) {
            (Kind::Postgres, [url]) => self.open_postgres(url),
            (Kind::Sqlite, [url]) => self.open_sqlite(url, true),
            _ => {
                let message = "only storages in Postgres and in SQLite have tables: postgres://… or sqlite:PATH";
                Err(usage(ErrorKind::InvalidValue, message).into())
            }
        }
    }

    /// The kind that all URLs are of; several can only be those of Redis servers. The options fit it.
    fn kind(&self, urls: &[&str]) -> Result<Kind, Failure> {
        let [first, others @ ..] = urls else {
            return Err(usage(
                ErrorKind::MissingRequiredArgument,
                "no storage is named: add --storage file:PATH, --storage redis://…, --storage postgres://… or --storage sqlite:PATH, \
                 or set GSESSION_STORAGE",
            )
            .into());
        };
        let kind = Kind::of(first).ok_or_else(mixed)?;
        if !others.is_empty() && (kind != Kind::Redis || others.iter().any(|url| Kind::of(url) != Some(kind))) {
            return Err(mixed());
        }
        self.refuse_others(kind)?;
        Ok(kind)
    }

    /// The URLs; those of servers may share one text.
    fn urls(&self) -> Vec<&str> {
        let is_path = |text: &str| Kind::of(text.trim_start()).is_some_and(Kind::is_path);
        let split = |text: &'_ str| text.split_whitespace().count() > 1 && !is_path(text);
        let texts = self.storage.iter().filter(|text| !text.trim().is_empty());
        texts
            .flat_map(|text| if split(text) { text.split_whitespace().collect() } else { vec![text.as_str()] })
            .collect()
    }
}

fn mixed() -> Failure {
    let message = "a storage URL begins with file:, sqlite:, postgres://, redis://, rediss:// or unix://; several must all be those \
                   of Redis servers";
    usage(ErrorKind::InvalidValue, message).into()
}
