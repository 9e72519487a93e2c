//! Certificates for servers of the loopback address, and for their clients: good ones, and such as a client must refuse.

use std::{fs, path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// Who signs certificates. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Authority {
    pem: Arc<str>,
    issuer: Arc<Issuer<'static, KeyPair>>,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is for another host name.
    OtherName,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
}

impl Authority {
    /// One that nobody knows yet.
    ///
    /// # Panics
    ///
    /// When no key can be made.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "each one is another")]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("a certificate without names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem: pem.into(), issuer: Arc::new(Issuer::new(params, key)) }
    }

    /// Its own certificate, which clients trust.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for the loopback address, or one with a fault.
    ///
    /// # Panics
    ///
    /// When no key can be made.
    #[must_use]
    pub fn sign(&self, fault: Option<Fault>) -> Certificate {
        let names = match fault {
            Some(Fault::OtherName) => vec!["redis.example".to_owned()],
            _ => vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
        };
        let mut params = CertificateParams::new(names).expect("these are names");
        // Not that of the authority: OpenSSL would take the certificate for one that has signed itself.
        params.distinguished_name.push(DnType::CommonName, "a server or a client");
        match fault {
            Some(Fault::Expired) => params.not_after = date_time_ymd(2001, 1, 1),
            Some(Fault::NotYetValid) => params.not_before = date_time_ymd(2900, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Certificate { certificate, key: key.serialize_pem() }
    }

    /// Writes `ca.pem`, `server.pem` and `server.key`.
    pub(crate) fn write_to(&self, folder: &Path, fault: Option<Fault>) {
        let Certificate { certificate, key } = self.sign(fault);
        for (name, text) in [("ca.pem", &*self.pem), ("server.pem", &certificate), ("server.key", &key)] {
            fs::write(folder.join(name), text).expect("writing a certificate");
        }
    }
}
