//! `get_session()` on actix-web's types.

use actix_web::{
    HttpMessage, HttpRequest,
    dev::{ServiceRequest, ServiceResponse},
    guard::GuardContext,
};

use crate::{Session, attach::Attached};

/// Gives the session of a request, on [`HttpRequest`], [`ServiceRequest`], [`ServiceResponse`] and [`GuardContext`].
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
pub trait SessionExt {
    /// The session of this request. Holding it is not using it: nothing is read or stored before a method asks for it.
    ///
    /// Without [`SessionMiddleware`](crate::SessionMiddleware) around the handler, reading and writing answer an error that
    /// says so. With several, it is the innermost one's.
    fn get_session(&self) -> Session;

    /// The session of the middleware whose cookie (or header) has this name, where several are nested.
    fn get_session_named(&self, name: &str) -> Session;
}

impl SessionExt for HttpRequest {
    fn get_session(&self) -> Session {
        attached(self).map_or_else(Session::detached, |attached| attached.session(self.head()))
    }

    fn get_session_named(&self, name: &str) -> Session {
        let attached = attached(self);
        let named = attached.as_ref().and_then(|attached| attached.named(name));
        named.map_or_else(Session::detached, |attached| attached.session(self.head()))
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

impl SessionExt for GuardContext<'_> {
    fn get_session(&self) -> Session {
        let attached = self.req_data().get::<Attached>().cloned();
        attached.map_or_else(Session::detached, |attached| attached.session(self.head()))
    }

    fn get_session_named(&self, name: &str) -> Session {
        let attached = self.req_data().get::<Attached>().cloned();
        let named = attached.as_ref().and_then(|attached| attached.named(name));
        named.map_or_else(Session::detached, |attached| attached.session(self.head()))
    }
}

pub(crate) fn attached(req: &HttpRequest) -> Option<Attached> {
    req.extensions().get::<Attached>().cloned()
}
