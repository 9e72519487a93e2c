//! The session's place in a request: put there by the middleware, filled when somebody asks for the session.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
};

use actix_web::{
    HttpMessage as _, HttpRequest,
    dev::{Extensions, RequestHead},
};

use crate::{
    Session,
    middleware::Setup,
    transport::{Presented, client_info},
};

/// In the request's extensions. An untouched request costs this and its box, no more (H7).
#[derive(Clone)]
pub(crate) struct Attached(Rc<Place>);

struct Place {
    setup: Setup,
    session: OnceCell<(Session, Presented)>,
    /// The place of a session middleware further out, with another cookie.
    outer: Option<Attached>,
    is_passive: Cell<bool>,
}

/// In the extensions of a request that [`Passive`](crate::Passive) saw before any session middleware did.
pub(crate) struct MarkedPassive;

impl Attached {
    /// Makes a place in front of the one that a middleware further out may have made.
    pub(crate) fn attach(setup: &Setup, extensions: &mut Extensions) -> Self {
        let outer = extensions.remove::<Self>();
        let is_passive = Cell::new(extensions.contains::<MarkedPassive>());
        let place = Self(Rc::new(Place { setup: setup.clone(), session: OnceCell::new(), outer, is_passive }));
        extensions.insert(place.clone());
        place
    }

    /// Puts the outer middleware's place back in front, if there is one.
    ///
    /// Borrows the extensions only then: whoever still holds them must not be hurt for nothing.
    pub(crate) fn detach(&self, request: &HttpRequest) {
        if let Some(outer) = &self.0.outer {
            request.extensions_mut().insert(outer.clone());
        }
    }

    /// Makes this request passive for every session around it, whether asked for already or not.
    pub(crate) fn set_passive(&self) {
        self.0.is_passive.set(true);
        if let Some((session, _)) = self.0.session.get() {
            session.set_passive(true);
        }
        if let Some(outer) = &self.0.outer {
            outer.set_passive();
        }
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.0.setup
    }

    /// The session, made when it is first asked for.
    pub(crate) fn session(&self, head: &RequestHead) -> Session {
        let make = || {
            let Setup { manager, transport } = &self.0.setup;
            let session = manager.session_from(transport.candidates(head.headers()), || client_info(head));
            session.set_passive(self.0.is_passive.get());
            if transport.keeps_expiry() {
                session.set_client_keeps_expiry();
            }
            (Session::new(session), transport.presented(head.headers(), |text| manager.accepts(text)))
        };
        self.0.session.get_or_init(make).0.clone()
    }

    /// The session, if anybody used it.
    pub(crate) fn used(&self) -> Option<(&Session, Presented)> {
        self.0.session.get().filter(|(session, _)| session.was_used()).map(|(session, presented)| (session, *presented))
    }

    /// The place of the session whose cookie or header has this name, here or further out.
    pub(crate) fn named(&self, name: &str) -> Option<&Self> {
        let transport = &self.0.setup.transport;
        let is_it = transport.cookie.as_ref().is_some_and(|cookie| cookie.name == name)
            || transport.header.as_ref().is_some_and(|header| header.as_str().eq_ignore_ascii_case(name));
        if is_it { Some(self) } else { self.0.outer.as_ref()?.named(name) }
    }
}
