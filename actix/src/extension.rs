//! The session's place in a request, in actix-web's types.

use actix_web::{HttpMessage as _, HttpRequest, dev::RequestHead, http::header::HeaderName};
use gsession::{ClientInfo, http};

use crate::{Session, SessionError, transport::lines};

/// actix-web, as the [HTTP rules](gsession::http) see it. Nothing of a request has to be kept: it is at hand until its end.
#[derive(Debug)]
pub(crate) enum Actix {}

impl http::Framework for Actix {
    type HeaderName = HeaderName;
    type Error = SessionError;
    type Request = ();
}

pub(crate) type Service = http::Service<Actix>;
pub(crate) type Place = http::Place<Actix>;
pub(crate) type RequestGuard = http::RequestGuard<Actix>;

/// In the extensions of a request that [`Passive`](crate::Passive) saw before it reached a session middleware.
pub(crate) struct MarkedPassive;

/// The place of the innermost middleware that is not done yet; if all are, of the one whose response this is.
pub(crate) fn place_of(req: &HttpRequest) -> Option<Place> {
    req.extensions().get::<Place>().map(|place| place.innermost().clone())
}

/// The session in a place of this request.
pub(crate) fn session_in(place: &Place, req: &HttpRequest) -> Session {
    let head = req.head();
    let custom = place.service().custom_header();
    let is_passive = || req.extensions().contains::<MarkedPassive>();
    Session::of(place.session(|name| lines(head.headers(), name, custom), || client_info(head), is_passive))
}

/// What is known about a client.
pub(crate) fn client_info(head: &RequestHead) -> ClientInfo {
    head.headers().iter().fold(ClientInfo::new(head.peer_addr), |client, (name, value)| {
        client.with_header(name.as_str(), value.as_bytes())
    })
}
