//! The URLs and the login that a builder was given, and the addresses in the URLs.

use crate::storage::redis::{
    connection::Address,
    invalid_setting::{InvalidSetting, LAST_DATABASE},
};

pub(super) enum Urls {
    Single(String),
    Cluster(Vec<String>),
    Sentinel(Vec<String>, String),
}

/// The login for the servers, where it is not in their URLs.
#[derive(Default)]
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<u32>,
}

impl Login {
    pub(super) fn applied_to(&self, mut address: Address) -> Result<Address, InvalidSetting> {
        address.log_in(self.username.as_deref(), self.password.as_deref(), self.database.map(i64::from));
        check_database(address.database())?;
        Ok(address)
    }
}

/// The address in the URL of a server.
pub(super) fn address_in(url: &str) -> Result<Address, InvalidSetting> {
    #[cfg(not(feature = "redis-tls"))]
    if url.starts_with("rediss:") || url.starts_with("valkeys:") {
        return Err(InvalidSetting::NoTls);
    }
    let address = Address::parse(url)
        .map_err(|error| InvalidSetting::Url(error.detail().unwrap_or("it cannot be read").to_owned()))?;
    #[cfg(feature = "redis-tls")]
    if address.is_insecure() {
        return Err(InvalidSetting::Insecure);
    }
    if url.contains('#') {
        return Err(InvalidSetting::Fragment);
    }
    check_database(address.database())?;
    Ok(address)
}

/// The addresses in the URLs of several servers.
pub(super) fn addresses_in(urls: &[String]) -> Result<Vec<Address>, InvalidSetting> {
    let addresses = urls.iter().map(|url| address_in(url)).collect::<Result<Vec<_>, _>>()?;
    if addresses.is_empty() {
        return Err(InvalidSetting::NoServer);
    }
    if addresses.iter().any(|address| address.host().is_none()) {
        return Err(InvalidSetting::Socket);
    }
    Ok(addresses)
}

fn check_database(number: i64) -> Result<(), InvalidSetting> {
    if (0..=LAST_DATABASE).contains(&number) { Ok(()) } else { Err(InvalidSetting::Database) }
}
