//! Ids are never adopted (S6, R2), and applications may bring their own (GoFrame's `SetId` and `SetIdFunc`).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use gsession::{ClientInfo, CustomIds, HashedIds, IdError, IdGenerator, SessionId};

use crate::{
    framework::Builder,
    support::{
        ATTRIBUTES, NAME,
        answer::Answer,
        client::Client,
        ids::{malformed, planted},
        key_of,
        place::{KINDS, Kind, Place},
        probe::Op,
        removal,
    },
};

const HEADER: &str = "x-session";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How an attacker's id reaches the server.
#[derive(Debug, Clone, Copy)]
enum By {
    Cookie,
    Header,
}

const WAYS: [By; 2] = [By::Cookie, By::Header];

/// A client that may present its id either way.
async fn client(place: &Place) -> Client {
    Client::of(place.builder().header_name(HEADER).build().unwrap()).await
}

async fn present(client: &Client, by: By, id: &str, steps: &str) -> Answer {
    match by {
        By::Cookie => client.with_cookie(&format!("{NAME}={id}"), steps).await,
        By::Header => client.with_header(HEADER, id, steps).await,
    }
}

/// The id that an answer gives, the way the client came.
fn given(answer: &Answer, by: By) -> SessionId {
    match by {
        By::Cookie => {
            assert_eq!(answer.all(HEADER), [""; 0]);
            answer.issued()
        }
        By::Header => {
            answer.no_cookie();
            let [id] = answer.all(HEADER)[..] else { panic!("no id: {:?}", answer.headers) };
            SessionId::parse(id).unwrap()
        }
    }
}

/// Every id that the server knows nothing of, or nothing any more: each with how it came to be.
async fn dead_ids(client: &Client, place: &Place) -> Vec<(&'static str, SessionId)> {
    let expired = client.login().await;
    place.clock.advance(DAY);
    let destroyed = client.login().await;
    client.does(&destroyed, "destroy").await;
    let read = client.login().await;
    client.does(&read, "get,set,destroy").await;
    vec![("unknown", planted()), ("expired", expired), ("destroyed", destroyed), ("destroyed after use", read)]
}

#[tokio::test]
async fn a_planted_id_is_never_adopted() {
    for kind in KINDS {
        for by in WAYS {
            let place = Place::new(kind);
            let client = client(&place).await;
            for (what, dead) in dead_ids(&client, &place).await {
                for steps in ["set:user=ada", "get,set:user=ada", "renew,set:user=ada", "principal:ada", "update:n"] {
                    let living = place.living();
                    let answer = present(&client, by, dead.as_str(), steps).await;
                    assert_eq!(answer.status, 200);
                    let fresh = given(&answer, by);
                    assert_ne!(fresh, dead, "{what} by {by:?}: {steps}");
                    assert!(place.record(&dead).is_none(), "{what} by {by:?}: {steps}");
                    assert!(place.record(&fresh).is_some());
                    assert_eq!(place.living(), living + 1);
                }
                // The attacker, who knows the planted id, sees nothing of it.
                assert_eq!(present(&client, by, dead.as_str(), "data,id").await.body, "{},-", "{what} by {by:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_renewed_id_opens_nothing_and_is_not_adopted() {
    for kind in KINDS {
        for by in WAYS {
            let place = Place::new(kind);
            let client = client(&place).await;
            let planted = client.login().await;
            let login = present(&client, by, planted.as_str(), "renew,set:user=root").await;
            let id = given(&login, by);
            for (steps, status) in [
                ("get", 200),
                ("data", 200),
                ("set:user=evil", 200),
                ("get,set:user=evil", 200),
                ("renew,set:user=evil", 409),
                ("renew", 200),
                ("clear", 200),
                ("get,remove:user", 200),
            ] {
                let answer = present(&client, by, planted.as_str(), steps).await;
                assert_eq!(answer.status, status, "{steps}");
                assert!(!answer.body.contains("root"), "{steps}");
                // No cookie either: the client that owned the id is about to learn the new one.
                answer.no_cookie();
                assert_eq!(answer.all(HEADER), [""; 0]);
                assert!(place.record(&planted).is_none(), "{steps}");
                assert_eq!(place.data(&id).unwrap(), ["user=\"root\""], "{kind:?} {by:?} {steps}");
            }
            assert_eq!(place.living(), 1);
            // Who logs in gets a session, but not that one.
            place.clock.advance(Duration::from_secs(5));
            for steps in ["renew,set:user=evil", "get,renew,set:user=evil", "set:user=evil,principal:evil"] {
                let fresh = given(&present(&client, by, planted.as_str(), steps).await, by);
                assert_eq!(place.data(&fresh).unwrap(), ["user=\"evil\""], "{steps}");
                assert_eq!(place.data(&id).unwrap(), ["user=\"root\""], "{steps}");
            }
        }
    }
}

/// When the answer with the new id must have arrived or got lost, the old one is as good as none: no more, and no less.
#[tokio::test]
async fn a_client_whose_new_id_got_lost_begins_anew() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = client(&place).await;
        let old = client.login().await;
        let id = client.does(&old, "renew,set:user=root").await.issued();
        place.clock.advance(Duration::from_secs(30));
        let answer = client.does(&old, "get").await;
        assert_eq!(answer.body, "-");
        answer.no_cookie();
        for steps in ["set:user=eve", "get,set:user=eve", "renew,set:user=eve"] {
            let fresh = client.does(&old, steps).await.issued();
            assert!(![&old, &id].contains(&&fresh), "{steps}");
            assert_eq!(place.data(&fresh).unwrap(), ["user=\"eve\""], "{steps}");
        }
        assert!(place.record(&old).is_none());
        assert_eq!(place.data(&id).unwrap(), ["user=\"root\""]);
        // A logout still ends the session that the old id has become.
        assert_eq!(client.does(&old, "destroy").await.cookies(), [removal()]);
        assert!(place.record(&id).is_none());
    }
}

#[tokio::test]
async fn a_malformed_id_never_reaches_the_storage() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = client(&place).await;
        for by in WAYS {
            for text in malformed() {
                let answer = present(&client, by, &text, "get,data,id").await;
                assert_eq!((answer.status, answer.body.as_str()), (200, "-,{},-"), "{text}");
                for steps in ["remove:user", "clear", "renew", "destroy"] {
                    assert_eq!(present(&client, by, &text, steps).await.status, 200, "{steps}");
                }
                assert_eq!(place.asked(), [], "{text} by {by:?}");
                let fresh = given(&present(&client, by, &text, "get,set:user=ada").await, by);
                assert_eq!(place.asked(), [Op::Create]);
                assert!(place.record(&fresh).is_some());
            }
        }
    }
}

