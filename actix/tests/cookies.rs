//! How ids travel and what responses say to browsers and caches (H1 to H4).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, test::TestRequest, web};
use gsession::{MemoryStorage, SessionId};
use gsession_actix::{
    ConfigError, CookieMaxAge, SameSite, Session, SessionExt, SessionMiddleware, SessionMiddlewareBuilder,
};
use support::{
    ATTRIBUTES, NAME,
    client::{Client, client},
    ids::planted,
    place::Place,
    removal,
    server::Server,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HEADER: &str = "x-session";

#[actix_web::test]
async fn the_default_cookie_is_the_strictest_that_works() {
    for sessions in [SessionMiddleware::new(MemoryStorage::new()), Place::memory().sessions()] {
        let client = Client::of(sessions).await;
        let answer = client.new_does("set").await;
        let id = answer.issued();
        let line = format!("__Host-Http-gsession={}; Path=/; Secure; HttpOnly; SameSite=Lax", id.as_str());
        assert_eq!(answer.cookies(), [line]);
        assert_eq!(
            client.does(&id, "destroy").await.cookies(),
            [
                "__Host-Http-gsession=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
            ]
        );
    }
}

type Configure = fn(SessionMiddlewareBuilder) -> SessionMiddlewareBuilder;

#[actix_web::test]
async fn attributes_are_as_configured_and_removal_repeats_them() {
    let cases: [(Configure, &str, &str, &str); 9] = [
        (|b| b.cookie_secure(false), "gsession", "; Path=/; HttpOnly; SameSite=Lax", ""),
        (|b| b.cookie_name("sid"), "sid", "; Path=/; Secure; HttpOnly; SameSite=Lax", ""),
        (|b| b.cookie_same_site(SameSite::Strict), NAME, "; Path=/; Secure; HttpOnly; SameSite=Strict", ""),
        (|b| b.cookie_same_site(SameSite::None), NAME, "; Path=/; Secure; HttpOnly; SameSite=None", ""),
        (
            |b| b.cookie_same_site(SameSite::None).cookie_partitioned(true),
            NAME,
            "; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
            "",
        ),
        (
            |b| b.cookie_name("__Http-a").cookie_path("/do").cookie_partitioned(true).cookie_max_age(DAY),
            "__Http-a",
            "; Path=/do; Secure; HttpOnly; SameSite=Lax; Partitioned",
            "; Max-Age=86400",
        ),
        (
            |b| b.cookie_domain("example.org"),
            "gsession",
            "; Path=/; Domain=example.org; Secure; HttpOnly; SameSite=Lax",
            "",
        ),
        (|b| b.cookie_path("/do"), "gsession", "; Path=/do; Secure; HttpOnly; SameSite=Lax", ""),
        (
            |b| b.cookie_name("__Secure-a").cookie_path("/do").cookie_max_age(DAY),
            "__Secure-a",
            "; Path=/do; Secure; HttpOnly; SameSite=Lax",
            "; Max-Age=86400",
        ),
    ];
    for (configure, name, attributes, age) in cases {
        let place = Place::memory();
        let client = Client::of(configure(place.builder()).build().unwrap()).await;
        let id = client.new_does("set").await.issued_as(name, &format!("{attributes}{age}"));
        let gone = client.with_cookie(&format!("{name}={}", id.as_str()), "destroy").await;
        assert_eq!(gone.cookies(), [format!("{name}={attributes}{}", support::REMOVED)]);
        assert_eq!(place.living(), 0);
    }
}

#[actix_web::test]
async fn odd_ages_neither_panic_nor_break() {
    let cases: [(CookieMaxAge, &str); 10] = [
        (CookieMaxAge::BrowserSession, ""),
        (Duration::ZERO.into(), ""),
        (CookieMaxAge::Fixed(Duration::ZERO), "; Max-Age=1"),
        (Duration::from_nanos(1).into(), "; Max-Age=1"),
        (Duration::from_millis(999).into(), "; Max-Age=1"),
        (Duration::from_millis(1_001).into(), "; Max-Age=2"),
        (DAY.into(), "; Max-Age=86400"),
        ((400 * DAY).into(), "; Max-Age=34560000"),
        ((400 * DAY + Duration::from_nanos(1)).into(), "; Max-Age=34560000"),
        (Duration::MAX.into(), "; Max-Age=34560000"),
    ];
    for (age, expected) in cases {
        let client = Client::of(Place::memory().builder().cookie_max_age(age).build().unwrap()).await;
        client.new_does("set").await.issued_as(NAME, &format!("{ATTRIBUTES}{expected}"));
    }
}

#[actix_web::test]
async fn a_cookie_for_the_lifetime_ends_with_the_session() {
    for (idle, absolute, age) in [
        (DAY, None, 86_400),
        (DAY, Some(DAY / 2), 43_200),
        (Duration::MAX, None, 34_560_000),
        (Duration::MAX, Some(Duration::MAX), 34_560_000),
        (Duration::from_millis(1_500), None, 2),
        (Duration::from_millis(1), None, 1),
    ] {
        let place = Place::memory();
        let mut builder = place.builder().idle_timeout(idle).cookie_max_age(CookieMaxAge::Lifetime);
        if let Some(absolute) = absolute {
            builder = builder.absolute_lifetime(absolute);
        }
        let client = Client::of(builder.build().unwrap()).await;
        client.new_does("set").await.issued_as(NAME, &format!("{ATTRIBUTES}; Max-Age={age}"));
    }
}

/// The absolute lifetime shows in the cookie as it comes near.
#[actix_web::test]
async fn a_cookie_for_the_lifetime_follows_the_deadline() {
    let place = Place::memory();
    let builder = place.builder().idle_timeout(DAY).absolute_lifetime(2 * DAY);
    let client = Client::of(builder.cookie_max_age(CookieMaxAge::Lifetime).build().unwrap()).await;
    let id = client.new_does("set").await.issued_as(NAME, &format!("{ATTRIBUTES}; Max-Age=86400"));
    place.clock.advance(DAY / 2);
    assert_eq!(client.does(&id, "get").await.issued_as(NAME, &format!("{ATTRIBUTES}; Max-Age=86400")), id);
    place.clock.advance(DAY * 3 / 4);
    assert_eq!(client.does(&id, "set").await.issued_as(NAME, &format!("{ATTRIBUTES}; Max-Age=64800")), id);
}

/// A client of a middleware with a header beside the cookie.
async fn both_ways(place: &Place) -> Client {
    Client::of(place.builder().header_name(HEADER).build().unwrap()).await
}

#[actix_web::test]
async fn a_client_that_presents_nothing_gets_its_id_both_ways() {
    let place = Place::memory();
    let client = both_ways(&place).await;
    let answer = client.new_does("set:user=ada").await;
    let id = answer.issued();
    assert_eq!(answer.all(HEADER), [id.as_str()]);
    assert_eq!(answer.all("vary"), ["Cookie", HEADER]);
    assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
    assert_eq!(client.with_header(HEADER, id.as_str(), "get").await.body, "\"ada\"");
    // Header names do not depend on case, values do not on white space around them.
    assert_eq!(client.with_header("X-SESSION", &format!(" {} ", id.as_str()), "get").await.body, "\"ada\"");
}

#[actix_web::test]
async fn the_answer_goes_the_way_the_question_came() {
    let place = Place::memory();
    let client = both_ways(&place).await;
    let id = client.login().await;
    let by_cookie = client.does(&id, "renew").await;
    let id = by_cookie.issued();
    assert_eq!(by_cookie.all(HEADER), [""; 0], "a script has no business with the id of an HttpOnly cookie");

    let by_header = client.with_header(HEADER, id.as_str(), "renew").await;
    by_header.no_cookie();
    let [renewed] = by_header.all(HEADER)[..] else { panic!("{:?}", by_header.headers) };
    let renewed = SessionId::parse(renewed).unwrap();
    assert_ne!(renewed, id);
    assert!(place.record(&renewed).is_some());
    assert_eq!(by_header.all("cache-control"), ["no-store"]);

    // There is no way to withdraw a header.
    let gone = client.with_header(HEADER, renewed.as_str(), "destroy").await;
    gone.no_cookie();
    assert_eq!(gone.all(HEADER), [""; 0]);
    assert_eq!(place.living(), 0);
}

#[actix_web::test]
async fn the_cookie_counts_before_the_header() {
    let place = Place::memory();
    let client = both_ways(&place).await;
    let (ada, bob) = (client.new_does("set:user=ada").await.issued(), client.new_does("set:user=bob").await.issued());
    let both = |path: &str| {
        let cookie = ("cookie", format!("{NAME}={}", ada.as_str()));
        TestRequest::get().uri(path).insert_header(cookie).insert_header((HEADER, bob.as_str()))
    };
    assert_eq!(client.send(both("/do/get")).await.body, "\"ada\"");
    let answer = client.send(both("/do/renew")).await;
    // It is not said which of the two counted, so both learn the new id.
    assert_eq!(answer.all(HEADER), [answer.issued().as_str()]);
    assert!(place.record(&bob).is_some());
}

/// A cookie that cannot be an id must not stand in for the header that is one.
#[actix_web::test]
async fn a_broken_cookie_does_not_turn_the_answer_away_from_the_header() {
    let place = Place::memory();
    let client = both_ways(&place).await;
    let id = client.new_does("set:user=ada").await.issued();
    let request = |path: &str| {
        let cookie = ("cookie", format!("{NAME}=broken"));
        TestRequest::get().uri(path).insert_header(cookie).insert_header((HEADER, id.as_str()))
    };
    assert_eq!(client.send(request("/do/get")).await.body, "\"ada\"");
    let answer = client.send(request("/do/renew")).await;
    let [renewed] = answer.all(HEADER)[..] else {
        panic!("the client came by header and does not learn its new id there: {:?}", answer.headers)
    };
    assert!(place.record(&SessionId::parse(renewed).unwrap()).is_some());
}

#[actix_web::test]
async fn header_only_neither_reads_nor_sets_cookies() {
    let place = Place::memory();
    let client = Client::of(place.builder().header_only(HEADER).build().unwrap()).await;
    let answer = client.new_does("set:user=ada").await;
    answer.no_cookie();
    assert_eq!(answer.all("vary"), [HEADER]);
    assert_eq!(answer.all("cache-control"), ["no-store"]);
    let id = SessionId::parse(answer.all(HEADER)[0]).unwrap();
    assert_eq!(client.with_header(HEADER, id.as_str(), "get").await.body, "\"ada\"");
    let by_cookie = client.does(&id, "get").await;
    assert_eq!(by_cookie.body, "-");
    by_cookie.no_cookie();
    client.with_header(HEADER, planted().as_str(), "get").await.no_cookie();
    client.with_header(HEADER, id.as_str(), "destroy").await.no_cookie();
    assert_eq!(place.living(), 0);
}

#[actix_web::test]
async fn without_cookie_output_cookies_are_read_and_never_set() {
    let place = Place::memory();
    let sessions = place.builder().header_name(HEADER).cookie_output(false).build().unwrap();
    let client = Client::of(sessions).await;
    let answer = client.new_does("set:user=ada").await;
    answer.no_cookie();
    let id = SessionId::parse(answer.all(HEADER)[0]).unwrap();
    assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
    let answer = client.does(&id, "renew").await;
    answer.no_cookie();
    let id = SessionId::parse(answer.all(HEADER)[0]).unwrap();
    for steps in ["get", "set", "destroy"] {
        client.does(&id, steps).await.no_cookie();
    }
    client.does(&planted(), "get").await.no_cookie();
}

#[actix_web::test]
async fn an_id_is_never_read_from_anywhere_else() {
    let place = Place::memory();
    let client = both_ways(&place).await;
    let id = client.new_does("set:user=ada").await.issued();
    place.asked();
    let id = id.as_str();
    for query in [NAME, "gsession", HEADER, "sid", "sessionid", "gfsessionid"] {
        let request = TestRequest::get().uri(&format!("/do/get?{query}={id}"));
        assert_eq!(client.send(request).await.body, "-", "{query}");
    }
    for (name, value) in [
        ("authorization", format!("Bearer {id}")),
        ("x-gsession", id.to_owned()),
        (NAME, id.to_owned()),
        ("cookie2", format!("{NAME}={id}")),
        ("set-cookie", format!("{NAME}={id}")),
        ("cookie", format!("gsession={id}")),
        ("cookie", format!("{HEADER}={id}")),
        ("cookie", format!("{}={id}", NAME.to_lowercase())),
    ] {
        let answer = client.with_header(name, &value, "get").await;
        assert_eq!(answer.body, "-", "{name}: {value}");
        answer.no_cookie();
    }
    assert_eq!(place.asked(), []);
}

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

#[actix_web::test]
async fn whoever_uses_the_session_varies_by_cookie() {
    let place = Place::memory();
    let client = Client::of(place.sessions()).await;
    let id = client.login().await;
    for steps in ["get", "set", "id", "destroy", "passive,get", "get,status:404", "get,fail:400", "get,status:500"] {
        let answer = client.does(&id, steps).await;
        assert_eq!(answer.all("vary"), ["Cookie"], "{steps}");
        let fresh = client.new_does(steps).await;
        assert_eq!(fresh.all("vary"), ["Cookie"], "{steps}");
    }
    assert_eq!(client.does(&id, "hold,vary:Accept").await.all("vary"), ["Accept"]);
}

#[actix_web::test]
async fn vary_is_added_to_what_the_handler_says_and_never_twice() {
    let client = both_ways(&Place::memory()).await;
    for (handler, expected) in [
        ("vary:Accept", ["Accept", "Cookie", HEADER].as_slice()),
        ("vary:cookie", &["cookie", HEADER]),
        ("vary:X-Session", &["X-Session", "Cookie"]),
        ("vary:Cookies", &["Cookies", "Cookie", HEADER]),
        ("vary:accept;cookie", &["accept;cookie", "Cookie", HEADER]),
        ("vary:Accept,vary:COOKIE", &["Accept", "COOKIE", HEADER]),
        ("vary:*", &["*"]),
    ] {
        assert_eq!(client.new_does(&format!("get,{handler}")).await.all("vary"), expected, "{handler}");
    }
}

/// A list on one line, which the path of a script cannot hold.
#[actix_web::test]
async fn vary_is_read_as_a_list() {
    async fn handler(req: HttpRequest) -> HttpResponse {
        let _ = req.get_session().id();
        HttpResponse::Ok().insert_header(("vary", req.headers().get("x-vary").unwrap().clone())).finish()
    }
    let app = App::new().wrap(Place::memory().sessions()).route("/", web::get().to(handler));
    let client = client!(app);
    for (list, expected) in [
        ("Accept, Cookie", ["Accept, Cookie"].as_slice()),
        ("Accept ,\tcookie", &["Accept ,\tcookie"]),
        ("Accept, *", &["Accept, *"]),
        ("Accept, Accept-Language", &["Accept, Accept-Language", "Cookie"]),
    ] {
        let request = TestRequest::get().uri("/").insert_header(("x-vary", list));
        assert_eq!(client.send(request).await.all("vary"), expected);
    }
}

#[actix_web::test]
async fn what_sets_a_cookie_is_not_stored_by_caches() {
    let place = Place::memory();
    let client = Client::of(place.sessions()).await;
    let login = client.new_does("set").await;
    assert_eq!(login.all("cache-control"), ["no-store"]);
    let id = login.issued();
    for steps in ["get", "set", "get,set,cache:max-age=5"] {
        let answer = client.does(&id, steps).await;
        assert!(!answer.all("cache-control").contains(&"no-store"), "{steps} sets no cookie");
    }
    let own = client.new_does("set,cache:private").await;
    own.issued();
    assert_eq!(own.all("cache-control"), ["private"], "the handler has chosen its own");
    let gone = client.does(&id, "destroy").await;
    assert_eq!((gone.cookies(), gone.all("cache-control")), (vec![removal().as_str()], vec!["no-store"]));
}

#[actix_web::test]
async fn other_cookies_of_the_handler_stay() {
    async fn handler(session: Session) -> HttpResponse {
        session.set("n", &1).unwrap();
        HttpResponse::Ok().insert_header(("set-cookie", "theme=dark")).finish()
    }
    let app = App::new().wrap(Place::memory().sessions()).route("/", web::get().to(handler));
    let answer = client!(app).send(TestRequest::get().uri("/")).await;
    assert_eq!(answer.cookies().len(), 2);
    assert_eq!(answer.cookies()[0], "theme=dark");
}

#[test]
fn contradictory_settings_are_refused() {
    let built = |configure: Configure| configure(SessionMiddleware::builder(MemoryStorage::new())).build();
    let refused = |configure: Configure| built(configure).expect_err("it cannot work");
    assert_eq!(
        refused(|b| b.cookie_name("__Host-a").cookie_domain("example.org")),
        ConfigError::HostPrefix("__Host-a".into())
    );
    assert_eq!(refused(|b| b.cookie_name("__host-a").cookie_path("/a")), ConfigError::HostPrefix("__host-a".into()));
    assert_eq!(
        refused(|b| b.cookie_name("__Host-a").cookie_secure(false)),
        ConfigError::PrefixNeedsSecure("__Host-a".into())
    );
    assert_eq!(
        refused(|b| b.cookie_name("__Secure-a").cookie_secure(false)),
        ConfigError::PrefixNeedsSecure("__Secure-a".into())
    );
    assert_eq!(
        refused(|b| b.cookie_same_site(SameSite::None).cookie_secure(false)),
        ConfigError::SameSiteNoneNeedsSecure
    );
    for name in ["__Http-a", "__http-a", "__Host-Http-a", "__HOST-http-a"] {
        let refused = SessionMiddleware::builder(MemoryStorage::new()).cookie_name(name).cookie_secure(false).build();
        assert_eq!(refused.expect_err(name), ConfigError::PrefixNeedsSecure(name.into()));
    }
    assert_eq!(
        refused(|b| b.cookie_name("__Host-Http-a").cookie_domain("example.org")),
        ConfigError::HostPrefix("__Host-Http-a".into())
    );
    assert_eq!(
        refused(|b| b.cookie_name("__host-http-a").cookie_path("/a")),
        ConfigError::HostPrefix("__host-http-a".into())
    );
    assert_eq!(refused(|b| b.cookie_partitioned(true).cookie_secure(false)), ConfigError::PartitionedNeedsSecure);
    assert_eq!(refused(|b| b.cookie_output(false)), ConfigError::NoWayOut);
    for name in ["", "a b", "a;b", "a=b", "a\r\nSet-Cookie: b=c"] {
        let refused = SessionMiddleware::builder(MemoryStorage::new()).cookie_name(name).build();
        assert_eq!(refused.expect_err(name), ConfigError::CookieName(name.into()));
    }
    for name in ["", "a b", "a:b", "a\r\nb"] {
        let refused = SessionMiddleware::builder(MemoryStorage::new()).header_name(name).build();
        assert_eq!(refused.expect_err(name), ConfigError::HeaderName(name.into()));
        assert!(SessionMiddleware::builder(MemoryStorage::new()).header_only(name).build().is_err(), "{name}");
    }
    for path in ["", "do", "/;Domain=evil.example", "/\r\n"] {
        let refused = SessionMiddleware::builder(MemoryStorage::new()).cookie_path(path).build();
        assert_eq!(refused.expect_err(path), ConfigError::CookiePath(path.into()));
    }
    for domain in ["", ".", "a;Path=/", "a b"] {
        let refused = SessionMiddleware::builder(MemoryStorage::new()).cookie_domain(domain).build();
        assert_eq!(refused.expect_err(domain), ConfigError::CookieDomain(domain.into()));
    }
    let too_short: [Configure; 2] =
        [|b| b.idle_timeout(Duration::ZERO), |b| b.absolute_lifetime(Duration::from_nanos(1))];
    for configure in too_short {
        assert!(matches!(refused(configure), ConfigError::Lifetime(_)));
    }
    let fine: [Configure; 7] = [
        |b| b.cookie_name("__Host-a"),
        |b| b.cookie_name("__Host-Http-a").cookie_partitioned(true),
        |b| b.cookie_name("__Http-a").cookie_domain("example.org").cookie_path("/a"),
        |b| b.cookie_secure(false).cookie_partitioned(false),
        |b| b.cookie_same_site(SameSite::None),
        |b| b.cookie_secure(false).cookie_path("/a"),
        |b| b.idle_timeout(Duration::MAX).absolute_lifetime(Duration::MAX),
    ];
    for configure in fine {
        assert!(built(configure).is_ok());
    }
}
