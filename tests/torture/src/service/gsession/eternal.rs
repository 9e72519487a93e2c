//! A sabotage: a middleware around that of the sessions, which takes every id that it has seen for the latest of its session.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{COOKIE, HeaderValue, SET_COOKIE},
    middleware::Next,
};

/// What stands between what stays of an id and what rotates.
const ROTATES: &str = "~~";

/// The latest cookie of each session, if ids are eternal.
#[derive(Clone)]
pub(super) struct Eternal(Option<Arc<Mutex<HashMap<String, HeaderValue>>>>);

impl Eternal {
    pub(super) fn new(is_on: bool) -> Self {
        Self(is_on.then(Arc::default))
    }

    pub(super) async fn around(
        self,
        mut request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let Some(latest) = self.0 else { return next.call(request).await };
        let lasting = request.headers().get(COOKIE).and_then(lasting_part);
        let known = lasting.and_then(|id| latest.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned());
        if let Some(cookie) = known {
            request.headers_mut().insert(COOKIE, cookie);
        }
        let response = next.call(request).await?;
        if let Some(line) = response.headers().get(SET_COOKIE)
            && let Some(id) = lasting_part(line)
            && let Some(pair) = line.to_str().ok().and_then(|line| line.split(';').next()?.parse().ok())
        {
            latest.lock().unwrap_or_else(PoisonError::into_inner).insert(id, pair);
        }
        Ok(response)
    }
}

/// What stays of a cookie when its id rotates.
fn lasting_part(line: &HeaderValue) -> Option<String> {
    let pair = line.to_str().ok()?.split(';').next()?;
    Some(pair.split(ROTATES).next()?.to_owned())
}
