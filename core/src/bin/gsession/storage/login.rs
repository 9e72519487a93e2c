//! The login for Redis: what the URLs say, and the options where they say nothing.

use std::fs;

use clap::error::ErrorKind;
use redis::{IntoConnectionInfo as _, RedisConnectionInfo};

use super::options::StorageOptions;
use crate::failure::{Failure, usage};

/// What the URLs leave open.
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<u32>,
}

impl StorageOptions {
    /// What to add to the URLs of the servers. Those of Sentinels are not among them: they hold the login for the Sentinels.
    pub(super) fn login(&self, urls: &[&str]) -> Result<Login, Failure> {
        // Building the storage says what is wrong with a URL that cannot be read.
        let said: Vec<RedisConnectionInfo> =
            urls.iter().filter_map(|url| Some(url.into_connection_info().ok()?.redis_settings().clone())).collect();
        let is_named = |login: &RedisConnectionInfo| login.username().is_some();
        let has_password = |login: &RedisConnectionInfo| login.password().is_some();
        let typed = self.username.clone().filter(|name| !name.is_empty());
        let username = if said.iter().any(is_named) { None } else { typed };
        let password = if said.iter().any(has_password) { None } else { self.password()? };
        let lacks_password = |login: &RedisConnectionInfo| {
            (is_named(login) || username.is_some()) && !has_password(login) && password.is_none()
        };
        if said.iter().any(lacks_password) || (said.is_empty() && username.is_some() && password.is_none()) {
            // Otherwise no login would be tried.
            let message = "a user name for Redis needs a password: set GSESSION_PASSWORD, or add --password-file PATH";
            return Err(usage(ErrorKind::MissingRequiredArgument, message).into());
        }
        let database = self.database.filter(|_| !urls.iter().any(|url| names_database(url)));
        Ok(Login { username, password, database })
    }

    /// The password, if it is not in the URL.
    pub(super) fn password(&self) -> Result<Option<String>, Failure> {
        if let Some(path) = &self.password_file {
            let text = fs::read_to_string(path).map_err(|error| Failure::File(path.clone(), error))?;
            return Ok(Some(text.lines().next().unwrap_or_default().to_owned()));
        }
        let password = std::env::var_os(self.password_variable).filter(|password| !password.is_empty());
        // One that is not UTF-8 is refused by the server, whereas none might be let in as somebody else.
        Ok(password.map(|password| password.to_string_lossy().into_owned()))
    }
}

/// Whether a URL says which database, were it 0: `redis://host/0`, `unix:///path?db=0`.
fn names_database(url: &str) -> bool {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    if address.starts_with("unix:") || address.starts_with("redis+unix:") {
        return query.split('&').any(|part| part.starts_with("db="));
    }
    let host_and_path = address.split_once("://").map_or(address, |(_, rest)| rest);
    host_and_path.split_once('/').is_some_and(|(_, path)| !path.trim_matches('/').is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_by_a_path_or_a_query() {
        for url in ["redis://h/0", "rediss://u:p@h:1/3", "redis://h/3?protocol=resp3", "unix:///a/b?user=u&db=0"] {
            assert!(names_database(url), "{url}");
        }
        for url in ["redis://h", "redis://h/", "rediss://u:p@h:1?protocol=resp3", "unix:///a/b", "unix:///a/b?user=db"]
        {
            assert!(!names_database(url), "{url}");
        }
    }
}
