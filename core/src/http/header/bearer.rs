//! `Authorization: Bearer` (RFC 6750 2.1).

const SCHEME: &str = "Bearer";

/// The token in a line, or `None` if the line has another scheme or no token.
///
/// The scheme ignores case, and one or more spaces follow it (RFC 9110 11.1 and 11.4).
pub(super) fn token(line: &str) -> Option<&str> {
    let (scheme, rest) = line.trim_ascii().split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest.trim_ascii())
}

/// The line for a token.
pub(super) fn credentials(token: &str) -> String {
    format!("{SCHEME} {token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_ignores_case_and_spaces_are_trimmed() {
        for line in ["Bearer x", "bearer x", "BEARER x", "bEaReR    x", "  Bearer x  ", "\tBearer x\t", "Bearer \tx"] {
            assert_eq!(token(line), Some("x"), "{line:?}");
        }
        assert_eq!(token(&credentials("x")), Some("x"));
    }

    #[test]
    fn other_schemes_and_lines_without_a_token_are_ignored() {
        for line in [
            "",
            " ",
            "x",
            "Bearer",
            "Bearer ",
            " Bearer  ",
            "Bearerx",
            "Bearer=x",
            "Bearer,x",
            "Bearer\tx",
            "Basic x",
            "Digest Bearer x",
            "Bearers x",
            "Beare x",
            "Bеarer x",
        ] {
            assert_eq!(token(line), None, "{line:?}");
        }
    }

    /// The header has one credential, not a list (RFC 9110 11.6.2). Everything after the scheme is one text. With a
    /// space or a comma in it, it is not an id.
    #[test]
    fn a_line_is_not_a_list() {
        assert_eq!(token("Bearer x, Bearer y"), Some("x, Bearer y"));
        assert_eq!(token("Bearer x y"), Some("x y"));
        assert_eq!(token("Basic x, Bearer y"), None);
    }
}
