//! The end of a request that used its session.

use std::fmt;

use actix_web::{
    Error, HttpResponse, ResponseError,
    dev::ServiceResponse,
    http::{StatusCode, header::HeaderMap},
};
use gsession::{ClientInfo, Finished, Outcome};

use crate::{
    SessionError,
    extension::{Place, client_info},
    transport::Headers,
};

/// What the handler's response means for the session.
pub(super) fn outcome_of<B>(answer: &Result<ServiceResponse<B>, Error>) -> Outcome {
    match answer {
        Ok(response) => Outcome::of_http(response.request().method().is_safe(), response.status().as_u16()),
        // An error claims no success, whatever its status.
        Err(error) => Outcome::of_http(true, error.as_response_error().status_code().as_u16()),
    }
}

/// What is known about the client, for the id of a new session.
pub(super) fn client_of<B>(answer: &Result<ServiceResponse<B>, Error>) -> ClientInfo {
    answer.as_ref().map(|response| client_info(response.request().head())).unwrap_or_default()
}

/// Adds the session's headers to the response, or returns the error to answer instead.
pub(super) fn deliver<B>(
    place: &Place,
    mut finished: Finished,
    mut answer: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(error) = finished.error.take() {
        answer = Err(SessionError::from(error).into());
    }
    match answer {
        Ok(mut response) => {
            write(place, &finished, response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            if !place.tells(&finished) && error.as_error::<SessionError>().is_some() {
                // Our own errors need no headers. Left unwrapped, outer middleware can match on them.
                return Err(error);
            }
            Err(WithHeaders { error, place: place.clone(), finished }.into())
        }
    }
}

fn write(place: &Place, finished: &Finished, headers: &mut HeaderMap) {
    place.deliver(finished, &mut Headers { map: headers, custom: place.service().custom_header() });
}

/// An error of an inner service, with the session's headers for the response that is built from it later. Without them,
/// a handler that returns `Err` after a logout would leave the cookie with the client.
struct WithHeaders {
    error: Error,
    place: Place,
    finished: Finished,
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
        write(&self.place, &self.finished, response.headers_mut());
        response
    }
}
