//! The login for Postgres: what the URL says, and the options where it says nothing.

/// The URL, with the login that it leaves open.
pub(super) fn with_login(url: &str, username: Option<&str>, password: Option<&str>) -> String {
    // Building the storage says what is wrong with a URL that has no host.
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (said_user, said_password) = login.split_once(':').unwrap_or((login, ""));
    let or_ours = |said: &str, ours: Option<&str>| {
        if said.is_empty() { ours.map(encoded).unwrap_or_default() } else { said.to_owned() }
    };
    let (user, password) = (or_ours(said_user, username), or_ours(said_password, password));
    let login = match (user.is_empty(), password.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("{user}@"),
        (_, false) => format!("{user}:{password}@"),
    };
    format!("{scheme}://{login}{host}{path}")
}

/// With everything percent-encoded that could mean something else in a URL.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_comes_first() {
        let ours = |url| with_login(url, Some("nt@x"), Some("p/w?#@:%ä"));
        let password = "p%2Fw%3F%23%40%3A%25%C3%A4";
        assert_eq!(ours("postgres://10.0.0.1/shop"), format!("postgres://nt%40x:{password}@10.0.0.1/shop"));
        assert_eq!(ours("postgres://ada@h?sslmode=require"), format!("postgres://ada:{password}@h?sslmode=require"));
        assert_eq!(ours("postgres://:b@h"), "postgres://nt%40x:b@h");
        assert_eq!(ours("postgres://ada:b@h/shop#f"), "postgres://ada:b@h/shop#f");
        assert_eq!(ours("postgres:///shop?host=/run/a@b"), format!("postgres://nt%40x:{password}@/shop?host=/run/a@b"));
        assert_eq!(ours("postgres:shop"), "postgres:shop");
    }

    #[test]
    fn without_options_a_url_stays_as_it_is() {
        for url in ["postgres://h/shop", "postgres://ada@h", "postgres://ada:b@h:1/shop?a=b", "postgres:///shop"] {
            assert_eq!(with_login(url, None, None), url);
        }
        assert_eq!(with_login("postgres://h", None, Some("b")), "postgres://:b@h");
        assert_eq!(with_login("postgres://h", Some("ada"), None), "postgres://ada@h");
    }
}
