//! How a handler gets its session from a request.

use ::http::{Extensions, Request, request::Parts};

use super::{Session, session::NO_LAYER};

/// Returns the session of a request: on requests, their parts and extensions, and with the feature `tonic` on
/// `tonic::Request`.
///
/// ```
/// use gsession::tower::{SessionError, SessionExt};
/// use http::Request;
///
/// async fn profile<B>(request: Request<B>) -> Result<String, SessionError> {
///     let user: Option<String> = request.get_session().get("user").await?;
///     Ok(user.unwrap_or_else(|| "nobody".to_owned()))
/// }
/// # let _ = profile::<()>;
/// ```
pub trait SessionExt {
    /// The session of this request. Getting it does not use it: nothing is read or stored until you call a method that
    /// needs it.
    ///
    /// Without a [`SessionLayer`](super::SessionLayer) around the service, reads and writes return an error that says so.
    /// With several, you get the session of the innermost one; [`Session::named`] finds the others.
    fn get_session(&self) -> Session;
}

impl SessionExt for Extensions {
    fn get_session(&self) -> Session {
        self.get::<Session>().cloned().unwrap_or_else(|| Session::detached(NO_LAYER))
    }
}

impl<B> SessionExt for Request<B> {
    fn get_session(&self) -> Session {
        self.extensions().get_session()
    }
}

impl SessionExt for Parts {
    fn get_session(&self) -> Session {
        self.extensions.get_session()
    }
}
