//! Reading the `Cookie` header as raw bytes ([H2](crate::design#h2)).
//!
//! If a parser percent-decodes names or trims Unicode white space, a forged neighbour can pose as a `__Host-` cookie.
//! If it needs the whole line to be UTF-8, a single byte can hide every cookie. actix-web's `cookies()` does both.

use memchr::memchr;

/// The values of all cookies in a line whose name is, byte for byte, `name`. Values that are not UTF-8 are skipped, as
/// ids are ASCII.
pub(in crate::http) fn values<'a>(line: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a str> {
    pairs(line).filter_map(move |pair| {
        let value = pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value.trim_ascii_end()).ok()
    })
}

/// The parts of a line between semicolons. Every request with a cookie comes through here, so the search is not byte by byte.
fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest.take()?;
        let Some((pair, behind)) = memchr(b';', line).and_then(|at| line.split_at_checked(at)) else {
            return Some(line);
        };
        rest = behind.get(1..);
        Some(pair)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<'a>(line: &'a [u8], name: &'a str) -> Vec<&'a str> {
        values(line, name).collect()
    }

    #[test]
    fn finds_the_exact_name_only() {
        assert_eq!(all(b"a=1; sid=x; b=2", "sid"), ["x"]);
        for line in ["SID=x", "sid2=x", "xsid=x", "%73id=x", "sid%3dx", "sid =x", "sid", "", "=x", ";;;"] {
            assert!(all(line.as_bytes(), "sid").is_empty(), "{line}");
        }
    }

    #[test]
    fn a_forged_host_prefix_does_not_match() {
        // CVE-2020-7070 and related: percent-encoded and Unicode-padded names must not pose as the prefixed cookie.
        for line in [
            "__%48ost-sid=x",
            "%5f_Host-sid=x",
            "\u{a0}__Host-sid=x",
            "\u{2003}__Host-sid=x",
            "__host-sid=x",
            "\u{b}__Host-sid\u{b}=x",
        ] {
            assert!(all(line.as_bytes(), "__Host-sid").is_empty(), "{line}");
        }
    }

    #[test]
    fn broken_neighbours_hide_nothing() {
        assert_eq!(all(b"\xff\xfe=1; sid=x", "sid"), ["x"]);
        assert_eq!(all(b"junk; =; ;;a==b; sid=x; sid=\xff; sid=y", "sid"), ["x", "y"]);
        assert_eq!(all(b"sid=a=b ;x", "sid"), ["a=b"]);
    }
}
