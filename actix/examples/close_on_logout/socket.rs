//! A WebSocket that sends back what it gets, until its user logs out.

use std::pin::pin;

use actix_web::{HttpRequest, HttpResponse, Result, rt, web};
use actix_ws::{CloseCode, CloseReason, Message};
use gsession_actix::Session;

/// The browser sends the cookie to its own site only (`SameSite=Lax`), so no other site can open the socket of its user.
pub(crate) async fn open(req: HttpRequest, body: web::Payload, session: Session) -> Result<HttpResponse> {
    let Some(user) = session.principal().await? else { return Ok(HttpResponse::Unauthorized().finish()) };
    let (response, mut client, mut messages) = actix_ws::handle(&req, body)?;
    let ended = session.ended();
    rt::spawn(async move {
        let mut ended = pin!(ended);
        if client.text(format!("hello {user}")).await.is_err() {
            return;
        }
        let reason = loop {
            tokio::select! {
                // Also if the storage has failed for so long that nobody knows.
                _ = &mut ended => break Some(CloseReason { code: CloseCode::Policy, description: Some("logged out".to_owned()) }),
                message = messages.recv() => match message {
                    Some(Ok(Message::Text(text))) if client.text(text.clone()).await.is_ok() => {}
                    Some(Ok(Message::Ping(bytes))) if client.pong(&bytes).await.is_ok() => {}
                    Some(Ok(Message::Pong(_) | Message::Nop)) => {}
                    _ => break None,
                },
            }
        };
        let _ = client.close(reason).await;
    });
    Ok(response)
}
