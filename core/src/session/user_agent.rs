//! Labels from `User-Agent` headers.

use woothee::parser::Parser;

use super::Login;

/// What a user recognises a browser by, such as "Firefox on Linux", from a `User-Agent` header; `None` if the header says neither
/// the browser nor the system.
///
/// The header is the client's to choose, so this is a help for the user and proves nothing. Versions are left out: they change, and
/// browsers no longer report that of the system.
///
/// ```
/// let header = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
/// assert_eq!(gsession::label_of_user_agent(header).as_deref(), Some("Firefox on Linux"));
/// ```
#[must_use]
pub fn label_of_user_agent(user_agent: &str) -> Option<String> {
    let known = Parser::new().parse(user_agent)?;
    let browser = Some(known.name).filter(|name| *name != UNKNOWN);
    let system = match known.os {
        UNKNOWN => None,
        "Mac OSX" => Some("macOS"),
        os if os.starts_with("Windows") && os != "Windows Phone OS" => Some("Windows"),
        os => Some(os),
    };
    match (browser, system) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

/// What the parser says if it does not know.
const UNKNOWN: &str = "UNKNOWN";

impl Login {
    /// A [label](Self::label) from the client's `User-Agent` header, if that says something: see [`label_of_user_agent`].
    pub fn user_agent(self, user_agent: &str) -> Self {
        match label_of_user_agent(user_agent) {
            Some(label) => self.label(label),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn browsers_of_today_are_named() {
        let apple = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let cases = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0".to_owned(), "Firefox on Linux"),
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/142.0.0.0 Safari/537.36"),
                "Chrome on Windows",
            ),
            (
                format!(
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
                ),
                "Edge on Windows",
            ),
            (
                format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {apple} Version/26.0 Safari/605.1.15"),
                "Safari on macOS",
            ),
            (
                format!(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {apple} Version/26.0 Mobile/15E148 Safari/604.1"
                ),
                "Safari on iPhone",
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 10; K) {webkit} Chrome/142.0.0.0 Mobile Safari/537.36"),
                "Chrome on Android",
            ),
        ];
        for (header, label) in cases {
            assert_eq!(label_of_user_agent(&header).as_deref(), Some(label), "{header}");
        }
        for nothing in ["", "-", "\u{202e}"] {
            assert_eq!(label_of_user_agent(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_header_says_the_label_can_be_used(header in ".{0,300}") {
            prop_assert_eq!(Login::new("ada").user_agent(&header).check(), Ok(()));
        }
    }
}
