//! Protection against forged forms (CSRF): tokens in the session, and for the login also the origin that the browser reports.

use actix_web::{
    HttpRequest,
    http::header::{HOST, HeaderValue, ORIGIN},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gsession_actix::Session;
use rand::{TryRng as _, rngs::SysRng};
use subtle::ConstantTimeEq as _;

use crate::error::PageError;

/// Which forms a token is for. A session has one of each, so a token from before the login is useless after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// The login form.
    Login,
    /// The forms of a logged-in user.
    Pages,
}

impl Token {
    /// The key of its entry.
    const fn key(self) -> &'static str {
        match self {
            Self::Login => "csrf-login",
            Self::Pages => "csrf",
        }
    }

    pub(crate) fn is_under(key: &str) -> bool {
        [Self::Login, Self::Pages].iter().any(|token| token.key() == key)
    }

    /// The session's token, created when first needed. Overlapping requests all get the same one.
    pub(crate) async fn of(self, session: &Session) -> Result<String, PageError> {
        let mut random = [0_u8; 32];
        SysRng
            .try_fill_bytes(&mut random)
            .map_err(|_| PageError::Internal("the operating system gave no random token"))?;
        Ok(session.get_or_insert_with(self.key(), || URL_SAFE_NO_PAD.encode(random)).await?)
    }

    /// Refuses a request whose token, from the form or from the header `X-CSRF-Token`, is not the session's.
    async fn check(self, session: &Session, request: &HttpRequest, from_form: Option<&str>) -> Result<(), PageError> {
        let from_header = request.headers().get("x-csrf-token").and_then(|value| value.to_str().ok());
        let expected: Option<String> = session.get(self.key()).await?;
        let matches = match (expected, from_form.or(from_header)) {
            (Some(expected), Some(presented)) => bool::from(expected.as_bytes().ct_eq(presented.as_bytes())),
            _ => false,
        };
        if matches { Ok(()) } else { Err(PageError::Forged) }
    }
}

/// Refuses a form of a logged-in user that does not come from one of our own pages.
pub(crate) async fn check(session: &Session, request: &HttpRequest, from_form: Option<&str>) -> Result<(), PageError> {
    Token::Pages.check(session, request, from_form).await
}

/// Refuses a login form that does not come from our own page.
///
/// A second click on "Log in" sends the token of a session that the first click has renewed. The renewed session no longer has
/// the token, and if the first answer was lost, the browser does not even have its id. So a form is also accepted if the browser
/// says that it comes from our own page: see [`is_from_own_page`].
pub(crate) async fn check_login(
    session: &Session,
    request: &HttpRequest,
    from_form: Option<&str>,
) -> Result<(), PageError> {
    if is_from_own_page(request) { Ok(()) } else { Token::Login.check(session, request, from_form).await }
}

/// Removes the token of the login form, at login.
pub(crate) fn forget_login(session: &Session) -> Result<(), PageError> {
    Ok(session.remove(Token::Login.key())?)
}

/// Whether the browser says that the request comes from a page of the same origin.
///
/// This is safe to rely on. Scripts cannot set `Sec-Fetch-Site` or `Origin` (they are forbidden request headers, Fetch 2.2.2),
/// and a program that forges them can log in only itself. `Sec-Fetch-Site` is `same-origin` only if scheme, host and port are
/// the same and no redirect led through another site (Fetch Metadata 2.3). Browsers send it over HTTPS and to this machine. In
/// other cases `Origin` must name the requested host; a page that hides its origin sends `null`.
pub(crate) fn is_from_own_page(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    if let Some(site) = header("sec-fetch-site") {
        return site == b"same-origin";
    }
    let host = header(HOST.as_str()).filter(|host| !host.is_empty());
    let origin = header(ORIGIN.as_str());
    let authority =
        origin.and_then(|origin| origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://")));
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::is_from_own_page;

    #[test]
    fn only_requests_from_our_own_origin_are_accepted() {
        let is_own = |headers: &[(&'static str, &'static str)]| {
            let request = TestRequest::post().insert_header(("host", "demo.example:8080"));
            is_from_own_page(
                &headers.iter().fold(request, |request, &header| request.insert_header(header)).to_http_request(),
            )
        };
        assert!(is_own(&[("sec-fetch-site", "same-origin")]));
        assert!(is_own(&[("origin", "http://demo.example:8080")]));
        assert!(is_own(&[("origin", "https://demo.example:8080")]));
        assert!(!is_own(&[]));
        for site in ["same-site", "cross-site", "none", "", "same-origin, cross-site"] {
            assert!(!is_own(&[("sec-fetch-site", site)]), "{site}");
            assert!(!is_own(&[("sec-fetch-site", site), ("origin", "http://demo.example:8080")]), "{site}");
        }
        for origin in [
            "null",
            "",
            "http://",
            "demo.example:8080",
            "http://demo.example",
            "http://demo.example:8081",
            "http://demo.example:8080.evil.example",
            "http://evil.example",
            "ftp://demo.example:8080",
        ] {
            assert!(!is_own(&[("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn a_request_without_a_host_is_never_from_our_own_page() {
        for (name, value) in [("origin", "http://"), ("origin", "null")] {
            assert!(!is_from_own_page(&TestRequest::post().insert_header((name, value)).to_http_request()));
        }
    }
}
