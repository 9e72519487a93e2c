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
use gsession::{AsyncSession, Closed, Delivery, Saved};

use super::Setup;
use crate::{
    SessionError,
    attach::Attached,
    transport::{Presented, client_info, vary},
};

/// Prepares the end of a request: what the session has to know of its outcome.
pub(super) fn prepare<B>(session: &AsyncSession, outcome: &Result<ServiceResponse<B>, Error>) {
    if status_of(outcome).is_server_error() {
        // What a failed handler wrote is half of something (S9).
        session.abandon();
    }
    if let Ok(response) = outcome
        && session.may_be_created()
    {
        session.set_client_info(client_info(response.request().head()));
    }
}

fn status_of<B>(outcome: &Result<ServiceResponse<B>, Error>) -> StatusCode {
    match outcome {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    }
}

/// Writes what the client has to be told into the response.
pub(super) fn deliver<B>(
    attached: &Attached,
    presented: Presented,
    closed: Result<Closed, gsession::Error>,
    mut outcome: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<B>, Error> {
    let Setup { manager, transport, .. } = attached.setup();
    let now = || manager.now();
    let closed = match closed {
        Ok(closed) => closed,
        // What the handler wrote is lost, and its answer says that something else went wrong anyway.
        Err(gsession::Error::Gone) if status_of(&outcome).is_client_error() => {
            tracing::warn!(
                "a session was renewed by another request while this one was writing to it; its changes were dropped"
            );
            return outcome;
        }
        Err(error) => {
            // An id that an earlier save has given must reach the client all the same; nothing else is certain now.
            let delivery = attached.used().map_or(Delivery::Keep, |(session, _)| session.core().delivery());
            let error = SessionError::from(error).into();
            if !matches!(delivery, Delivery::Send { .. }) {
                return Err(error);
            }
            let mut headers = HeaderMap::new();
            transport.deliver(&delivery, presented, now, false, &mut headers);
            return Err(WithHeaders { error, headers }.into());
        }
    };
    if closed.saved == Saved::Gone {
        tracing::warn!("a session ended while a request was writing to it; its changes were dropped");
    }
    if let Ok(response) = &mut outcome {
        transport.deliver(&closed.delivery, presented, now, false, response.headers_mut());
        return outcome;
    }
    outcome.map_err(|error| {
        let mut headers = HeaderMap::new();
        transport.deliver(&closed.delivery, presented, now, false, &mut headers);
        WithHeaders { error, headers }.into()
    })
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
            match *name {
                CACHE_CONTROL if response.headers().contains_key(name) => {}
                VARY => vary(response.headers_mut(), value.clone()),
                _ => response.headers_mut().append(name.clone(), value.clone()),
            }
        }
        response
    }
}