#[tokio::test]
async fn the_storage_is_never_asked_to_create_under_a_presented_id() {
    let place = Place::memory();
    let client = client(&place).await;
    let key = key_of(&planted());
    client.does(&planted(), "get,set").await;
    assert!(place.probe.knows_of(&key), "it was looked up");
    place.asked();
    // Having looked, it creates; and nothing of that names the planted key.
    place.probe.fail(&[Op::Fetch]);
    client.does(&planted(), "peek").await;
    place.probe.fail(&[]);
    assert_eq!(place.asked(), [Op::Fetch]);
    assert!(place.record(&planted()).is_none());
}

#[tokio::test]
async fn renewing_keeps_the_data_and_kills_the_old_id_at_once() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = client(&place).await;
        let mut id = client.login().await;
        let mut seen = vec![id.clone()];
        for _ in 0..5 {
            let answer = client.does(&id, "renew,get").await;
            assert_eq!(answer.body, "\"ada\"");
            id = answer.issued();
            assert!(!seen.contains(&id));
            for old in &seen {
                assert!(place.record(old).is_none());
                assert_eq!(client.does(old, "get").await.body, "-");
            }
            seen.push(id.clone());
            assert_eq!(place.living(), 1);
        }
        // A logout with any of them ends it, as far as the storage remembers the way.
        let first = seen[0].clone();
        client.does(&first, "destroy").await;
        assert!(place.living() <= 1);
        client.does(&id, "destroy").await;
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn ids_are_random_whatever_the_client_sends() {
    let place = Place::memory();
    let client = client(&place).await;
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(client.new_does("set").await.issued());
    }
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    // No structure and no order in time: at no place do all ids share a character.
    for at in 0..42 {
        let first = ids[0].as_str().as_bytes()[at];
        assert!(ids.iter().any(|id| id.as_str().as_bytes()[at] != first), "character {at}");
    }
    assert!(!ids.is_sorted_by_key(|id| id.as_str().to_owned()));
}

/// Gives these ids, one after the other, and then those of the default generator.
#[derive(Clone, Default)]
struct Planned(Arc<Mutex<VecDeque<SessionId>>>);

