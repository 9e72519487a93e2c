//! The service: login, logout, and a page that shows what it hears.

use actix_web::{HttpResponse, web};
use gsession::IntoStorage;
use gsession_actix::{ConfigError, Session, SessionError, SessionMiddleware};

use crate::{events, socket};

/// Shows what the socket and the stream of events say.
const PAGE: &str = r#"<!doctype html>
<title>Close on logout</title>
<p>Events: <span id="events"></span></p>
<p>Socket: <span id="socket"></span></p>
<form method="post" action="/login/ada"><button id="log-in">Log in</button></form>
<form method="post" action="/logout"><button id="log-out">Log out</button></form>
<script>
  const show = (what, text) => document.getElementById(what).textContent = text;
  const events = new EventSource("/events");
  events.onmessage = event => show("events", event.data);
  events.addEventListener("logged-out", () => { events.close(); show("events", "logged out"); });
  const socket = new WebSocket(`ws://${location.host}/socket`);
  socket.onmessage = event => show("socket", event.data);
  socket.onclose = event => show("socket", event.reason || "closed");
</script>
"#;

/// Sessions whose cookie travels over plain HTTP, for this example only.
pub(crate) fn sessions(storage: impl IntoStorage) -> Result<SessionMiddleware, ConfigError> {
    SessionMiddleware::builder(storage).cookie_name("id").cookie_secure(false).build()
}

/// The routes of the service.
pub(crate) fn routes(sessions: &SessionMiddleware) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let sessions = sessions.clone();
    move |config| {
        let routes = web::scope("").wrap(sessions).route("/", web::get().to(page));
        let routes = routes.route("/login/{user}", web::post().to(log_in)).route("/logout", web::post().to(log_out));
        config.service(
            routes.route("/events", web::get().to(events::open)).route("/socket", web::get().to(socket::open)),
        );
    }
}

async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE)
}

async fn log_in(session: Session, user: web::Path<String>) -> Result<HttpResponse, SessionError> {
    session.log_in(user.into_inner()).await?;
    Ok(HttpResponse::SeeOther().insert_header(("location", "/")).finish())
}

async fn log_out(session: Session) -> HttpResponse {
    session.destroy();
    HttpResponse::SeeOther().insert_header(("location", "/")).finish()
}
