//! Logout tokens: OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;
use serde_json::Value;

/// The member of `events` that makes a token a logout token.
pub(crate) const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How far clocks may differ, in seconds.
const SKEW: u64 = 60;
/// How many seconds a token may live, so that those that were used need not be remembered for longer.
const LONGEST: u64 = 60 * 60;

/// What a service knows about the provider at which its users log in.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    /// The name of the service at the provider.
    pub(crate) client_id: String,
    /// As agreed for ID tokens at registration; RS256 if nothing was agreed.
    pub(crate) algorithm: Algorithm,
    /// From the provider's `jwks_uri`. A real service reads them again when a token names a key that is not among them.
    pub(crate) keys: JwkSet,
    pub(crate) used: Used,
}

/// A token that may be obeyed.
#[derive(Debug)]
pub(crate) struct LogoutToken {
    pub(crate) subject: Subject,
    pub(crate) jti: String,
}

/// What is to end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One session at the provider: its `sid`.
    Session(String),
    /// All sessions of a user: their `sub`.
    User(String),
}

/// Why a token is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[derive(Deserialize)]
struct Claims {
    /// Times may have fractions (RFC 7519 2).
    iat: f64,
    exp: f64,
    aud: Audience,
    jti: String,
    events: HashMap<String, Value>,
    sub: Option<String>,
    sid: Option<String>,
    /// What an ID token may have and a logout token must not have, even empty.
    #[serde(default, deserialize_with = "is_there")]
    nonce: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Whether it is this client and nobody else: another audience would have to be trusted (OpenID Connect Core 3.1.3.7).
    fn is_only(&self, client: &str) -> bool {
        match self {
            Self::One(one) => one == client,
            Self::Several(all) => !all.is_empty() && all.iter().all(|one| one == client),
        }
    }
}

fn is_there<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    Value::deserialize(value).map(|_| true)
}

impl Provider {
    /// Checks a token, and notes that it was used. `now` is in seconds since the Unix epoch.
    pub(crate) fn accept(&self, token: &str, now: u64) -> Result<LogoutToken, Refused> {
        let claims = self.verify(token)?;
        // In whole seconds, as if the clocks differed by up to one more.
        let (iat, exp) = (claims.iat.floor() as u64, claims.exp.ceil() as u64);
        if !claims.aud.is_only(&self.client_id) {
            return Err(Refused("it is for others as well"));
        }
        if iat > now + SKEW {
            return Err(Refused("it was issued in the future"));
        }
        if exp.saturating_add(SKEW) < now {
            return Err(Refused("it has expired"));
        }
        if exp > now + LONGEST {
            return Err(Refused("it lives too long"));
        }
        if !claims.events.get(EVENT).is_some_and(Value::is_object) {
            return Err(Refused("it is not for a logout"));
        }
        if claims.nonce {
            return Err(Refused("it has a nonce, so it may be an ID token"));
        }
        let subject = match (claims.sid, claims.sub) {
            (Some(sid), _) => Subject::Session(sid),
            (None, Some(sub)) => Subject::User(sub),
            (None, None) => return Err(Refused("it names neither a session nor a user")),
        };
        if !self.used.note(&claims.jti, exp + SKEW, now) {
            return Err(Refused("it was used before"));
        }
        Ok(LogoutToken { subject, jti: claims.jti })
    }

    /// Checks who has issued a token for whom.
    fn verify(&self, token: &str) -> Result<Claims, Refused> {
        let header = decode_header(token).map_err(|_| Refused("it is no token"))?;
        // Tokens for other purposes, such as access tokens, have a type of their own.
        let is_known = |typ: String| {
            // The prefix may be left out (RFC 7515 4.1.9).
            let typ = typ.to_ascii_lowercase();
            matches!(typ.strip_prefix("application/").unwrap_or(&typ), "logout+jwt" | "jwt")
        };
        if !header.typ.is_none_or(is_known) {
            return Err(Refused("it is a token of another type"));
        }
        let key = match header.kid {
            Some(kid) => self.keys.find(&kid),
            // Allowed if there is one key.
            None => self.keys.keys.first().filter(|_| self.keys.keys.len() == 1),
        };
        let key = key.ok_or(Refused("its key is unknown"))?;
        let key = DecodingKey::from_jwk(key).map_err(|_| Refused("its key cannot be used"))?;
        // Only the algorithm that was agreed; the header does not choose.
        let mut validation = Validation::new(self.algorithm);
        // By the time that the caller gives.
        validation.validate_exp = false;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.client_id]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        let token: TokenData<Claims> = decode(token, &key, &validation).map_err(|_| Refused("it is not valid here"))?;
        Ok(token.claims)
    }
}

/// The tokens that were used and have not expired. A service of several processes keeps them where all can see them.
#[derive(Default)]
pub(crate) struct Used(Mutex<HashMap<String, u64>>);

impl Used {
    /// Notes a token until it expires. Returns whether it was new.
    fn note(&self, jti: &str, until: u64, now: u64) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, until| *until >= now);
        used.insert(jti.to_owned(), until).is_none()
    }

    /// The logout failed, so the provider may try again.
    pub(crate) fn forget(&self, jti: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(jti);
    }
}
