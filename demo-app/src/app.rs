//! Routes, and the headers that every answer has.

use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    middleware::Next,
    web::{self, ServiceConfig},
};

use crate::pages::{errors, login, notes, profile, tabs};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(profile::show))
        .service(web::resource("/login").route(web::get().to(login::show)).route(web::post().to(login::submit)))
        .route("/logout", web::post().to(login::logout))
        .route("/logout-others", web::post().to(login::logout_others))
        .service(web::resource("/notes").route(web::get().to(notes::show)).route(web::post().to(notes::add)))
        .route("/notes/delete", web::post().to(notes::delete))
        .route("/tabs", web::get().to(tabs::show))
        .route("/tabs/count", web::post().to(tabs::count))
        .route("/tabs/write", web::post().to(tabs::write))
        .route("/tabs/state", web::get().to(tabs::state))
        .route("/tabs/clear", web::post().to(tabs::clear))
        .route("/static/style.css", web::get().to(|| asset("text/css", include_str!("../static/style.css"))))
        .route("/static/tabs.js", web::get().to(|| asset("text/javascript", include_str!("../static/tabs.js"))))
        .default_service(web::to(errors::not_found));
}

async fn asset(kind: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(format!("{kind}; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(body)
}

/// Nothing but our own style and script runs in the pages, nobody frames them, and no cache keeps what is private.
pub(crate) async fn security_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}
