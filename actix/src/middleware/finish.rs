//! The end of a request that used its session.

use std::fmt;

use actix_web::{
    Error, HttpResponse, ResponseError,
    dev::ServiceResponse,
    http::{StatusCode, header::HeaderMap},
};
use gsession::{Clock, Saved, SystemClock};

use crate::{SessionError, attach::Attached, transport::client_info};

/// Stores what the request did to its session, and writes what the client has to be told into the response.
pub(super) async fn finish<B>(
    attached: Attached,
    outcome: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<B>, Error> {
    let Some((session, presented)) = attached.used() else { return outcome };
    let session = session.core();
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    if status.is_server_error() {
        // What a failed handler wrote is half of something (S9).
        session.abandon();
    }
    if let Ok(response) = &outcome
        && session.may_be_created()
    {
        session.set_client_info(client_info(response.request().head()));
    }
    let closed = session.close().await.map_err(SessionError::from)?;
    if closed.saved == Saved::Gone {
        tracing::warn!("a session ended while a request was writing to it; its changes were dropped");
    }
    let transport = &attached.setup().transport;
    // For a cookie's age, which the browser counts by real time.
    let now = SystemClock.now();
    match outcome {
        Ok(mut response) => {
            transport.deliver(&closed.delivery, presented, now, response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let mut headers = HeaderMap::new();
            transport.deliver(&closed.delivery, presented, now, &mut headers);
            Err(WithHeaders { error, headers }.into())
        }
    }
}

/// An error of an inner service, with headers for the response that is made of it further out: without this, whoever
/// returns `Err` after a logout would leave the client its cookie.
struct WithHeaders {
    error: Error,
    headers: HeaderMap,
}

impl fmt::Debug for WithHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for WithHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl ResponseError for WithHeaders {
    fn status_code(&self) -> StatusCode {
        self.error.as_response_error().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.error.error_response();
        for (name, value) in &self.headers {
            if name == actix_web::http::header::CACHE_CONTROL && response.headers().contains_key(name) {
                continue;
            }
            response.headers_mut().append(name.clone(), value.clone());
        }
        response
    }
}
