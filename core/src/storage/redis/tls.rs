//! The TLS settings for Redis servers.

use std::fmt;

use redis::{ClientTlsConfig, ConnectionAddr, TlsCertificates};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::invalid_setting::InvalidSetting;

/// TLS settings for servers whose URLs begin with `rediss://`.
/// [`RedisBuilder::root_certificate`](super::RedisBuilder::root_certificate) and the methods next to it set this for the servers,
/// [`RedisBuilder::sentinel_tls`](super::RedisBuilder::sentinel_tls) for the Sentinels. By default, a server needs a certificate
/// for the host name in the URL, signed by a CA that the system trusts.
///
/// ```
/// use gsession::storage::redis::RedisTls;
///
/// let tls = RedisTls::default().root_certificate("-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n");
/// # let _ = tls;
/// ```
#[derive(Clone, Default)]
pub struct RedisTls {
    root: Option<Vec<u8>>,
    client: Option<ClientTlsConfig>,
    accepts_all: bool,
}

impl RedisTls {
    /// The certificates (PEM) of the CAs that signed the servers' certificates. They replace those that the system trusts, which are
    /// the default.
    #[must_use]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root = Some(pem.into());
        self
    }

    /// The certificate (PEM, with the intermediate ones) and its key (PEM) to show to servers that ask for one. Default: none.
    #[must_use]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client = Some(ClientTlsConfig { client_cert: certificate.into(), client_key: key.into() });
        self
    }

    /// Accepts any certificate, including one that is self-signed, expired or for another name. Default: off.
    ///
    /// **This gives up the protection of TLS.** The connection is encrypted, but the server is not authenticated: anyone who can
    /// impersonate it or intercept the connection reads the password and every session, and can log in as anybody. If your
    /// provider's servers have self-signed certificates, get the certificate and set
    /// [`root_certificate`](Self::root_certificate) instead. OWASP ASVS 12.3.2 requires that.
    #[must_use]
    pub const fn danger_accept_invalid_certificates(mut self) -> Self {
        self.accepts_all = true;
        self
    }

    /// The name of a setting that is set, if any is.
    pub(super) const fn name_of_one(&self) -> Option<&'static str> {
        match self {
            Self { root: Some(_), .. } => Some("root_certificate"),
            Self { client: Some(_), .. } => Some("client_certificate"),
            Self { accepts_all: true, .. } => Some("danger_accept_invalid_certificates"),
            _ => None,
        }
    }

    /// Checks the certificates. Without this, connecting would fail later, for another reason.
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        if let Some(pem) = &self.root {
            if self.accepts_all {
                return Err(InvalidSetting::RootAndAll);
            }
            certificates_in(pem, "root_certificate")?;
        }
        if let Some(client) = &self.client {
            certificates_in(&client.client_cert, "client_certificate")?;
            PrivateKeyDer::from_pem_slice(&client.client_key).map_err(|_| InvalidSetting::NoKey)?;
        }
        Ok(())
    }

    /// The certificates, if there are any.
    pub(crate) fn certificates(&self) -> Option<TlsCertificates> {
        (self.root.is_some() || self.client.is_some())
            .then(|| TlsCertificates { client_tls: self.client.clone(), root_cert: self.root.clone() })
    }

    /// The address with the setting whether any certificate is accepted.
    pub(crate) fn applied_to(&self, address: &ConnectionAddr) -> ConnectionAddr {
        let mut address = address.clone();
        if let ConnectionAddr::TcpTls { insecure, .. } = &mut address {
            *insecure = self.accepts_all;
        }
        address
    }
}

impl fmt::Debug for RedisTls {
    /// Without the certificates and the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTls").field("accepts_all", &self.accepts_all).finish_non_exhaustive()
    }
}

fn certificates_in(pem: &[u8], setting: &'static str) -> Result<(), InvalidSetting> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| InvalidSetting::NoCertificate(setting))?;
    if certificates.is_empty() { Err(InvalidSetting::NoCertificate(setting)) } else { Ok(()) }
}
