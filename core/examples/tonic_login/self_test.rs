//! The service's own client.

use std::error::Error;

use gsession::tower::SessionLayer;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{Code, Request, metadata::MetadataValue};

use super::accounts::{Credentials, Nothing, accounts_client::AccountsClient};

/// Serves on a free port, and logs in and out.
pub(crate) async fn run(sessions: SessionLayer) -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let service = tokio::spawn(super::serve(sessions, listener, async { drop(stopped.await) }));
    let mut client = AccountsClient::connect(url).await?;

    let wrong = Credentials { user: "ada".into(), password: "wrong".into() };
    let refused = client.log_in(wrong).await.err().map(|status| status.code());
    assert_eq!(refused, Some(Code::PermissionDenied));
    let nobody = client.watch(Nothing {}).await.err().map(|status| status.code());
    assert_eq!(nobody, Some(Code::Unauthenticated));

    let right = Credentials { user: "ada".into(), password: "secret".into() };
    let welcome = client.log_in(right).await?;
    let token: MetadataValue<_> = welcome.metadata().get("authorization").ok_or("no token")?.clone();
    assert!(token.to_str()?.starts_with("Bearer "));
    assert_eq!(welcome.get_ref().logins, 1);
    let with_token = || {
        let mut request = Request::new(Nothing {});
        request.metadata_mut().insert("authorization", token.clone());
        request
    };

    let mut news = client.watch(with_token()).await?.into_inner();
    let first = news.message().await?.ok_or("no news")?;
    assert_eq!(first.text, "News 0 for ada");
    client.log_out(with_token()).await?;
    // Without the logout, the news would never end.
    while news.message().await?.is_some() {}
    let ended = client.watch(with_token()).await.err().map(|status| status.code());
    assert_eq!(ended, Some(Code::Unauthenticated));

    // A stream that is open ends when the server stops, and the server waits for it.
    let right = Credentials { user: "ada".into(), password: "secret".into() };
    let mut request = Request::new(Nothing {});
    let welcome = client.log_in(right).await?;
    let token = welcome.metadata().get("authorization").ok_or("no token")?.clone();
    request.metadata_mut().insert("authorization", token);
    let mut news = client.watch(request).await?.into_inner();
    drop(stop);
    while news.message().await?.is_some() {}
    service.await??;
    println!("Logged in, got news, logged out: no more news.");
    Ok(())
}
