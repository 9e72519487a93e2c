//! Who is logged in.

use gsession_actix::Session;

use crate::error::PageError;

/// The entry that says who is logged in.
pub(crate) const USER: &str = "user";

/// Whether the browser sent a cookie that no longer opens a session: most likely the session has ended. Only the first call
/// in a request can tell, because it makes the session forget such an id.
pub(crate) async fn has_ended(session: &Session) -> Result<bool, PageError> {
    let presented = session.id().is_some();
    session.contains_key(USER).await?;
    Ok(presented && session.id().is_none())
}

/// The user who is logged in. Without one, the error redirects to the login page, and from there back to `here`.
pub(crate) async fn user(session: &Session, here: &str) -> Result<String, PageError> {
    let ended = has_ended(session).await?;
    let user = session.get(USER).await?;
    user.ok_or_else(|| PageError::LoginFirst { next: here.to_owned(), ended })
}
