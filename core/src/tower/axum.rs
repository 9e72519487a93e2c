//! axum: the session as an extractor, and its errors as responses.

use std::sync::Arc;

use ::http::{StatusCode, request::Parts};
use axum_core::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};

use super::{Session, SessionError, grpc::describe, session::NO_LAYER};
use crate::Error;

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = SessionError;

    /// The session of the request.
    ///
    /// # Errors
    ///
    /// A [`SessionError`] that names the fix, answered 500, if there is no [`SessionLayer`](super::SessionLayer).
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::Detached(NO_LAYER).into())
    }
}

impl IntoResponse for SessionError {
    /// The response that the error stands for; its body says no more than the status. The cause is logged, and the
    /// response's extensions contain the error as an `Arc<SessionError>`.
    fn into_response(self) -> Response {
        self.log();
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, status.canonical_reason().unwrap_or("error")).into_response();
        describe(&self, response.headers_mut());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
