//! Checks that the settings work and fit together.

use std::time::Duration;

use super::{
    options::Options,
    urls::{Urls, address_in, addresses_in},
};
use crate::storage::redis::{
    connection::{Address, Replicas, Target},
    invalid_setting::{InvalidSetting, LONGEST_PREFIX, MOST_REPLICAS},
};

/// Less than a server in the same room needs.
const SHORTEST: Duration = Duration::from_millis(1);
/// Nobody waits longer for a change to be confirmed.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

impl Options {
    fn target_in_urls(&self) -> Result<Target, InvalidSetting> {
        Ok(match &self.urls {
            Urls::Single(url) => Target::Single(self.login.applied_to(address_in(url)?)?),
            Urls::Cluster(urls) => {
                let addresses = addresses_in(urls)?.into_iter().map(|address| self.login.applied_to(address));
                let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
                if addresses.iter().any(|address| address.database() != 0) {
                    return Err(InvalidSetting::DatabaseOfCluster);
                }
                Target::Cluster(addresses)
            }
            Urls::Sentinel(urls, service) => {
                let sentinels = addresses_in(urls)?;
                let like = sentinels.first().ok_or(InvalidSetting::NoServer)?.without_login();
                #[cfg(feature = "redis-tls")]
                let like = match self.server_tls {
                    Some(tls) => like.over_tls(tls),
                    None => like,
                };
                Target::Sentinel {
                    sentinels: sentinels.into_iter().map(Address::with_database_0).collect(),
                    service: service.as_str().into(),
                    like: self.login.applied_to(like)?,
                    #[cfg(feature = "redis-tls")]
                    sentinel_tls: self.sentinel_tls.clone().unwrap_or_else(|| self.tls.clone()),
                }
            }
        })
    }

    /// TLS settings that would have no effect are an error, because you may rely on them.
    #[cfg(feature = "redis-tls")]
    fn check_tls(&self, target: &Target) -> Result<(), InvalidSetting> {
        self.tls.check()?;
        let any = |addresses: &[Address]| addresses.iter().any(Address::is_tls);
        let has_sentinels = matches!(target, Target::Sentinel { .. });
        let (sentinels, servers) = match target {
            Target::Single(address) => (false, address.is_tls()),
            Target::Cluster(addresses) => (false, any(addresses)),
            Target::Sentinel { sentinels, like, .. } => (any(sentinels), like.is_tls()),
        };
        match &self.sentinel_tls {
            Some(_) if !has_sentinels => return Err(InvalidSetting::NoSentinels("sentinel_tls")),
            Some(_) if !sentinels => return Err(InvalidSetting::TlsUnused("sentinel_tls")),
            Some(tls) => tls.check()?,
            None => {}
        }
        if self.server_tls.is_some() && !has_sentinels {
            return Err(InvalidSetting::NoSentinels("server_tls"));
        }
        // Without settings of their own, the Sentinels use the servers'.
        let is_used = servers || sentinels && self.sentinel_tls.is_none();
        match self.tls.name_of_one() {
            Some(setting) if !is_used => Err(InvalidSetting::TlsUnused(setting)),
            _ => Ok(()),
        }
    }

    /// The servers, if all settings are valid.
    pub(super) fn target(&self) -> Result<Target, InvalidSetting> {
        check_timeout("connect_timeout", self.connect_timeout)?;
        check_timeout("response_timeout", self.response_timeout)?;
        check_timeout("watch_interval", self.watch_interval)?;
        self.replicas.map_or(Ok(()), check_replicas)?;
        self.prefix.as_deref().map_or(Ok(()), check_prefix)?;
        let target = self.target_in_urls()?;
        #[cfg(feature = "redis-tls")]
        self.check_tls(&target)?;
        Ok(target)
    }
}

fn check_timeout(name: &'static str, timeout: Duration) -> Result<(), InvalidSetting> {
    if timeout < SHORTEST { Err(InvalidSetting::TooShort(name)) } else { Ok(()) }
}

fn check_replicas(replicas: Replicas) -> Result<(), InvalidSetting> {
    // To the server, 0 milliseconds mean for ever.
    check_timeout("wait_for_replicas", replicas.timeout)?;
    if replicas.count > MOST_REPLICAS || replicas.timeout > LONGEST_WAIT {
        return Err(InvalidSetting::Replicas);
    }
    Ok(())
}

fn check_prefix(prefix: &str) -> Result<(), InvalidSetting> {
    if prefix.len() > LONGEST_PREFIX { Err(InvalidSetting::Prefix) } else { Ok(()) }
}
