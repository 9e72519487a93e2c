//! gsession-actix.

mod broken_rotation;
mod devices;
mod outside;
mod pages;

use actix_web::{App, HttpServer, middleware::from_fn, web};
use anyhow::Result;
use gsession::AnyStorage;
use gsession_actix::SessionMiddleware;

use self::{broken_rotation::BrokenRotation, outside::Outside};
use super::{
    super::{LOOPBACK, announce},
    Applications,
};
use crate::{cli::Serve, scope::Scope};

pub(super) fn serve(settings: &Serve, storage: AnyStorage) -> Result<()> {
    let Applications::<SessionMiddleware> { ours, elsewhere, crowd, rotating } = Applications::new(settings, &storage)?;
    let broken = BrokenRotation::new(settings.sabotage, rotating.manager().clone());
    let sabotage = web::Data::new(settings.sabotage);
    let outside = Outside::new(settings.sabotage, ours.manager().clone());
    let root = format!("/{}", settings.secret);
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            let (outside, broken) = (outside.clone(), broken.clone());
            let pages = web::scope(&root)
                .wrap(ours.clone())
                .wrap(from_fn(move |request, next| outside.clone().around(request, next)))
                .configure(pages::register);
            let others = web::scope(&format!("{root}/elsewhere"))
                .wrap(elsewhere.clone())
                .route("/visit", web::post().to(pages::visit));
            let crowd = web::scope(&format!("{root}{}", Scope::Crowd.path()))
                .wrap(crowd.clone())
                .configure(pages::register)
                .configure(devices::register);
            let rotating = web::scope(&format!("{root}{}", Scope::Rotating.path()))
                .wrap(rotating.clone())
                .wrap(from_fn(move |request, next| broken.clone().around(request, next)))
                .configure(pages::register);
            App::new()
                .app_data(web::Data::new(storage.clone()))
                .app_data(web::Data::new(ours.clone()))
                .app_data(sabotage.clone())
                .service(others)
                .service(crowd)
                .service(rotating)
                .service(pages)
        })
        .workers(2)
        .disable_signals()
        .bind(LOOPBACK)?;
        announce(server.addrs().first().copied())?;
        Ok(server.run().await?)
    })
}
