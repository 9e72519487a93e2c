//! The tower layer on axum. Its requests move between two threads.

mod devices;
mod outside;
mod pages;

use anyhow::Result;
use axum::{Router, middleware::from_fn, routing::post};
use gsession::{AnyStorage, tower::SessionLayer};

use super::{
    super::{LOOPBACK, announce},
    Applications,
};
use crate::{cli::Serve, scope::Scope};

/// What pages need besides their session.
#[derive(Clone)]
struct Everything {
    storage: AnyStorage,
    ours: SessionLayer,
}

pub(super) fn serve(settings: &Serve, storage: AnyStorage) -> Result<()> {
    let Applications::<SessionLayer> { ours, elsewhere, crowd, rotating } = Applications::new(settings, &storage)?;
    let everything = Everything { storage, ours: ours.clone() };
    let others = Router::new().route("/visit", post(pages::visit)).layer(elsewhere);
    let crowd = pages::routes().merge(devices::routes()).layer(crowd);
    let rotating = pages::routes().layer(rotating);
    let pages = pages::routes().layer(from_fn(outside::hand_over)).layer(ours).layer(from_fn(outside::around));
    let service = pages
        .nest("/elsewhere", others)
        .nest(Scope::Crowd.path(), crowd)
        .nest(Scope::Rotating.path(), rotating)
        .with_state(everything);
    let app = Router::new().nest(&format!("/{}", settings.secret), service);
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(LOOPBACK).await?;
        announce(listener.local_addr().ok())?;
        Ok(axum::serve(listener, app).await?)
    })
}
