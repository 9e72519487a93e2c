//! tonic: the session of a call, and its errors as statuses.

use ::tonic::{Code, Request, Status};

use super::{Session, SessionError, SessionExt, grpc::status_of};

impl<T> SessionExt for Request<T> {
    fn get_session(&self) -> Session {
        self.extensions().get_session()
    }
}

impl From<SessionError> for Status {
    /// The status that the error stands for; its message says no more. The cause is logged.
    ///
    /// | error | status |
    /// |---|---|
    /// | the storage is unavailable, too slow, full or broken; no id could be generated | `UNAVAILABLE` |
    /// | the session would exceed a limit | `RESOURCE_EXHAUSTED` |
    /// | the session ended or was renewed meanwhile; an update lost too often; too many sessions | `ABORTED` |
    /// | nobody is logged in, or not recently | `UNAUTHENTICATED` |
    /// | a principal, label or tag cannot be used | `INVALID_ARGUMENT` |
    /// | anything else: a mistake in the application | `INTERNAL` |
    fn from(error: SessionError) -> Self {
        error.log();
        let code = Code::from_i32(i32::from(status_of(error.status())));
        Self::new(code, code.description())
    }
}
