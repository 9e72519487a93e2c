//! Doors for fuzzers into what reads headers. Not part of the public interface: they change without notice.

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, HeaderMap, HeaderName, HeaderValue, VARY};

use crate::{
    cookie,
    header::SessionHeader,
    transport::{Transport, never_stored, vary},
};

const NAME: &str = "__Host-Http-gsession";

/// A `Cookie` header with a good cookie between whatever there is (before and after a line break): it is found, and nothing
/// is that is not, byte for byte, a cookie of that name.
pub fn cookie(data: &[u8]) {
    let id = "A".repeat(43);
    let (before, after) = match data.iter().position(|&byte| byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b""[..]),
    };
    let line = [before, b"; ", NAME.as_bytes(), b"=", id.as_bytes(), b"; ", after].concat();
    let Ok(value) = HeaderValue::from_bytes(&line) else { return };
    let mut headers = HeaderMap::new();
    headers.append(COOKIE, value);
    let found: Vec<_> = cookie::values(&headers, NAME).collect();
    assert!(found.contains(&id.as_str()), "a good cookie is hidden");
    let prefix = [NAME.as_bytes(), b"="].concat();
    let pairs = line.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let same = pairs.filter(|pair| pair.starts_with(&prefix)).count();
    assert!(found.len() <= same, "something else was taken for the cookie");
}

/// Any headers: whatever can be an id is looked for where it is configured to be and nowhere else.
pub fn headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for (number, part) in data.split(|&byte| byte == b'\n').enumerate() {
        let names = [HeaderName::from_static("x-session"), COOKIE, VARY, AUTHORIZATION, CACHE_CONTROL];
        let name = names[number % names.len()].clone();
        if let Ok(value) = HeaderValue::from_bytes(part) {
            headers.append(name, value);
        }
    }
    let Ok(named) = SessionHeader::named("x-session") else { return };
    for header in [named, SessionHeader::bearer()] {
        let held = headers.get_all(header.name()).count();
        let transport =
            Transport { cookie: None, cookie_output: false, header: Some(header), no_store_when_logged_in: false };
        assert!(transport.candidates(&headers).count() <= held, "an id came from somewhere else");
        transport.via(&headers, |text| text.len() == 43);
    }
    never_stored(&mut headers);
    let says_so = |line: &HeaderValue| line.as_bytes().to_ascii_lowercase().windows(8).any(|part| part == b"no-store");
    assert!(headers.get_all(CACHE_CONTROL).any(says_so), "a cache may store it");
    // It is added once at most, whatever the handler said.
    vary(&mut headers, HeaderValue::from_static("Cookie"));
    let lines = headers.get_all(VARY).count();
    vary(&mut headers, HeaderValue::from_static("Cookie"));
    assert_eq!(headers.get_all(VARY).count(), lines, "a field was added to Vary twice");
}
