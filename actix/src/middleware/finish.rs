//! The end of a request that used its session.

use std::fmt;

use actix_web::{
    Error, HttpResponse, ResponseError,
    dev::ServiceResponse,
    http::{StatusCode, header::HeaderMap},
};
use gsession::{AsyncSession, Closed, Delivery, Saved};

use super::Setup;
use crate::{
    SessionError,
    attach::Attached,
    transport::{Via, client_info},
};

/// What the middleware knows of a request when its handler has answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    via: Via,
    /// Whether the page is one of a logged-in session.
    logged_in: bool,
    /// Whether the client will believe that what it asked for is done: it has asked for a change (its method is not safe,
    /// RFC 9110 9.2.1), and is not told of an error.
    claims_success: bool,
}

const LOST: &str =
    "a session was ended or renewed by another request while this one was writing to it; its changes were dropped";

/// Prepares the end of a request: what the session has to know of its outcome, and what will not be known any more.
pub(super) fn prepare<B>(session: &AsyncSession, via: Via, outcome: &Result<ServiceResponse<B>, Error>) -> Answered {
    let logged_in = session.may_be_logged_in();
    if status_of(outcome).is_server_error() {
        // What a failed handler wrote is half of something (S9).
        session.abandon();
    }
    if let Ok(response) = outcome
        && session.may_be_created()
    {
        session.set_client_info(client_info(response.request().head()));
    }
    let claims_success = matches!(outcome, Ok(response)
        if !response.request().method().is_safe() && !response.status().is_client_error());
    Answered { via, logged_in, claims_success }
}

fn status_of<B>(outcome: &Result<ServiceResponse<B>, Error>) -> StatusCode {
    match outcome {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    }
}

/// Adds the session's headers to the response.
pub(super) fn deliver<B>(
    attached: &Attached,
    answered: Answered,
    closed: Result<Closed, gsession::Error>,
    mut outcome: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<B>, Error> {
    let Answered { logged_in, claims_success, .. } = answered;
    let is_gone = matches!(closed, Err(gsession::Error::Gone));
    if is_gone || closed.as_ref().is_ok_and(|closed| closed.saved == Saved::Gone || closed.conflict) {
        tracing::warn!(LOST);
    }
    let delivery = match closed {
        Ok(closed) => {
            if closed.conflict && claims_success {
                outcome = Err(SessionError::from(gsession::Error::Gone).into());
            }
            closed.delivery
        }
        Err(error) => {
            // The answer of a handler that went wrong anyway says more than this.
            if !(is_gone && status_of(&outcome).is_client_error()) {
                outcome = Err(SessionError::from(error).into());
            }
            // An id that an earlier save has given must reach the client all the same; nothing else is certain now.
            let delivery = attached.used().map_or(Delivery::Keep, |(session, _)| session.core().delivery());
            if matches!(delivery, Delivery::Send { .. }) { delivery } else { Delivery::Keep }
        }
    };
    match outcome {
        Ok(mut response) => {
            write(attached.setup(), answered, &delivery, response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let never_stored = logged_in && attached.setup().transport.rules().no_store_when_logged_in();
            let tells_nothing = delivery == Delivery::Keep && !never_stored;
            if tells_nothing && error.as_error::<SessionError>().is_some() {
                // Our own errors need no headers. Left unwrapped, outer middleware can match on them.
                return Err(error);
            }
            Err(WithHeaders { error, attached: attached.clone(), answered, delivery }.into())
        }
    }
}

fn write(setup: &Setup, answered: Answered, delivery: &Delivery, headers: &mut HeaderMap) {
    setup.transport.deliver(delivery, answered.via, || setup.manager.now(), answered.logged_in, headers);
}

/// An error of an inner service, with what the response that is built from it later has to say. Without that, a handler that
/// returns `Err` after a logout would leave the cookie with the client.
struct WithHeaders {
    error: Error,
    attached: Attached,
    answered: Answered,
    delivery: Delivery,
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
        write(self.attached.setup(), self.answered, &self.delivery, response.headers_mut());
        response
    }
}
