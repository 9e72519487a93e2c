//! What a response tells caches: `Vary` and `Cache-Control`.

use super::{
    FieldName::{self, CacheControl, Vary},
    FieldValue, ResponseHeaders,
};

/// Adds a field name to `Vary`, unless it is there, or `*` is (RFC 9110 12.5.5).
pub(super) fn vary(headers: &mut impl ResponseHeaders, name: FieldName<'_>) {
    let wanted = name.as_str().as_bytes();
    let is_named = headers.lines(Vary).any(|line| {
        let mut names = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        names.any(|held| held == b"*" || held.eq_ignore_ascii_case(wanted))
    });
    if !is_named {
        headers.append(Vary, FieldValue::Name(name));
    }
}

/// Keeps a response with an id out of caches, unless the handler set its own rule ([R14](crate::design#r14)).
pub(super) fn not_stored(headers: &mut impl ResponseHeaders) {
    let is_chosen = headers.lines(CacheControl).next().is_some();
    if !is_chosen {
        headers.insert(CacheControl, FieldValue::NoStore);
    }
}

/// Keeps a response out of every cache, whatever the handler set. The handler's lines stay if they already do so.
pub(super) fn never_stored(headers: &mut impl ResponseHeaders) {
    let is_said = headers.lines(CacheControl).any(says_no_store);
    if !is_said {
        headers.insert(CacheControl, FieldValue::NoStore);
    }
}

/// Whether `no-store` is among the directives of a line (RFC 9111 5.2). A comma inside quotes does not separate
/// directives.
fn says_no_store(line: &[u8]) -> bool {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mut directives = line.split(|&byte| {
        let is_literal = std::mem::take(&mut is_escaped);
        match byte {
            b'\\' if is_quoted && !is_literal => is_escaped = true,
            b'"' if !is_literal => is_quoted = !is_quoted,
            _ => {}
        }
        byte == b',' && !is_quoted
    });
    directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_store_is_found_where_it_is_a_directive() {
        for line in [
            "no-store",
            "No-Store",
            " no-store ",
            "private, no-store",
            "no-store,max-age=0",
            "max-age=0 ,\tno-store\t, private",
            r#"private="set-cookie, x", no-store"#,
            r#"ext="a\"b", no-store"#,
            r#"ext="a\\", no-store"#,
        ] {
            assert!(says_no_store(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            ",",
            "no-stores",
            "xno-store",
            "no-store=1",
            "no-cache",
            "private",
            "no store",
            r#"ext="a, no-store, b""#,
            r#"ext="a\", no-store, b""#,
            r#"ext="never closed, no-store"#,
            r#""no-store""#,
        ] {
            assert!(!says_no_store(line.as_bytes()), "{line}");
        }
        assert!(says_no_store(b"\xff, no-store"));
    }
}
