//! A header instead of the cookie or beside it, and nothing else.

use gsession::SessionId;

use super::{HEADER, both_ways};
use crate::support::{NAME, client::Client, ids::planted, place::Place, request::Request};

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
async fn the_cookie_counts_before_the_header() {
    let place = Place::memory();
    let client = both_ways(&place).await;
    let (ada, bob) = (client.new_does("set:user=ada").await.issued(), client.new_does("set:user=bob").await.issued());
    let both = |path: &str| {
        let cookie = format!("{NAME}={}", ada.as_str());
        Request::get(path).header("cookie", cookie).header(HEADER, bob.as_str())
    };
    assert_eq!(client.send(both("/do/get")).await.body, "\"ada\"");
    let answer = client.send(both("/do/renew")).await;
    // It is not said which of the two counted, so both learn the new id.
    assert_eq!(answer.all(HEADER), [answer.issued().as_str()]);
    assert!(place.record(&bob).is_some());
}

/// A cookie that cannot be an id must not stand in for the header that is one.
#[tokio::test]
async fn a_broken_cookie_does_not_turn_the_answer_away_from_the_header() {
    let place = Place::memory();
    let client = both_ways(&place).await;
    let id = client.new_does("set:user=ada").await.issued();
    let request =
        |path: &str| Request::get(path).header("cookie", format!("{NAME}=broken")).header(HEADER, id.as_str());
    assert_eq!(client.send(request("/do/get")).await.body, "\"ada\"");
    let answer = client.send(request("/do/renew")).await;
    let [renewed] = answer.all(HEADER)[..] else {
        panic!("the client came by header and does not learn its new id there: {:?}", answer.headers)
    };
    assert!(place.record(&SessionId::parse(renewed).unwrap()).is_some());
}

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
async fn an_id_is_never_read_from_anywhere_else() {
    let place = Place::memory();
    let client = both_ways(&place).await;
    let id = client.new_does("set:user=ada").await.issued();
    place.asked();
    let id = id.as_str();
    for query in [NAME, "gsession", HEADER, "sid", "sessionid", "gfsessionid"] {
        let request = Request::get(format!("/do/get?{query}={id}"));
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
