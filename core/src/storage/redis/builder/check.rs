//! Whether the settings fit together, and what they say about where the servers are.

use super::{
    RedisBuilder,
    place::{Place, address_in, addresses_in},
};
use crate::storage::redis::{
    invalid_setting::{InvalidSetting, check_prefix, check_replicas, check_timeout},
    server::{Address, Target},
};

impl<S> RedisBuilder<S> {
    fn target(&self) -> Result<Target, InvalidSetting> {
        Ok(match &self.place {
            Place::Single(url) => Target::Single(self.login.applied_to(address_in(url)?)?),
            Place::Cluster(urls) => {
                let addresses = addresses_in(urls)?.into_iter().map(|address| self.login.applied_to(address));
                let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
                if addresses.iter().any(|address| address.database() != 0) {
                    return Err(InvalidSetting::DatabaseOfCluster);
                }
                Target::Cluster(addresses)
            }
            Place::Sentinel(urls, service) => {
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

    /// Settings of TLS that would be ignored are an error: you may believe that they protect you.
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

    /// Where the servers are, if everything that is set can be used.
    pub(super) fn check(&self) -> Result<Target, InvalidSetting> {
        check_timeout("connect_timeout", self.connect_timeout)?;
        check_timeout("response_timeout", self.response_timeout)?;
        self.replicas.map_or(Ok(()), check_replicas)?;
        self.prefix.as_deref().map_or(Ok(()), check_prefix)?;
        if self.goframe && (self.near_cache.is_some() || self.codec.is_some()) {
            return Err(InvalidSetting::GoFrame);
        }
        let target = self.target()?;
        #[cfg(feature = "redis-tls")]
        self.check_tls(&target)?;
        Ok(target)
    }
}
