//! The end of a request that used its session.

use std::fmt;

use actix_web::{
    Error, HttpResponse, ResponseError,
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderMap, VARY},
    },
};
use gsession::{ClientInfo, Delivery, Finished, Outcome};

use super::Setup;
use crate::{
    SessionError,
    transport::{Via, client_info, never_stored, vary},
};

/// What the handler's answer means for the session.
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

/// Adds the session's headers to the response, or answers what has to be answered instead.
pub(super) fn deliver<B>(
    setup: &Setup,
    via: Via,
    finished: Finished,
    mut answer: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<B>, Error> {
    let Setup { manager, transport, .. } = setup;
    let Finished { delivery, logged_in, error, .. } = finished;
    if let Some(error) = error {
        answer = Err(SessionError::from(error).into());
    }
    let write = |headers: &mut HeaderMap| transport.deliver(&delivery, via, || manager.now(), logged_in, headers);
    match answer {
        Ok(mut response) => {
            write(response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let never_stored = logged_in && transport.no_store_when_logged_in;
            let tells_nothing = delivery == Delivery::Keep && !never_stored;
            if tells_nothing && error.as_error::<SessionError>().is_some() {
                // Our own errors need no headers. Left unwrapped, outer middleware can match on them.
                return Err(error);
            }
            let mut headers = HeaderMap::new();
            write(&mut headers);
            Err(WithHeaders { error, headers, never_stored }.into())
        }
    }
}

/// An error of an inner service, with headers for the response that is built from it later. Without them, a handler that
/// returns `Err` after a logout would leave the cookie with the client.
struct WithHeaders {
    error: Error,
    headers: HeaderMap,
    never_stored: bool,
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
            match *name {
                CACHE_CONTROL if response.headers().contains_key(name) => {}
                VARY => vary(response.headers_mut(), value.clone()),
                _ => response.headers_mut().append(name.clone(), value.clone()),
            }
        }
        if self.never_stored {
            never_stored(response.headers_mut());
        }
        response
    }
}
