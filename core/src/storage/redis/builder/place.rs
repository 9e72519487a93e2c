//! Where the servers of a storage are, from the URLs that its builder was given.

use crate::storage::redis::{
    invalid_setting::{InvalidSetting, check_database},
    server::Address,
};

/// Where the servers are, as it was said.
pub(super) enum Place {
    Single(String),
    Cluster(Vec<String>),
    Sentinel(Vec<String>, String),
}

/// How to log into the servers, as far as it is not in their URLs.
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
