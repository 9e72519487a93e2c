//! Why a TLS handshake failed.

use rustls::{AlertDescription, CertificateError, Error};

/// The reason, as the person who configures the client needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsReason {
    #[error("nobody that is trusted has signed the server's certificate; for a CA of your own set `root_certificate`")]
    UnknownAuthority,
    #[error("the server's certificate is for another host name than the one in the URL")]
    OtherName,
    #[error("the server's certificate has expired")]
    Expired,
    #[error("the server's certificate is not valid yet")]
    NotYetValid,
    #[error("the server's certificate is not accepted: {0}")]
    Certificate(Box<str>),
    #[error("the server demands a client certificate: set `client_certificate`")]
    ClientCertificateDemanded,
    #[error("the server does not accept the client certificate, or demands one: it answered {0:?}")]
    ClientCertificateRefused(AlertDescription),
    #[error("the server does not speak TLS")]
    NoTls,
    #[error("no answer in time; a server that does not speak TLS may be silent like this")]
    Silence,
    #[error(
        "the server closed the connection while TLS was set up: it may demand a client certificate, speak no TLS, or have \
         as many connections as it takes (`maxclients`)"
    )]
    Closed,
    #[error("TLS failed: {0}")]
    Other(Box<str>),
}

impl TlsReason {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => Self::of_certificate(error),
            Error::AlertReceived(AlertDescription::CertificateRequired) => Self::ClientCertificateDemanded,
            // OpenSSL says the second one when TLS 1.2 ends without a certificate.
            Error::AlertReceived(
                alert @ (AlertDescription::BadCertificate
                | AlertDescription::HandshakeFailure
                | AlertDescription::DecryptError
                | AlertDescription::AccessDenied
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA),
            ) => Self::ClientCertificateRefused(*alert),
            Error::InvalidMessage(_) => Self::NoTls,
            other => Self::Other(other.to_string().into()),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            // The second one: by an authority of the same name, with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownAuthority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::OtherName,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            other => Self::Certificate(other.to_string().into()),
        }
    }
}
