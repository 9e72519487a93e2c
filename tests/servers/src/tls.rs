//! Certificates for a server of the loopback address.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Writes `ca.pem`, `server.pem` and `server.key`, and returns the first.
pub(crate) fn write_certificates(folder: &Path) -> String {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::<String>::new()).expect("a certificate without names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).expect("a certificate").pem();
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server =
        CertificateParams::new(names).expect("these are names").signed_by(&key, &issuer).expect("a certificate");
    for (name, text) in [("ca.pem", &ca_pem), ("server.pem", &server.pem()), ("server.key", &key.serialize_pem())] {
        fs::write(folder.join(name), text).expect("writing a certificate");
    }
    ca_pem
}
