//! Tokens against forged forms (CSRF), kept in the session.

use actix_web::HttpRequest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gsession_actix::Session;
use rand::{TryRng as _, rngs::SysRng};
use subtle::ConstantTimeEq as _;

use crate::pages::PageError;

const KEY: &str = "csrf";

/// The session's token, made when first needed.
pub(crate) async fn token(session: &Session) -> Result<String, PageError> {
    if let Some(token) = session.get(KEY).await? {
        return Ok(token);
    }
    let mut random = [0_u8; 32];
    SysRng.try_fill_bytes(&mut random).map_err(|_| PageError::Internal("the operating system gave no random token"))?;
    let token = URL_SAFE_NO_PAD.encode(random);
    session.set(KEY, &token)?;
    Ok(token)
}

/// Refuses a request that does not come from one of our own pages: its token, from the form or from the header
/// `X-CSRF-Token`, must be the session's.
pub(crate) async fn check(session: &Session, request: &HttpRequest, from_form: Option<&str>) -> Result<(), PageError> {
    let from_header = request.headers().get("x-csrf-token").and_then(|value| value.to_str().ok());
    let expected: Option<String> = session.get(KEY).await?;
    let matches = match (expected, from_form.or(from_header)) {
        (Some(expected), Some(presented)) => bool::from(expected.as_bytes().ct_eq(presented.as_bytes())),
        _ => false,
    };
    if matches { Ok(()) } else { Err(PageError::Forged) }
}

/// Forgets the token, at login: whoever knew the anonymous session's must not profit.
pub(crate) fn rotate(session: &Session) {
    session.remove(KEY);
}
