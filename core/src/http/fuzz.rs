//! Entry points for fuzzers: raw header lines as a client or a handler may write them.

use super::{
    FieldName::{self, Authorization, CacheControl, Cookie, Custom, Vary},
    ResponseHeaders as _, Transport,
    caching::{never_stored, vary},
    fields::PlainHeaders,
};

/// A `Cookie` line with a good cookie among arbitrary bytes (before and after a line break): the good cookie is found,
/// and otherwise only cookies whose name is the same byte for byte.
pub fn cookie(data: &[u8]) {
    let (transport, id) = (Transport::default(), "A".repeat(43));
    let prefix = [transport.realm().as_bytes(), b"="].concat();
    let (before, after) = match data.iter().position(|&byte| byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b""[..]),
    };
    let line = [before, b"; ", &prefix, id.as_bytes(), b"; ", after].concat();
    let lines = |name| (name == Cookie).then_some(line.as_slice());
    let found: Vec<_> = transport.candidates(lines).collect();
    assert!(found.contains(&id.as_str()), "a good cookie is hidden");
    let pairs = line.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let same = pairs.filter(|pair| pair.starts_with(&prefix)).count();
    assert!(found.len() <= same, "something else was mistaken for the cookie");
}

/// Arbitrary headers: whatever can be an id is looked for where the settings say, and nowhere else.
pub fn headers(data: &[u8]) {
    const NAMES: [FieldName<'_>; 5] = [Custom("x-session"), Cookie, Vary, Authorization, CacheControl];
    let mut headers = PlainHeaders::default();
    for (line, name) in data.split(|&byte| byte == b'\n').zip(NAMES.into_iter().cycle()) {
        headers.add(name, line);
    }
    for (builder, name) in
        [(Transport::builder().header_only("X-Session"), NAMES[0]), (Transport::builder().bearer(), Authorization)]
    {
        let Ok(transport) = builder.build() else { return };
        let held = headers.lines(name).count();
        assert!(transport.candidates(|name| headers.lines(name)).count() <= held, "an id came from somewhere else");
        let _ = transport.location(|name| headers.lines(name), |text| text.len() == 43);
    }
    never_stored(&mut headers);
    let says_so = |line: &[u8]| line.to_ascii_lowercase().windows(8).any(|part| part == b"no-store");
    assert!(headers.lines(CacheControl).any(says_so), "a cache may store it");
    // It is added at most once, whatever the handler set.
    vary(&mut headers, Cookie);
    let lines = headers.lines(Vary).count();
    vary(&mut headers, Cookie);
    assert_eq!(headers.lines(Vary).count(), lines, "a field was added to Vary twice");
}
