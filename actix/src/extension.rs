//! The session's place in a request: created by the middleware, filled when the session is first requested.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
    sync::Arc,
};

use actix_web::{HttpMessage as _, HttpRequest, dev::Extensions};
use gsession::{Error, Exchange, Timestamp, http::IdLocation};

use crate::{Session, SessionError, middleware::Setup, transport::client_info};

const NAME_IS_TAKEN: &str = "two different session middlewares around one handler use the same cookie or header name, so each \
    would mistake the other's ids for its own: rename one (cookie_name, header_name), or clone one middleware";

/// The error if a place cannot be created.
pub(crate) fn name_is_taken() -> SessionError {
    Error::Detached(NAME_IS_TAKEN).into()
}

/// In the request's extensions: the place of the innermost middleware, and the places of those around it. An untouched
/// request costs this and its box, no more ([H7](gsession::design#h7)).
#[derive(Clone)]
pub(crate) struct SessionExtension {
    place: Rc<Place>,
    outer: Option<Rc<Self>>,
}

struct Place {
    setup: Arc<Setup>,
    exchange: OnceCell<(Exchange, IdLocation)>,
    /// When the request arrived, if its handler may not start at once.
    arrived: Option<Timestamp>,
    /// Whether the middleware is done with the request.
    is_closed: Cell<bool>,
}

/// In the extensions of a request that [`Passive`](crate::Passive) saw before its session was requested.
pub(crate) struct MarkedPassive;

impl SessionExtension {
    /// Creates a place inside those of the outer middlewares. If a middleware is applied again, it uses its existing
    /// place; the second value says whether this is the first time. `None` if another middleware has the same name: see
    /// [`name_is_taken`].
    pub(crate) fn install(setup: &Arc<Setup>, extensions: &mut Extensions, has_body: bool) -> Option<(Self, bool)> {
        // Places of middlewares that are done are dropped: the request has passed through them before.
        let outer = extensions.remove::<Self>().and_then(|held| held.first_open().cloned()).map(Rc::new);
        let again = outer.as_ref().and_then(|outer| outer.of_the_same_name(setup));
        if again.as_ref().is_some_and(|place| !Arc::ptr_eq(&place.setup, setup)) {
            outer.map(|outer| extensions.insert(Self::clone(&outer)));
            return None;
        }
        let is_first = again.is_none();
        let place = again.unwrap_or_else(|| {
            // A handler may use its session only after it has read the body, which can take long.
            let arrived = has_body.then(|| setup.manager.now());
            let (setup, is_closed) = (Arc::clone(setup), Cell::new(false));
            Rc::new(Place { setup, exchange: OnceCell::new(), arrived, is_closed })
        });
        let extension = Self { place, outer };
        extensions.insert(extension.clone());
        Some((extension, is_first))
    }

    /// The place of the innermost middleware that is not done yet; if all are, of the one whose response this is.
    pub(crate) fn innermost(req: &HttpRequest) -> Option<Self> {
        let extensions = req.extensions();
        let innermost = extensions.get::<Self>()?;
        Some(innermost.first_open().unwrap_or(innermost).clone())
    }

    /// The innermost place whose middleware is not done yet.
    fn first_open(&self) -> Option<&Self> {
        if self.place.is_closed.get() { self.outer.as_ref()?.first_open() } else { Some(self) }
    }

    /// The place, here or further out, of a middleware that reads ids from the same cookie or header.
    fn of_the_same_name(&self, setup: &Setup) -> Option<Rc<Place>> {
        if self.place.setup.transport.rules().shares_a_name(setup.transport.rules()) {
            return Some(Rc::clone(&self.place));
        }
        self.outer.as_ref()?.of_the_same_name(setup)
    }

    /// A place with this request's session.
    pub(crate) fn of(setup: Arc<Setup>, exchange: Exchange) -> Self {
        let exchange = OnceCell::from((exchange, IdLocation::Both));
        let place = Place { setup, exchange, arrived: None, is_closed: Cell::new(false) };
        Self { place: Rc::new(place), outer: None }
    }

    /// Puts the outer middleware's place back, if there is one.
    ///
    /// Borrows the extensions only in that case, so that it does not conflict needlessly with a borrow of the handler.
    pub(crate) fn detach(&self, request: &HttpRequest) {
        if let Some(outer) = &self.outer {
            request.extensions_mut().insert(Self::clone(outer));
        }
    }

    /// The middleware is done. From now on the session, used or not, can only be read or destroyed
    /// ([S9](gsession::design#s9)). A destroy that could not be carried out is retried in the background.
    pub(crate) fn end(&self) {
        self.place.is_closed.set(true);
        if let Some((exchange, _)) = self.place.exchange.get() {
            exchange.end();
        }
    }

    /// Makes this request passive for every session around it that was requested already.
    pub(crate) fn set_passive(&self) {
        if let Some((exchange, _)) = self.place.exchange.get() {
            exchange.set_passive(true);
        }
        if let Some(outer) = &self.outer {
            outer.set_passive();
        }
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.place.setup
    }

    /// The session, created on first use.
    pub(crate) fn session(&self, req: &HttpRequest) -> Session {
        let begin = || {
            let head = req.head();
            let Setup { manager, requests, transport, .. } = &*self.place.setup;
            let mut exchange = requests.begin(transport.candidates(head.headers()), || client_info(head));
            exchange.set_passive(req.extensions().contains::<MarkedPassive>());
            if let Some(arrived) = self.place.arrived {
                exchange = exchange.arrived_at(arrived);
            }
            if transport.rules().client_keeps_expiry() {
                exchange = exchange.client_keeps_expiry();
            }
            if self.place.is_closed.get() {
                exchange.discard();
            }
            let location = transport.location(head.headers(), |text| manager.accepts(text));
            (exchange, location)
        };
        Session::of(&self.place.exchange.get_or_init(begin).0)
    }

    /// The request's session, if it was used.
    pub(crate) fn used(&self) -> Option<(&Exchange, IdLocation)> {
        let exchange = self.place.exchange.get().filter(|(exchange, _)| exchange.was_used());
        exchange.map(|(exchange, location)| (exchange, *location))
    }

    /// The place of the session whose cookie or header has this name, here or further out.
    pub(crate) fn named(&self, name: &str) -> Option<&Self> {
        if self.place.setup.transport.rules().is_named(name) { Some(self) } else { self.outer.as_ref()?.named(name) }
    }
}
