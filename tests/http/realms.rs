//! An id works only where it was issued, whatever storage is shared (S13, R26).

use gsession::{ClientInfo, Realm, SessionId};

use crate::{
    framework::{Builder, Sessions},
    support::{
        answer::Answer,
        client::Client,
        place::{KINDS, Place},
        request::Request,
    },
};

/// The shop, its admin area and its mobile API, on one storage.
fn areas(place: &Place) -> [(Sessions, &'static str); 4] {
    let builder = || Sessions::builder(place.storage()).clock(place.clock.clone());
    let build = |builder: Builder| builder.build().unwrap();
    [
        (build(builder().cookie_name("shop")), "cookie"),
        (build(builder().cookie_name("admin")), "cookie"),
        (build(builder().header_only("X-Api-Session")), "x-api-session"),
        (build(builder().bearer()), "authorization"),
    ]
}

/// A request that presents an id as the clients of an area do.
async fn presenting(client: &Client, area: usize, id: &SessionId, steps: &str) -> Answer {
    let (name, value) = match area {
        0 => ("cookie", format!("shop={}", id.as_str())),
        1 => ("cookie", format!("admin={}", id.as_str())),
        2 => ("x-api-session", id.as_str().to_owned()),
        _ => ("authorization", format!("Bearer {}", id.as_str())),
    };
    client.with_header(name, &value, steps).await
}

/// The id that an area has issued.
fn issued(answer: &Answer, by: &str) -> SessionId {
    let text = match by {
        "cookie" => answer.cookies()[0].split(['=', ';']).nth(1).unwrap(),
        "authorization" => answer.all(by)[0].strip_prefix("Bearer ").unwrap(),
        header => answer.all(header)[0],
    };
    SessionId::parse(text).unwrap()
}

#[tokio::test]
async fn an_id_opens_nothing_in_another_area() {
    for kind in KINDS {
        let place = Place::new(kind);
        let areas = areas(&place);
        for (home, (sessions, by)) in areas.iter().enumerate() {
            let client = Client::of(sessions.clone()).await;
            let id = issued(&client.new_does("set:user=ada,principal:ada").await, by);
            assert_eq!(presenting(&client, home, &id, "get").await.body, "\"ada\"");
            for (other, (sessions, _)) in areas.iter().enumerate().filter(|(other, _)| *other != home) {
                let stranger = Client::of(sessions.clone()).await;
                for steps in ["get,data", "get,data,id"] {
                    let answer = presenting(&stranger, other, &id, steps).await;
                    assert!(answer.body.starts_with("-,{}"), "{kind:?}: {home} in {other}: {}", answer.body);
                }
                // Neither writing nor a logout reaches it.
                for steps in ["set:user=eve", "renew,set:user=eve", "destroy"] {
                    let answer = presenting(&stranger, other, &id, steps).await;
                    assert!(!answer.cookies().iter().any(|line| line.contains(id.as_str())));
                }
            }
            assert_eq!(presenting(&client, home, &id, "get").await.body, "\"ada\"", "{kind:?}");
        }
    }
}

/// A user is one user: the sessions of all areas are listed and ended together.
#[tokio::test]
async fn a_users_sessions_are_listed_across_realms() {
    for kind in KINDS {
        let place = Place::new(kind);
        let areas = areas(&place);
        let mut last = None;
        for (home, (sessions, by)) in areas.iter().enumerate() {
            let client = Client::of(sessions.clone()).await;
            let id = issued(&client.new_does("set:user=ada,principal:ada").await, by);
            assert_eq!(presenting(&client, home, &id, "list").await.body, (home + 1).to_string(), "{kind:?}");
            last = Some((client, home, id));
        }
        let (client, home, id) = last.unwrap();
        assert_eq!(presenting(&client, home, &id, "everywhere").await.body, "3");
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn the_realm_can_be_chosen() {
    let place = Place::memory();
    let named = |name: &str, realm: &str| place.builder().cookie_name(name).realm(realm).build().unwrap();
    let (old, new) = (named("old", "shop"), named("new", "shop"));
    let id = issued(&Client::of(old.clone()).await.new_does("set:user=ada").await, "cookie");
    // A cookie that is renamed, or two names for one session.
    let line = format!("new={}", id.as_str());
    assert_eq!(Client::of(new).await.with_cookie(&line, "get").await.body, "\"ada\"");
    assert_eq!(Client::of(named("new", "other")).await.with_cookie(&line, "get").await.body, "-");
    // Outside HTTP.
    let manager = old.manager();
    let user = |session: gsession::Exchange| async move { session.get::<String>("user").await.unwrap() };
    assert_eq!(user(manager.begin(Some(id.as_str()), ClientInfo::default)).await.as_deref(), Some("ada"));
    let stranger = manager.in_realm("tcp");
    assert_eq!(user(stranger.begin(Some(id.as_str()), ClientInfo::default)).await, None);
    assert_eq!(
        user(stranger.in_realm("shop").begin(Some(id.as_str()), ClientInfo::default)).await.as_deref(),
        Some("ada")
    );
    assert_eq!(manager.begin(Some(id.as_str()), ClientInfo::default).key(), Some(Realm::new("shop").key_of(&id)));
}

/// By default the name of the cookie, also if a header carries the id as well; names of headers know no case.
#[tokio::test]
async fn the_realm_is_the_name_by_default() {
    let place = Place::memory();
    let builder = || Sessions::builder(place.storage()).clock(place.clock.clone());
    let both = Client::of(builder().cookie_name("shop").header_name("X-Session").build().unwrap()).await;
    let id = issued(&both.new_does("set:user=ada").await, "cookie");
    let by_header = Request::get("/do/get").header("x-session", id.as_str());
    assert_eq!(both.send(by_header).await.body, "\"ada\"");
    let by_cookie = Client::of(builder().cookie_name("shop").build().unwrap()).await;
    assert_eq!(by_cookie.with_cookie(&format!("shop={}", id.as_str()), "get").await.body, "\"ada\"");
    let by_header = Client::of(builder().header_only("x-session").build().unwrap()).await;
    assert_eq!(by_header.with_header("x-session", id.as_str(), "get").await.body, "-");
    let token = issued(&by_header.new_does("set:user=bob").await, "x-session");
    let spelled_otherwise = Client::of(builder().header_only("X-SESSION").build().unwrap()).await;
    assert_eq!(spelled_otherwise.with_header("x-session", token.as_str(), "get").await.body, "\"bob\"");
}
