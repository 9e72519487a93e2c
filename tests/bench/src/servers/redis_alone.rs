//! actix-web and the `redis` crate without sessions: what the commands of a session's storage cost at least, over a connection
//! on the worker's own thread.

use std::cell::RefCell;

use actix_web::{App, HttpServer, Responder, error::ErrorInternalServerError, http::header, web};
use anyhow::{Context as _, Result};
use redis::{Client, Value, aio::MultiplexedConnection, cmd};

use super::{
    LOOPBACK, OK, announce,
    bare::{COOKIE, allocs},
};

/// As long a key and a value as those of a session.
const KEY: &str = "gsession:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const VALUE: [u8; 110] = [b'x'; 110];

thread_local! {
    static CONNECTION: RefCell<Option<MultiplexedConnection>> = const { RefCell::new(None) };
}

pub(super) fn serve(url: &str) -> Result<()> {
    let client = Client::open(format!("{url}/?protocol=resp3")).context("the URL of the Redis server")?;
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(client.clone()))
                .route("/untouched", web::get().to(|| async { OK }))
                .route("/read", web::get().to(read))
                .route("/readwrite", web::get().to(read_write))
                .route("/write", web::get().to(write))
                .route("/login", web::get().to(login))
                .route("/allocs", web::get().to(allocs))
        })
        .workers(1)
        .disable_signals()
        .bind(LOOPBACK)?;
        announce(server.addrs().first().copied())?;
        Ok(server.run().await?)
    })
}

async fn connection(client: &Client) -> actix_web::Result<MultiplexedConnection> {
    if let Some(connection) = CONNECTION.with_borrow(Clone::clone) {
        return Ok(connection);
    }
    let connection = client.get_multiplexed_async_connection().await.map_err(ErrorInternalServerError)?;
    CONNECTION.with_borrow_mut(|held| *held = Some(connection.clone()));
    Ok(connection)
}

async fn get(client: &Client) -> actix_web::Result<()> {
    let _: Value =
        cmd("GET").arg(KEY).query_async(&mut connection(client).await?).await.map_err(ErrorInternalServerError)?;
    Ok(())
}

async fn set(client: &Client) -> actix_web::Result<()> {
    let _: Value = cmd("SET")
        .arg(KEY)
        .arg(&VALUE)
        .arg("KEEPTTL")
        .query_async(&mut connection(client).await?)
        .await
        .map_err(ErrorInternalServerError)?;
    Ok(())
}

async fn read(client: web::Data<Client>) -> actix_web::Result<&'static str> {
    get(&client).await?;
    Ok(OK)
}

async fn read_write(client: web::Data<Client>) -> actix_web::Result<&'static str> {
    get(&client).await?;
    set(&client).await?;
    Ok(OK)
}

async fn write(client: web::Data<Client>) -> actix_web::Result<&'static str> {
    set(&client).await?;
    Ok(OK)
}

async fn login(client: web::Data<Client>) -> actix_web::Result<impl Responder> {
    set(&client).await?;
    Ok(OK.customize().insert_header((header::SET_COOKIE, format!("{}={}", COOKIE.0, COOKIE.1))))
}
