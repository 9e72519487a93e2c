//! The outermost middleware: security headers for every response, and a page for every error without one.

use std::fmt;

use actix_web::{
    Error, HttpResponse, ResponseError,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
};

use crate::error_page;

/// Adds the security headers, and a page to an error without one. It must be the outermost middleware, so that no response
/// escapes it.
pub(crate) async fn finish_response(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let mut response = next.call(request).await.map_err(FinishedError)?;
    if lacks_page(response.response()) {
        let (request, bare) = response.into_parts();
        response = ServiceResponse::new(request, page_for(&bare));
    }
    add_security_headers(response.headers_mut());
    Ok(response)
}

/// An error of an inner service, such as a session that could not be stored. actix turns it into a response outside of all
/// middleware, so it carries its page and headers itself.
struct FinishedError(Error);

impl ResponseError for FinishedError {
    fn status_code(&self) -> StatusCode {
        self.0.as_response_error().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = page_for(&self.0.error_response());
        add_security_headers(response.headers_mut());
        response
    }
}

impl fmt::Debug for FinishedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for FinishedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn lacks_page(response: &HttpResponse) -> bool {
    let is_html = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/html");
    let status = response.status();
    (status.is_client_error() || status.is_server_error()) && !response.headers().get(CONTENT_TYPE).is_some_and(is_html)
}

/// The page for the status of `bare`, with the other headers of `bare`, one of which may remove a cookie.
fn page_for(bare: &HttpResponse) -> HttpResponse {
    let mut page = error_page::page(bare.status());
    for (name, value) in bare.headers() {
        if name != CONTENT_TYPE {
            page.headers_mut().append(name.clone(), value.clone());
        }
    }
    page
}

/// Pages run only our own style and script, no other site can frame them, and caches store nothing private.
fn add_security_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
