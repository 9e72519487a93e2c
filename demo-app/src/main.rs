//! A login/logout web app on gsession, which shows sessions across restarts, tabs and logouts.

use std::{
    future::poll_fn, io::Write as _, iter::successors, net::SocketAddr, pin::Pin, process::ExitCode, task::Poll,
};

use actix_web::{HttpServer, web};
use gsession_actix::SessionMiddleware;
use gsession_demo::{Accounts, Cli, Demo};

#[actix_web::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .init();
    match serve(Cli::of_this_process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = successors(error.source(), |cause| cause.source());
            let line = causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"));
            eprintln!("gsession-demo: {line}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let (storage, storage_info) = gsession_demo::open(&cli).await?;
    // The demo speaks plain HTTP. Chromium accepts Secure cookies over it for localhost and 127.0.0.1, but other browsers do
    // not, and none does for the address of another machine.
    let mut sessions = SessionMiddleware::builder(storage).cookie_secure(false).idle_timeout(cli.idle_timeout());
    if let Some(lifetime) = cli.absolute_lifetime() {
        sessions = sessions.absolute_lifetime(lifetime);
    }
    let accounts = web::block(Accounts::demo).await??;
    let demo = Demo::new(sessions.build()?, accounts, storage_info);
    let server = HttpServer::new(move || demo.app())
        .workers(cli.workers)
        .shutdown_timeout(3)
        .bind(cli.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let addresses = server.addrs();
    let mut running = server.run();
    // The first poll starts the workers and the signal handlers. Only then print the addresses: a program that waits for that
    // line may connect, or stop the demo, at once.
    if let Poll::Ready(outcome) = poll_fn(|context| Poll::Ready(Pin::new(&mut running).poll(context))).await {
        return Ok(outcome?);
    }
    announce(&addresses)?;
    Ok(running.await?)
}

fn announce(addresses: &[SocketAddr]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for address in addresses {
        writeln!(out, "listening on http://{address}")?;
    }
    out.flush()
}
