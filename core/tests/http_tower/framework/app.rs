//! Applications of axum from the suite's.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::any,
};
use gsession::tower::{Passive, Session};
use http::request::Parts;

use super::Ask;
use crate::support::{
    app::{After, App, Around, Before, Handler},
    script::{Meeting, Watched},
};

pub(super) fn build(app: App) -> Router {
    let mut router = Router::new();
    for (path, handler) in app.routes {
        router = router.route(path, any(move |request: Request| answer(Arc::clone(&handler), request)));
    }
    for (prefix, inner) in app.scopes {
        router = router.nest(prefix, build(inner));
    }
    app.around.into_iter().fold(router, |router, around| match around {
        Around::Sessions(sessions) => router.layer(sessions),
        Around::Passive => router.layer(Passive),
        Around::Hooks(before, after) => router.layer(from_fn(move |request: Request, next: Next| {
            hooked(Arc::clone(&before), Arc::clone(&after), request, next)
        })),
        Around::Watched(meeting) => {
            router.layer(from_fn(move |request: Request, next: Next| watched(Arc::clone(&meeting), request, next)))
        }
    })
}

/// A response does not know its request. The handler leaves the session for layers that look at the response from outside
/// of the session's own.
async fn answer(handler: Handler, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let session = parts.extensions.get::<Session>().cloned();
    let mut response = match handler(Ask { parts, body: Some(body.into_data_stream()) }).await {
        Ok(reply) => reply.into_response(),
        Err(failure) => failure.into_response(),
    };
    if let Some(session) = session {
        response.extensions_mut().insert(session);
    }
    response
}

fn seen(parts: Parts) -> Ask {
    Ask { parts, body: None }
}

async fn hooked(before: Before, after: After, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Err(failure) = before(seen(parts.clone())).await {
        return failure.into_response();
    }
    let response = next.run(Request::from_parts(parts.clone(), body)).await;
    if parts.extensions.get::<Session>().is_none()
        && let Some(session) = response.extensions().get::<Session>()
    {
        parts.extensions.insert(session.clone());
    }
    match after(seen(parts), response.status().as_u16()).await {
        Ok(None) => response,
        Ok(Some(reply)) => reply.into_response(),
        Err(failure) => failure.into_response(),
    }
}

async fn watched(meeting: Arc<Meeting>, request: Request, next: Next) -> Response {
    let mut watched = Watched::new(meeting);
    let response = next.run(request).await;
    watched.ended = true;
    response
}
