//! A middleware around the sessions' layer: it uses a session when the response has been made already.

use axum::{
    extract::{Query as From, Request},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{Response, Result},
};
use gsession::tower::{Session, SessionError};

use super::super::super::{Late, Query};
use crate::client::LATE;

/// A middleware within the layer: hands the session to those around it.
pub(super) async fn hand_over(session: Session, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(session);
    response
}

pub(super) async fn around(From(query): From<Query>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    // Not there if the layer has answered an error instead.
    let Some(session) = response.extensions_mut().remove::<Session>() else { return response };
    match query.after {
        Late::Nothing => {}
        Late::Write => {
            let said = if write(&session, &query).await { "accepted" } else { "refused" };
            response.headers_mut().insert(HeaderName::from_static(LATE), HeaderValue::from_static(said));
        }
        Late::Destroy => session.destroy(),
    }
    response
}

/// Tries to write. Gives back whether any of it was accepted.
async fn write(session: &Session, query: &Query) -> bool {
    let outcomes: [Result<(), SessionError>; 4] = [
        session.set(&query.key, &query.value),
        session.renew(),
        session.set_principal("somebody else"),
        session.save().await.map(drop),
    ];
    outcomes.iter().any(Result::is_ok)
}
