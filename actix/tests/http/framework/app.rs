//! Applications of actix-web from the suite's.

use std::sync::Arc;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{AppService, HttpServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web,
};
use gsession_actix::Passive;

use super::Ask;
use crate::support::{
    app::{After, App, Around, Before},
    script::{Meeting, Watched},
};

/// A scope, whatever is around it.
pub(super) struct Scope(Box<dyn FnOnce(&mut AppService)>);

impl Scope {
    fn of(scope: impl HttpServiceFactory + 'static) -> Self {
        Self(Box::new(|service| scope.register(service)))
    }
}

impl HttpServiceFactory for Scope {
    fn register(self, service: &mut AppService) {
        (self.0)(service);
    }
}

pub(super) fn build(app: App) -> Scope {
    let mut scope = web::scope("");
    for (path, handler) in app.routes {
        let answer = move |request: HttpRequest, payload: web::Payload| {
            let answering = handler(Ask { request, payload: Some(payload) });
            async move { Ok::<HttpResponse, Error>(answering.await?.into()) }
        };
        scope = scope.route(path, web::route().to(answer));
    }
    for (prefix, inner) in app.scopes {
        scope = scope.service(web::scope(prefix).service(build(inner)));
    }
    app.around.into_iter().fold(Scope::of(scope), |inner, around| {
        let scope = web::scope("").service(inner);
        match around {
            Around::Sessions(sessions) => Scope::of(scope.wrap(sessions)),
            Around::Passive => Scope::of(scope.wrap(Passive)),
            Around::Hooks(before, after) => Scope::of(
                scope
                    .wrap(from_fn(move |request, next| hooked(Arc::clone(&before), Arc::clone(&after), request, next))),
            ),
            Around::Watched(meeting) => {
                Scope::of(scope.wrap(from_fn(move |request, next| watched(Arc::clone(&meeting), request, next))))
            }
        }
    })
}

fn seen(request: &HttpRequest) -> Ask {
    Ask { request: request.clone(), payload: None }
}

async fn hooked(
    before: Before,
    after: After,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    before(seen(request.request())).await?;
    let response = next.call(request).await?;
    let other = after(seen(response.request()), response.status().as_u16()).await?;
    Ok(match other {
        Some(reply) => response.into_response(HttpResponse::from(reply)),
        None => response,
    })
}

async fn watched(
    meeting: Arc<Meeting>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut watched = Watched::new(meeting);
    let outcome = next.call(request).await;
    watched.ended = true;
    outcome
}
