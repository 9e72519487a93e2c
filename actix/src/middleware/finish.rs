//! The end of a request that used its session.

use std::fmt;

use actix_web::{
    Error, HttpResponse, ResponseError,
    dev::ServiceResponse,
    http::{StatusCode, header::HeaderMap},
};
use gsession::{ClientInfo, Delivery, Finished, Outcome, http::IdLocation};

use crate::{SessionError, extension::SessionExtension, transport::client_info};

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
    extension: &SessionExtension,
    location: IdLocation,
    finished: Finished,
    mut answer: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<B>, Error> {
    let Finished { delivery, logged_in, error, .. } = finished;
    if let Some(error) = error {
        answer = Err(SessionError::from(error).into());
    }
    match answer {
        Ok(mut response) => {
            write(extension, &delivery, location, logged_in, response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let never_stored = logged_in && extension.setup().transport.rules().no_store_when_logged_in();
            let tells_nothing = delivery == Delivery::Keep && !never_stored;
            if tells_nothing && error.as_error::<SessionError>().is_some() {
                // Our own errors need no headers. Left unwrapped, outer middleware can match on them.
                return Err(error);
            }
            Err(WithHeaders { error, extension: extension.clone(), delivery, location, logged_in }.into())
        }
    }
}

fn write(
    extension: &SessionExtension,
    delivery: &Delivery,
    location: IdLocation,
    logged_in: bool,
    headers: &mut HeaderMap,
) {
    let setup = extension.setup();
    setup.transport.deliver(delivery, location, || setup.manager.now(), logged_in, headers);
}

/// An error of an inner service, with the session's headers for the response that is built from it later. Without them,
/// a handler that returns `Err` after a logout would leave the cookie with the client.
struct WithHeaders {
    error: Error,
    extension: SessionExtension,
    delivery: Delivery,
    location: IdLocation,
    logged_in: bool,
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
        write(&self.extension, &self.delivery, self.location, self.logged_in, response.headers_mut());
        response
    }
}
