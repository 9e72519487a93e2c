//! A stream of events (SSE) that ends when its user logs out.

use std::{convert::Infallible, future::ready, time::Duration};

use actix_web::{
    HttpResponse, Result,
    http::header::{CacheControl, CacheDirective},
    web::Bytes,
};
use futures::{StreamExt as _, stream};
use gsession_actix::Session;

/// Shows whether the client is still there, and keeps proxies from closing an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(crate) async fn open(session: Session) -> Result<HttpResponse> {
    // A browser that connects again after the logout gets this, and gives up.
    let Some(user) = session.principal().await? else { return Ok(HttpResponse::Unauthorized().finish()) };
    let hello = stream::once(ready(format!("data: hello {user}\n\n")));
    // A real service has its events here.
    let events = stream::repeat(()).then(|()| async {
        tokio::time::sleep(KEEP_ALIVE).await;
        ": still here\n\n".to_owned()
    });
    let goodbye = stream::once(ready("event: logged-out\ndata:\n\n".to_owned()));
    let all = hello.chain(events.take_until(session.ended())).chain(goodbye);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .streaming(all.map(|event| Ok::<_, Infallible>(Bytes::from(event)))))
}
