//! gRPC's statuses, and errors as responses.

use std::sync::Arc;

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE},
};

use super::{SessionBody, SessionError};

const GRPC: &str = "application/grpc";
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The content type of a request or response of gRPC ("gRPC over HTTP2"), or of gRPC-Web, which has the same fields.
pub(super) fn kind(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(CONTENT_TYPE).filter(|kind| kind.as_bytes().starts_with(GRPC.as_bytes()))
}

/// The HTTP status that says the same as the gRPC status in the head of a response, as google/rpc/code.proto maps them.
/// `None` if there is none: the call was answered, and its status comes after the body.
pub(super) fn http_status(headers: &HeaderMap) -> Option<u16> {
    let status = headers.get(STATUS).filter(|_| kind(headers).is_some())?;
    Some(match status.to_str().ok().and_then(|text| text.parse().ok()) {
        Some(0) => 200,
        Some(1) => 499,
        Some(3 | 9 | 11) => 400,
        Some(4) => 504,
        Some(5) => 404,
        Some(6 | 10) => 409,
        Some(7) => 403,
        Some(8) => 429,
        Some(12) => 501,
        Some(14) => 503,
        Some(16) => 401,
        // Also what is no status: nothing is known then.
        _ => 500,
    })
}

/// The gRPC status for an HTTP status of a [`SessionError`].
pub(super) const fn status_of(http_status: u16) -> u8 {
    match http_status {
        400 => 3,
        409 => 10,
        413 => 8,
        303 | 401 => 16,
        503 => 14,
        _ => 13,
    }
}

/// The response for an error, in gRPC of this content type. Its extensions contain the error, so that an outer service can answer
/// differently.
pub(super) fn answer<B>(error: SessionError, kind: Option<HeaderValue>) -> Response<SessionBody<B>> {
    error.log();
    let mut response = Response::new(SessionBody::empty());
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        // A response without a message ("Trailers-Only").
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(STATUS, u16::from(status_of(status.as_u16())).into());
        if let Some(message) = status.canonical_reason().and_then(|reason| HeaderValue::from_str(reason).ok()) {
            headers.insert(MESSAGE, message);
        }
    } else {
        describe(&error, headers);
        *response.status_mut() = status;
    }
    response.extensions_mut().insert(Arc::new(error));
    response
}

/// Adds the fields that a response with this error has.
pub(super) fn describe(error: &SessionError, headers: &mut HeaderMap) {
    if let Some(page) = error.location().and_then(|page| HeaderValue::from_str(page).ok()) {
        headers.insert(LOCATION, page);
    }
    if let Some(challenge) = error.challenge() {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_in_the_head_counts_only_in_grpc() {
        for (kind, status, expected) in [
            ("application/grpc", Some("0"), Some(200)),
            ("application/grpc+proto", Some("16"), Some(401)),
            ("application/grpc", Some("14"), Some(503)),
            ("application/grpc", Some("x"), Some(500)),
            ("application/grpc", None, None),
            ("text/html", Some("14"), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            if let Some(status) = status {
                headers.insert(STATUS, HeaderValue::from_static(status));
            }
            assert_eq!(http_status(&headers), expected, "{kind}, {status:?}");
        }
    }

    #[test]
    fn every_error_keeps_its_kind_in_grpc() {
        for status in [400, 401, 409, 413, 500, 503] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
            headers.insert(STATUS, u16::from(status_of(status)).into());
            let back = http_status(&headers);
            assert_eq!(back, Some(if status == 413 { 429 } else { status }));
        }
    }
}
