//! URLs that are paths.

use std::path::PathBuf;

use clap::error::ErrorKind;

use crate::failure::{Failure, usage};

/// The path behind a scheme: `file:sessions`, `file:/var/lib/…`, `file:///var/lib/…`. It is taken as it is, without decoding.
pub(super) fn path_of(url: &str) -> Result<PathBuf, Failure> {
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    let path = match rest.strip_prefix("//") {
        Some(local) if local.starts_with('/') => local,
        Some(local) => local.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or_default(),
        None => rest,
    };
    if path.is_empty() {
        let message = format!(
            "{scheme}: needs a path on this machine, such as {scheme}:sessions or {scheme}:///var/lib/shop/sessions"
        );
        return Err(usage(ErrorKind::InvalidValue, &message).into());
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn paths_are_taken_as_they_are() {
        for (url, path) in [
            ("file:sessions", "sessions"),
            ("file:./a b%20c", "./a b%20c"),
            ("file:/var/lib/sessions", "/var/lib/sessions"),
            ("file:///var/lib/sessions", "/var/lib/sessions"),
            ("file://localhost/var/lib/sessions", "/var/lib/sessions"),
            ("sqlite:a:b.db", "a:b.db"),
            ("sqlite:///var/lib/sessions.db", "/var/lib/sessions.db"),
        ] {
            assert_eq!(path_of(url).unwrap(), Path::new(path), "{url}");
        }
        for url in ["file:", "file://", "file://server/share", "file://localhostess/x", "sqlite:", "sqlite://"] {
            assert!(path_of(url).is_err(), "{url}");
        }
    }
}
