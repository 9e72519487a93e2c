//! The application: its routes, and what its workers share.

use actix_web::{
    App, Error, HttpResponse,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::header::CACHE_CONTROL,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use gsession_actix::SessionMiddleware;

use crate::{
    Accounts, StorageInfo, error_page,
    middleware::finish_response,
    pages::{confirm, devices, login, notes, profile, tabs},
};

/// What the workers share. Create it once; each worker creates its [`app`](Self::app) from it.
#[derive(Clone)]
pub struct Demo {
    sessions: SessionMiddleware,
    accounts: web::Data<Accounts>,
    storage_info: web::Data<StorageInfo>,
}

impl Demo {
    /// The demo with these sessions and accounts.
    #[must_use]
    pub fn new(sessions: SessionMiddleware, accounts: Accounts, storage_info: StorageInfo) -> Self {
        Self { sessions, accounts: web::Data::new(accounts), storage_info: web::Data::new(storage_info) }
    }

    /// The application that a worker serves.
    pub fn app(
        &self,
    ) -> App<
        impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
    > {
        App::new()
            .wrap(self.sessions.clone())
            // Outside the session middleware, which replaces the response by an error if the session cannot be stored.
            .wrap(from_fn(finish_response))
            .app_data(self.accounts.clone())
            .app_data(self.storage_info.clone())
            .configure(routes)
    }
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(profile::show))
        .service(web::resource("/login").route(web::get().to(login::show)).route(web::post().to(login::submit)))
        .route("/logout", web::post().to(login::logout))
        .route("/devices", web::get().to(devices::list))
        .route("/logout-others", web::post().to(devices::logout_others))
        .route("/logout-everywhere", web::post().to(devices::logout_everywhere))
        .route("/sessions/end", web::post().to(devices::end))
        .route("/vault", web::get().to(confirm::vault))
        .service(web::resource("/confirm").route(web::get().to(confirm::show)).route(web::post().to(confirm::submit)))
        .service(web::resource("/notes").route(web::get().to(notes::show)).route(web::post().to(notes::add)))
        .route("/notes/delete", web::post().to(notes::delete))
        .route("/tabs", web::get().to(tabs::show))
        .route("/tabs/count", web::post().to(tabs::count))
        .route("/tabs/write", web::post().to(tabs::write))
        .route("/tabs/state", web::get().to(tabs::state))
        .route("/tabs/clear", web::post().to(tabs::clear))
        .route("/static/style.css", web::get().to(|| asset("text/css", include_str!("../static/style.css"))))
        .route("/static/tabs.js", web::get().to(|| asset("text/javascript", include_str!("../static/tabs.js"))))
        .route("/static/devices.js", web::get().to(|| asset("text/javascript", include_str!("../static/devices.js"))))
        .route("/static/icon.svg", web::get().to(|| asset("image/svg+xml", include_str!("../static/icon.svg"))))
        .default_service(web::to(error_page::not_found));
}

async fn asset(kind: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(format!("{kind}; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(body)
}
