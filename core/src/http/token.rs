//! Names in HTTP.

/// Maximum length of a cookie or header name. Servers and proxies limit the head of a message, and a cookie's name and
/// an id of 512 characters must fit into the 4096 bytes that browsers allow for the two (RFC 6265bis 5.6).
const LONGEST: usize = 256;

/// Whether a text can be the name of a cookie (RFC 6265 4.1.1) or of a header (RFC 9110 5.1): a token (RFC 9110 5.6.2).
pub(super) fn is_name(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens() {
        for text in ["a", "X-Session", "__Host-sid", "!#$%&'*+-.^_`|~09", &"x".repeat(256)] {
            assert!(is_name(text), "{text}");
        }
        for text in ["", "a b", "a;b", "a:b", "a=b", "a,b", "a\"b", "ä", "a\r\nb", "a\0", "\u{7f}", &"x".repeat(257)] {
            assert!(!is_name(text), "{text:?}");
        }
    }
}
