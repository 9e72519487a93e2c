//! A login/logout web app on gsession: what a person sees of sessions that survive restarts, tabs and logouts.

mod accounts;
mod app;
mod cli;
mod csrf;
mod flash;
mod pages;
mod storage;

use std::{io::Write as _, process::ExitCode};

use actix_web::{App, HttpServer, middleware::from_fn, web};
use clap::Parser as _;
use gsession_actix::SessionMiddleware;

#[actix_web::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .init();
    match serve(cli::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gsession-demo: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: cli::Cli) -> Result<(), Box<dyn std::error::Error>> {
    let (storage, place) = storage::open(&cli)?;
    // The demo speaks plain HTTP, so the cookie cannot be Secure.
    let mut sessions = SessionMiddleware::builder(storage).cookie_secure(false).idle_timeout(cli.idle_timeout());
    if let Some(lifetime) = cli.absolute_lifetime() {
        sessions = sessions.absolute_lifetime(lifetime);
    }
    let sessions = sessions.build()?;
    let accounts = web::Data::new(web::block(accounts::Accounts::demo).await??);
    let place = web::Data::new(place);
    let server = HttpServer::new(move || {
        App::new()
            .wrap(pages::errors::handlers())
            .wrap(sessions.clone())
            .wrap(from_fn(app::security_headers))
            .app_data(accounts.clone())
            .app_data(place.clone())
            .configure(app::routes)
    })
    .workers(cli.workers)
    .shutdown_timeout(3)
    .bind(cli.listen)
    .map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    std::io::stdout().flush()?;
    Ok(server.run().await?)
}
