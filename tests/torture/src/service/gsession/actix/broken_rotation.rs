//! A sabotage of the rotation of ids: a middleware around that of the sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{COOKIE, HeaderValue, SET_COOKIE},
    middleware::Next,
};
use gsession::{AsyncManager, ClientInfo, Outcome};

use super::super::super::USER;
use crate::target::Sabotage;

/// What stands between what stays of an id and what rotates.
const ROTATES: &str = "~~";

/// What the middleware knows.
#[derive(Clone)]
pub(super) struct BrokenRotation {
    sabotage: Option<Sabotage>,
    manager: AsyncManager,
    /// The latest cookie of each session.
    latest: Arc<Mutex<HashMap<String, String>>>,
}

impl BrokenRotation {
    pub(super) fn new(sabotage: Option<Sabotage>, manager: AsyncManager) -> Self {
        Self { sabotage, manager, latest: Arc::default() }
    }

    fn latest(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn around(
        self,
        mut request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        if self.sabotage == Some(Sabotage::EternalIds)
            && let Some(old) = request.headers().get(COOKIE).and_then(pair)
            && let Some(latest) = self.latest().get(lasting_part(&old)).and_then(|latest| latest.parse().ok())
        {
            request.headers_mut().insert(COOKIE, latest);
        }
        let response = next.call(request).await?;
        if let Some(new) = response.headers().get(SET_COOKIE).and_then(pair) {
            match self.sabotage {
                Some(Sabotage::EternalIds) => drop(self.latest().insert(lasting_part(&new).to_owned(), new)),
                Some(Sabotage::NoGrace) if new.contains(ROTATES) => self.make_use_of(&new).await,
                _ => {}
            }
        }
        Ok(response)
    }

    /// Uses an id before the client can. Since there is no grace, that is the end of the one before.
    async fn make_use_of(&self, cookie: &str) {
        let exchange = self.manager.begin(cookie.split_once('=').map(|(_, id)| id), ClientInfo::default);
        // If this fails, nothing was sabotaged.
        let _ = exchange.session().get::<String>(USER).await;
        let _ = exchange.finish(Outcome::Answered, ClientInfo::default).await;
    }
}

/// The name and the value of a cookie.
fn pair(line: &HeaderValue) -> Option<String> {
    Some(line.to_str().ok()?.split(';').next()?.to_owned())
}

/// What stays of a cookie when its id rotates.
fn lasting_part(pair: &str) -> &str {
    pair.split_once(ROTATES).map_or(pair, |(lasting, _)| lasting)
}
