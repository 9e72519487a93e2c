//! Redirects to pages of the demo.

use actix_web::{HttpResponse, http::header::LOCATION};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Redirects with a GET (303 See Other), so that reloading the next page does not resubmit the form.
pub(crate) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

/// Percent-encodes a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