impl Planned {
    fn plan(&self, ids: &[&SessionId]) {
        self.0.lock().unwrap().extend(ids.iter().copied().cloned());
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl IdGenerator for Planned {
    fn generate(&self, client: &ClientInfo) -> Result<SessionId, IdError> {
        match self.0.lock().unwrap().pop_front() {
            Some(id) => Ok(id),
            None => HashedIds::new().generate(client),
        }
    }
}

#[tokio::test]
async fn an_id_that_is_taken_is_tried_again_and_never_overwritten() {
    for kind in KINDS {
        let place = Place::new(kind);
        let ids = Planned::default();
        let client = Client::of(place.builder().id_generator(ids.clone()).build().unwrap()).await;
        let taken = client.login().await;
        place.asked();

        ids.plan(&[&taken]);
        let fresh = client.new_does("set:user=bob").await.issued();
        assert_eq!(place.asked(), [Op::Create, Op::Create]);
        assert_ne!(fresh, taken);
        assert_eq!(place.data(&taken).unwrap(), ["user=\"ada\""]);
        assert_eq!(place.data(&fresh).unwrap(), ["user=\"bob\""]);

        // A renewal collides as well: with another session, and with the own id.
        ids.plan(&[&taken, &fresh]);
        let renewed = client.does(&fresh, "renew").await.issued();
        assert_eq!(ids.left(), 0);
        assert!(![&taken, &fresh].contains(&&renewed));
        assert_eq!(place.data(&taken).unwrap(), ["user=\"ada\""]);
        assert_eq!(place.data(&renewed).unwrap(), ["user=\"bob\""]);

        // The tombstone of a renewal is not free either: whoever held the old id must not get in.
        ids.plan(&[&fresh]);
        let other = client.new_does("set:user=eve").await.issued();
        assert_ne!(other, fresh);
        assert_eq!(place.living(), 3);
    }
}

#[tokio::test]
async fn a_generator_that_gives_only_taken_ids_is_an_error() {
    for kind in KINDS {
        let place = Place::new(kind);
        let ids = Planned::default();
        let client = Client::of(place.builder().id_generator(ids.clone()).build().unwrap()).await;
        let taken = client.login().await;
        let own = client.login().await;
        for steps in ["set:user=bob", "set:user=bob,save"] {
            ids.plan(&[&taken; 10]);
            let answer = client.new_does(steps).await;
            answer.is_opaque(503);
            answer.no_cookie();
            assert!(ids.left() > 0, "it gives up");
        }
        let answer = client.does(&own, "renew").await;
        assert_eq!(answer.status, 503);
        answer.no_cookie();
        assert_eq!(place.data(&taken).unwrap(), ["user=\"ada\""]);
        assert!(place.record(&own).is_some());
        assert_eq!(place.living(), 2);
    }
}

#[tokio::test]
async fn a_generator_that_fails_is_an_error_and_never_a_weaker_id() {
    let place = Place::memory();
    let ids = CustomIds::new(|_: &ClientInfo| Err(IdError::new("no entropy")), |_: &str| true);
    let client = Client::of(place.builder().id_generator(ids).build().unwrap()).await;
    for steps in ["set", "set,save", "principal:ada"] {
        let answer = client.new_does(steps).await;
        answer.is_opaque(503);
        answer.no_cookie();
    }
    assert_eq!(client.new_does("get").await.status, 200);
    assert_eq!(place.living(), 0);
}

/// Ids with a prefix, as in the documentation, besides any that an application sets with `be`.
fn prefixed(builder: Builder) -> Builder {
    let standard = HashedIds::new();
    builder.id_generator(CustomIds::new(
        move |client| {
            let random = standard.generate(client)?;
            SessionId::custom(&format!("eu1.{}", random.as_str())).map_err(|_| IdError::new("bad prefix"))
        },
        |text| text.starts_with("eu1.") || text.starts_with("terminal-"),
    ))
}

/// The value of the only cookie, which is exactly the default one.
fn value(answer: &Answer) -> String {
    let [line] = answer.cookies()[..] else { panic!("{:?}", answer.cookies()) };
    line.strip_prefix(&format!("{NAME}=")).and_then(|rest| rest.strip_suffix(ATTRIBUTES)).unwrap().to_owned()
}

#[tokio::test]
async fn a_custom_generator_brings_its_own_form() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(prefixed(place.builder()).build().unwrap()).await;
        let id = value(&client.new_does("set:user=ada").await);
        assert!(id.starts_with("eu1.") && id.len() == 4 + 43, "{id}");
        let cookie = format!("{NAME}={id}");
        assert_eq!(client.with_cookie(&cookie, "get").await.body, "\"ada\"");
        let renewed = value(&client.with_cookie(&cookie, "renew").await);
        assert!(renewed.starts_with("eu1.") && renewed != id);
        place.asked();
        // What has not its form is malformed: the standard form, too.
        for other in [planted().as_str(), "us1.x", "EU1.x", ""] {
            let answer = client.with_cookie(&format!("{NAME}={other}"), "get").await;
            answer.no_cookie();
        }
        assert_eq!(place.asked(), []);
        // An unknown one of its form is looked up, and not adopted.
        let answer = client.with_cookie(&format!("{NAME}=eu1.guess"), "set").await;
        assert_ne!(value(&answer), "eu1.guess");
        assert_eq!(place.living(), 2);
    }
}

