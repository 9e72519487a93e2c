//! A stand-in for the provider: it has a new key each time, and signs what it is told to.

use std::error::Error;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode, get_current_timestamp,
    jwk::{Jwk, JwkSet},
};
use serde_json::{Value, json};

use crate::logout_token::{EVENT, Provider, Used};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const CLIENT_ID: &str = "shop";

/// The provider.
pub(crate) struct StandIn {
    key: EncodingKey,
}

impl StandIn {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        Ok(Self { key: EncodingKey::from_ec_der(key.as_ref()) })
    }

    /// What a service knows of it.
    pub(crate) fn known(&self) -> Result<Provider, Box<dyn Error>> {
        let mut key = Jwk::from_encoding_key(&self.key, Algorithm::ES256)?;
        key.common.key_id = Some("1".to_owned());
        Ok(Provider {
            issuer: ISSUER.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            algorithm: Algorithm::ES256,
            keys: JwkSet { keys: vec![key] },
            used: Used::default(),
        })
    }

    /// A good token that names a session.
    pub(crate) fn claims(sid: &str, jti: &str) -> Value {
        let now = get_current_timestamp();
        let events = json!({ EVENT: {} });
        json!({ "iss": ISSUER, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": jti, "events": events, "sid": sid })
    }

    pub(crate) fn header() -> Header {
        let mut header = Header::new(Algorithm::ES256);
        (header.typ, header.kid) = (Some("logout+jwt".to_owned()), Some("1".to_owned()));
        header
    }

    pub(crate) fn sign(&self, header: &Header, claims: &Value) -> Result<String, Box<dyn Error>> {
        Ok(encode(header, claims, &self.key)?)
    }
}
