//! Sessions in Redis.

use std::{fs, path::PathBuf};

use clap::error::ErrorKind;
use gsession::{AnyStorage, RedisHashStorage, RedisStorage, storage::redis::RedisBuilder};

use super::options::{LIMITS, Layout, StorageOptions};
use crate::failure::{Failure, usage};

impl StorageOptions {
    pub(super) fn open_redis(&self, urls: &[&str]) -> Result<AnyStorage, Failure> {
        Ok(match self.layout.unwrap_or(Layout::Strings) {
            Layout::Strings => AnyStorage::new(self.strings(urls)?.build()?),
            Layout::GoframeStrings => AnyStorage::new(self.strings(urls)?.goframe().build()?),
            Layout::Hashes => AnyStorage::new(self.hashes(urls)?.build()?),
            Layout::GoframeHashes => AnyStorage::new(self.hashes(urls)?.goframe().build()?),
        })
    }

    fn strings(&self, urls: &[&str]) -> Result<RedisBuilder<gsession::storage::redis::Strings>, Failure> {
        let builder = match (urls, &self.sentinel) {
            (urls, Some(service)) => RedisStorage::sentinel(urls.iter().copied(), service),
            (urls, None) if self.cluster => RedisStorage::cluster(urls.iter().copied()),
            ([url], None) => RedisStorage::builder(url),
            _ => return Err(several()),
        };
        self.configured(urls, builder)
    }

    fn hashes(&self, urls: &[&str]) -> Result<RedisBuilder<gsession::storage::redis::Hashes>, Failure> {
        let builder = match (urls, &self.sentinel) {
            (urls, Some(service)) => RedisHashStorage::sentinel(urls.iter().copied(), service),
            (urls, None) if self.cluster => RedisHashStorage::cluster(urls.iter().copied()),
            ([url], None) => RedisHashStorage::builder(url),
            _ => return Err(several()),
        };
        self.configured(urls, builder)
    }

    /// A builder with all other settings.
    fn configured<L>(&self, urls: &[&str], builder: RedisBuilder<L>) -> Result<RedisBuilder<L>, Failure> {
        let mut builder = builder.connect_timeout(self.timeout()).response_timeout(self.timeout()).limits(LIMITS());
        if let Some(prefix) = &self.prefix {
            builder = builder.key_prefix(prefix);
        }
        // The URLs of Sentinels hold the login for the Sentinels.
        let login = self.login(if self.sentinel.is_some() { &[] } else { urls })?;
        if let Some(name) = login.username {
            builder = builder.username(name);
        }
        if let Some(password) = login.password {
            builder = builder.password(password);
        }
        if let Some(number) = login.database {
            builder = builder.database(number);
        }
        if let Some(path) = &self.root_certificate {
            builder = builder.root_certificate(read(path)?);
        }
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            builder = builder.client_certificate(read(certificate)?, read(key)?);
        }
        if let Some(is_tls) = self.server_tls {
            builder = builder.server_tls(is_tls);
        }
        Ok(builder)
    }
}

fn several() -> Failure {
    let message = "several servers are named: add --cluster if they belong to a cluster, or --sentinel NAME if they are Sentinels";
    usage(ErrorKind::MissingRequiredArgument, message).into()
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::File(path.clone(), error))
}