#[tokio::test]
async fn an_application_may_set_the_id() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(prefixed(place.builder()).build().unwrap()).await;
        // Setting the id alone makes no session.
        client.new_does("be:terminal-17").await.no_cookie();
        assert_eq!(place.living(), 0);
        assert_eq!(value(&client.new_does("be:terminal-17,set:user=ada").await), "terminal-17");
        let id = SessionId::custom("terminal-17").unwrap();
        assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""]);
        // The next one joins it, and nothing is overwritten.
        let answer = client.new_does("be:terminal-17,get,set:n=1").await;
        assert_eq!((answer.body.as_str(), value(&answer).as_str()), ("\"ada\"", "terminal-17"));
        assert_eq!(place.data(&id).unwrap(), ["n=\"1\"", "user=\"ada\""]);
        // Who holds it already is not told again.
        client.with_cookie(&format!("{NAME}=terminal-17"), "be:terminal-17,set:n=2").await.no_cookie();
        // Renewing leaves the chosen id for one of the generator's.
        let renewed = value(&client.with_cookie(&format!("{NAME}=terminal-17"), "renew").await);
        assert!(renewed.starts_with("eu1."));
        assert!(place.record(&id).is_none());
        assert_eq!(place.living(), 1);
    }
}

#[tokio::test]
async fn a_set_id_replaces_what_the_client_presents() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(prefixed(place.builder()).build().unwrap()).await;
        let own = value(&client.new_does("set:user=ada").await);
        let answer = client.with_cookie(&format!("{NAME}={own}"), "be:terminal-17,get,set:user=bob").await;
        assert_eq!((answer.body.as_str(), value(&answer).as_str()), ("-", "terminal-17"));
        assert_eq!(place.data(&SessionId::custom(&own).unwrap()).unwrap(), ["user=\"ada\""]);
        assert_eq!(place.living(), 2);
    }
}

#[tokio::test]
async fn an_id_that_could_not_come_back_cannot_be_set() {
    for kind in KINDS {
        let place = Place::new(kind);
        let standard = Client::of(place.sessions()).await;
        let custom = Client::of(prefixed(place.builder()).build().unwrap()).await;
        for (client, id) in [(&standard, "terminal-17"), (&custom, "shop-17"), (&custom, planted().as_str())] {
            let answer = client.new_does(&format!("be:{id},set:user=ada")).await;
            assert_eq!(answer.status, 500, "{id}");
            answer.no_cookie();
        }
        // Nor can it be set after the session has been used.
        for steps in ["get,be:terminal-17", "set,be:terminal-17", "id,be:terminal-17", "destroy,be:terminal-17"] {
            assert_eq!(custom.new_does(steps).await.status, 500, "{steps}");
        }
        assert_eq!(place.living(), 0);
    }
}

/// Of two requests that create under the same id at once, one creates and the other must not overwrite it.
#[tokio::test]
async fn two_that_set_the_same_id_do_not_overwrite_each_other() {
    for kind in [Kind::Memory, Kind::File] {
        let place = Place::new(kind);
        let client = Client::of(prefixed(place.builder()).build().unwrap()).await;
        let slow = client.new_does("be:terminal-17,get,pause,set:slow=1");
        let (slow, quick) = client.during(slow, client.new_does("be:terminal-17,set:quick=1")).await;
        assert_eq!(value(&quick), "terminal-17");
        assert!(slow.status >= 400, "{}", slow.status);
        slow.no_cookie();
        assert_eq!(place.data(&SessionId::custom("terminal-17").unwrap()).unwrap(), ["quick=\"1\""]);
    }
}
