//! What a `Cookie` header may hold besides. Through a real server, so that nothing but the middleware looks at the bytes.

use crate::support::{NAME, ids::planted, place::Place, server::Server};

/// Through a real server, so that nothing but the middleware looks at the bytes.
#[test]
fn the_cookie_header_is_read_as_bytes() {
    let place = Place::memory();
    let server = Server::of(place.sessions());
    let first = server.ask("/do/set:user=ada", &[]);
    assert_eq!(first.status(), 200);
    let line = first.cookies()[0].to_owned();
    let good = line.split(';').next().unwrap().as_bytes();
    let id = &good[NAME.len() + 1..];
    let with = |parts: &[&[u8]]| {
        let header = [b"Cookie: ".as_slice(), &parts.concat()].concat();
        server.ask("/do/get", &[&header])
    };

    // Broken neighbours hide nothing.
    for before in [
        b"a=\xff\xfe; ".as_slice(),
        b"\xff=1; ",
        b"a=\"unclosed; ",
        b"=; ;;; ",
        b"; ",
        b"junk; ",
        b"%%%=%; ",
        b"__Host-Http-gsession; ",
        b"__Host-Http-gsession=; ",
        b"__Host-Http-gsession=short; ",
        b"__Host-Http-gsession=\xff; ",
        b"\xc2\xa0__Host-Http-gsession=x; ",
        b"__Host-Http-gsession2=x; x__Host-Http-gsession=y; ",
    ] {
        let answer = with(&[before, good]);
        assert_eq!((answer.status(), answer.body()), (200, "\"ada\""), "{:?}", String::from_utf8_lossy(before));
        assert_eq!(answer.cookies(), [""; 0]);
        let after = with(&[good, b"; ", before.strip_suffix(b"; ").unwrap()]);
        assert_eq!((after.status(), after.body()), (200, "\"ada\""), "{:?}", String::from_utf8_lossy(before));
    }
    // White space around a pair belongs to neither the name nor the value.
    assert_eq!(with(&[b"a=1;\t ", good, b" \t; b=2"]).body(), "\"ada\"");
    // Nor does another line of the header hide it, before or after.
    let line = [b"Cookie: ".as_slice(), good].concat();
    for other in [b"Cookie: a=\xff".as_slice(), b"Cookie: __Host-Http-gsession=broken", b"Cookie:"] {
        for lines in [[other, &line], [&line, other]] {
            assert_eq!(server.ask("/do/get", &lines).body(), "\"ada\"");
        }
    }
    // A forged name does not stand in for the cookie, and is not answered either.
    for name in [
        b"__%48ost-Http-gsession".as_slice(),
        b"%5f_Host-Http-gsession",
        b"__Host-Http%2dgsession",
        b"__host-http-gsession",
        b"__HOST-HTTP-GSESSION",
        b"\xc2\xa0__Host-Http-gsession",
        b"\xe2\x80\x83__Host-Http-gsession",
        b"__Host-Http-gsession\xc2\xa0",
        b"\xff__Host-Http-gsession",
        b"__Host-Http-gsession ",
        b"gsession",
        b"__Host-gsession",
        b"__Http-gsession",
        b"a=b=__Host-Http-gsession",
        b"\"__Host-Http-gsession\"",
    ] {
        let answer = with(&[name, b"=", id]);
        assert_eq!((answer.status(), answer.body()), (200, "-"), "{:?}", String::from_utf8_lossy(name));
        assert_eq!(answer.cookies(), [""; 0], "{:?}", String::from_utf8_lossy(name));
    }
    // Values are not decoded or stripped.
    let (head, last) = id.split_at(id.len() - 1);
    let encoded = [head, format!("%{:02x}", last[0]).as_bytes()].concat();
    for value in [encoded, [b"\"".as_slice(), id, b"\""].concat(), [b"\xc2\xa0".as_slice(), id].concat()] {
        let answer = with(&[b"__Host-Http-gsession=", &value]);
        assert_eq!((answer.status(), answer.body()), (200, "-"), "{:?}", String::from_utf8_lossy(&value));
    }
}

/// Of two that open something the first counts; one that opens nothing, left over or planted under another path, hides
/// neither (R22), and the good one is not withdrawn because of it.
#[test]
fn of_two_good_cookies_the_first_counts() {
    let place = Place::memory();
    let server = Server::of(place.sessions());
    let login = |name: &str| {
        let answer = server.ask(&format!("/do/set:user={name}"), &[]);
        answer.cookies()[0].split(';').next().unwrap().to_owned()
    };
    let (ada, bob) = (login("ada"), login("bob"));
    let get = |line: String| server.ask("/do/get", &[line.as_bytes()]).body().to_owned();
    assert_eq!(get(format!("Cookie: {ada}; {bob}")), "\"ada\"");
    assert_eq!(get(format!("Cookie: {bob}; {ada}")), "\"bob\"");
    let planted = format!("Cookie: {NAME}={}; {ada}", planted().as_str());
    assert_eq!(get(planted.clone()), "\"ada\"");
    assert!(server.ask("/do/get", &[planted.as_bytes()]).cookies().is_empty());
}
