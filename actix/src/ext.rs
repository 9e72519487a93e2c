//! How a handler gets its session: `get_session()` on actix-web's types, and the extractor.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::{Payload, ServiceRequest, ServiceResponse},
};
use gsession::Error;

use crate::{
    Session, SessionError,
    extension::{place_of, session_in},
    session::{NO_MIDDLEWARE, NO_SUCH_NAME},
};

/// Returns the session of a request, on [`HttpRequest`], [`ServiceRequest`] and [`ServiceResponse`].
///
/// ```
/// use actix_web::{HttpRequest, Result};
/// use gsession_actix::SessionExt;
///
/// async fn profile(req: HttpRequest) -> Result<String> {
///     let session = req.get_session();
///     let user: Option<String> = session.get("user").await?;
///     Ok(user.unwrap_or_else(|| "nobody".to_owned()))
/// }
/// # let _ = profile;
/// ```
///
/// Guards have no session: a guard is synchronous, and reading a session may have to wait. Check roles in a middleware,
/// or in an extractor of your own:
///
/// ```
/// use actix_web::{
///     Error, HttpResponse,
///     body::MessageBody,
///     dev::{ServiceRequest, ServiceResponse},
///     middleware::{Next, from_fn},
///     web,
/// };
/// use gsession_actix::SessionExt;
///
/// async fn admins_only(
///     request: ServiceRequest,
///     next: Next<impl MessageBody + 'static>,
/// ) -> Result<ServiceResponse<impl MessageBody>, Error> {
///     let role: Option<String> = request.get_session().get("role").await?;
///     if role.as_deref() != Some("admin") {
///         return Ok(request.into_response(HttpResponse::Forbidden().finish()).map_into_right_body());
///     }
///     Ok(next.call(request).await?.map_into_left_body())
/// }
///
/// let admin_area = web::scope("/admin").wrap(from_fn(admins_only));
/// # let _ = admin_area;
/// ```
pub trait SessionExt {
    /// The session of this request. Getting it does not use it: nothing is read or stored until you call a method that
    /// needs it.
    ///
    /// Without [`SessionMiddleware`](crate::SessionMiddleware) around the handler, reads and writes return an error
    /// that says so. With several, you get the session of the innermost one. The same middleware applied twice counts
    /// once.
    ///
    /// Once the middleware is done, for example in a middleware around it, the session can only be read or destroyed: a
    /// write is an error ([`gsession::Error::Closed`]).
    fn get_session(&self) -> Session;

    /// If middlewares are nested: the session of the one whose cookie or header has this name.
    fn get_session_named(&self, name: &str) -> Session;
}

impl SessionExt for HttpRequest {
    fn get_session(&self) -> Session {
        place_of(self).map_or_else(|| Session::detached(NO_MIDDLEWARE), |place| session_in(&place, self))
    }

    fn get_session_named(&self, name: &str) -> Session {
        let Some(place) = place_of(self) else { return Session::detached(NO_MIDDLEWARE) };
        place.named(name).map_or_else(|| Session::detached(NO_SUCH_NAME), |place| session_in(place, self))
    }
}

impl SessionExt for ServiceRequest {
    fn get_session(&self) -> Session {
        self.request().get_session()
    }

    fn get_session_named(&self, name: &str) -> Session {
        self.request().get_session_named(name)
    }
}

impl<B> SessionExt for ServiceResponse<B> {
    fn get_session(&self) -> Session {
        self.request().get_session()
    }

    fn get_session_named(&self, name: &str) -> Session {
        self.request().get_session_named(name)
    }
}

impl FromRequest for Session {
    type Error = SessionError;
    type Future = Ready<Result<Self, SessionError>>;

    /// The session of the request.
    ///
    /// # Errors
    ///
    /// A [`SessionError`] that names the fix, answered 500, if there is no [`SessionMiddleware`](crate::SessionMiddleware).
    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match place_of(req) {
            Some(place) => Ok(session_in(&place, req)),
            None => Err(Error::Detached(NO_MIDDLEWARE).into()),
        })
    }
}
