//! The table of what happens at the end of a request, row by row: the storage and the exact `Set-Cookie` line.

use std::time::Duration;

use gsession::SessionId;

use crate::support::{
    ATTRIBUTES, NAME,
    answer::Answer,
    client::Client,
    ids::{malformed, planted},
    place::{KINDS, Kind, Place},
    probe::Op,
    removal,
};

/// Longer than the default touch interval of a minute.
const A_WHILE: Duration = Duration::from_secs(61);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// What follows the attributes of a cookie that is kept for an hour.
const FOR_AN_HOUR: &str = "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600";

/// A place, a client of it, and a session that it has; what was asked so far is forgotten.
async fn logged_in(place: &Place) -> (Client, SessionId) {
    let client = Client::of(place.sessions()).await;
    let id = client.login().await;
    place.asked();
    (client, id)
}

/// Likewise, with a cookie that the browser keeps for an hour.
async fn logged_in_for_an_hour(place: &Place) -> (Client, SessionId) {
    let client = Client::of(place.builder().cookie_max_age(HOUR).build().unwrap()).await;
    let id = client.new_does("set:user=ada").await.issued_as(NAME, FOR_AN_HOUR);
    place.asked();
    (client, id)
}

#[tokio::test]
async fn not_used_is_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, id) = logged_in(&place).await;
        place.clock.advance(A_WHILE);
        let seen = place.record(&id).unwrap().last_seen;
        let cookies = malformed().into_iter().chain([id.as_str().to_owned(), planted().as_str().to_owned()]);
        let mut answers = vec![client.new_does("hold").await];
        for cookie in cookies {
            answers.push(client.with_cookie(&format!("{NAME}={cookie}"), "hold").await);
        }
        for answer in answers {
            assert_eq!(answer.status, 200);
            answer.no_cookie();
            assert_eq!(answer.all("vary"), [""; 0]);
            assert_eq!(answer.all("cache-control"), [""; 0]);
        }
        assert_eq!(place.asked(), [], "holding a session is not using it");
        assert_eq!(place.record(&id).unwrap().last_seen, seen);
    }
}

#[tokio::test]
async fn none_and_nothing_written_is_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        // Removing, clearing, renewing and ending what is not there are no reasons to make a session either.
        for steps in ["get", "data", "id", "remove:user", "clear", "renew", "destroy", "get,destroy", "set,destroy"] {
            let answer = client.new_does(steps).await;
            assert_eq!(answer.status, 200, "{steps}");
            answer.no_cookie();
        }
        assert_eq!(place.asked(), []);
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn none_and_written_is_created_under_a_fresh_id() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let first = client.new_does("get,set:user=ada,set:n=1").await.issued();
        assert_eq!(place.asked(), [Op::Create]);
        assert_eq!(place.data(&first).unwrap(), ["n=\"1\"", "user=\"ada\""]);
        let second = client.new_does("set:user=ada").await.issued();
        assert_ne!(first, second);
        assert_eq!(place.living(), 2);
        // The commit is done when the answer is there (S8).
        assert_eq!(client.does(&first, "get").await.body, "\"ada\"");
    }
}

#[tokio::test]
async fn found_and_only_read_is_touched_if_due() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, id) = logged_in(&place).await;
        let created = place.record(&id).unwrap();
        place.clock.advance(A_WHILE - Duration::from_secs(2));
        let answer = client.does(&id, "get,get,get:other").await;
        assert_eq!(answer.body, "\"ada\",\"ada\",-");
        answer.no_cookie();
        // The hash storage reads what is asked for, so it is asked again for another entry.
        let reads = if kind == Kind::RedisHash { &[Op::Fetch; 2][..] } else { &[Op::Fetch] };
        assert_eq!(place.asked(), reads, "one read, and nothing is due");
        assert_eq!(place.record(&id).unwrap(), created);

        place.clock.advance(Duration::from_secs(2));
        client.does(&id, "get").await.no_cookie();
        assert_eq!(place.asked(), [Op::Fetch], "the touch needs no operation of its own");
        let touched = place.record(&id).unwrap();
        assert_eq!(touched.last_seen, created.last_seen + A_WHILE);
        assert_eq!(touched.entries, created.entries);
    }
}

#[tokio::test]
async fn a_persistent_cookie_is_sent_again_when_touched() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, id) = logged_in_for_an_hour(&place).await;
        client.does(&id, "get").await.no_cookie();
        place.clock.advance(A_WHILE);
        assert_eq!(client.does(&id, "get").await.issued_as(NAME, FOR_AN_HOUR), id);
        client.does(&id, "get").await.no_cookie();
        // Writing is activity as well.
        assert_eq!(client.does(&id, "set").await.issued_as(NAME, FOR_AN_HOUR), id);
        place.clock.advance(A_WHILE);
        client.does(&id, "hold").await.no_cookie();
        client.does(&id, "passive,get").await.no_cookie();
        client.does(&id, "passive,get,set").await.no_cookie();
    }
}

#[tokio::test]
async fn found_and_written_is_committed() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, id) = logged_in(&place).await;
        place.clock.advance(A_WHILE);
        let answer = client.does(&id, "get,set:n=1,remove:user").await;
        answer.no_cookie();
        assert_eq!(place.asked(), [Op::Fetch, Op::Commit]);
        assert_eq!(place.data(&id).unwrap(), ["n=\"1\""]);
        assert_eq!(place.record(&id).unwrap().last_seen, gsession::Clock::now(&place.clock));
        // Without reading it is one operation.
        client.does(&id, "set:n=2").await.no_cookie();
        assert_eq!(place.asked(), [Op::Commit]);
        assert_eq!(place.data(&id).unwrap(), ["n=\"2\""]);
        // An empty session is a session.
        client.does(&id, "clear").await.no_cookie();
        assert_eq!(place.data(&id).unwrap(), [""; 0]);
        assert_eq!(place.living(), 1);
    }
}

#[tokio::test]
async fn overlapping_writes_of_different_keys_both_stay() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, id) = logged_in(&place).await;
        let slow = client.does(&id, "data,pause,set:slow=1");
        let (slow, quick) = client.during(slow, client.does(&id, "data,set:quick=1")).await;
        slow.no_cookie();
        quick.no_cookie();
        assert_eq!(place.data(&id).unwrap(), ["quick=\"1\"", "slow=\"1\"", "user=\"ada\""]);
    }
}

#[tokio::test]
async fn found_and_gone_at_commit_is_dropped_and_reported() {
    for kind in KINDS {
        for slow in ["get,pause,set:slow=1", "get,pause,set:slow=1,renew", "get,set,save,pause,set:slow=1"] {
            let place = Place::new(kind);
            let (client, id) = logged_in(&place).await;
            let (slow, quick) =
                client.during(client.does(&id, &format!("{slow},save")), client.does(&id, "destroy")).await;
            assert!(slow.body.ends_with("Gone"), "{}", slow.body);
            slow.no_cookie();
            assert_eq!(quick.cookies(), [removal()]);
            assert_eq!(place.living(), 0);
            // Nor does the old id open anything for later requests.
            assert_eq!(client.does(&id, "get").await.body, "-");
        }
    }
}

#[tokio::test]
async fn found_gone_and_left_to_the_middleware_is_dropped_too() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, id) = logged_in(&place).await;
        let slow = client.does(&id, "get,pause,set:slow=1");
        let (slow, _) = client.during(slow, client.does(&id, "destroy")).await;
        assert_eq!(slow.status, 200);
        slow.no_cookie();
        assert_eq!(place.living(), 0);
    }
}

/// Whether an answer sets a cookie with this id.
fn hands_out(answer: &Answer, id: &SessionId) -> bool {
    answer.cookies().iter().any(|line| line.starts_with(&format!("{NAME}={}", id.as_str())))
}

/// A slow answer that comes last must not bring a dead id back into the browser, least of all over the new one.
async fn a_slow_answer_is_not_the_dead_id(slow: &str) {
    for kind in KINDS {
        for end in ["destroy", "renew"] {
            let place = Place::new(kind);
            let (client, id) = logged_in_for_an_hour(&place).await;
            // So that reading is a touch.
            place.clock.advance(A_WHILE);
            let (answer, quick) = client.during(client.does(&id, slow), client.does(&id, end)).await;
            assert_eq!(quick.cookies().len(), 1);
            assert!(!hands_out(&answer, &id), "{kind:?}: {slow} hands out the id that a {end} has ended");
        }
    }
}

#[tokio::test]
async fn a_slow_writer_does_not_send_the_dead_id_again() {
    a_slow_answer_is_not_the_dead_id("get,pause,set:slow=1").await;
}

#[tokio::test]
async fn a_slow_renewal_does_not_send_the_dead_id_again() {
    a_slow_answer_is_not_the_dead_id("get,pause,renew").await;
}

#[tokio::test]
async fn a_slow_reader_does_not_send_the_dead_id_again() {
    a_slow_answer_is_not_the_dead_id("get,pause").await;
}

#[tokio::test]
async fn whoever_saved_early_does_not_send_the_dead_id_again() {
    a_slow_answer_is_not_the_dead_id("set,save,pause").await;
}

#[tokio::test]
async fn found_and_renewed_by_another_at_commit_is_dropped() {
    for kind in KINDS {
        for slow in ["get,pause,set:slow=1", "pause,set:slow=1", "get,pause,renew,set:slow=1", "pause,renew"] {
            let place = Place::new(kind);
            let (client, id) = logged_in(&place).await;
            let (slow_answer, quick) = client.during(client.does(&id, slow), client.does(&id, "renew")).await;
            slow_answer.no_cookie();
            let renewed = quick.issued();
            assert_eq!(place.data(&renewed).unwrap(), ["user=\"ada\""], "{slow}");
            assert!(place.record(&id).is_none());
            assert_eq!(place.living(), 1, "{slow}");
        }
    }
}

#[tokio::test]
async fn never_looked_up_and_unknown_at_commit_is_created_from_these_writes_alone() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let id = client.does(&planted(), "set:n=1").await.issued();
        assert_ne!(id, planted());
        assert_eq!(place.asked(), [Op::Commit, Op::Create]);
        assert_eq!(place.data(&id).unwrap(), ["n=\"1\""]);
        assert!(place.record(&planted()).is_none());

        // It ended while the request, which never looked, was running.
        let (client, old) = logged_in(&place).await;
        let (slow, _) = client.during(client.does(&old, "pause,set:n=2"), client.does(&old, "destroy")).await;
        let id = slow.issued();
        assert_ne!(id, old);
        assert_eq!(place.data(&id).unwrap(), ["n=\"2\""], "nothing of the old session");
        assert!(place.record(&old).is_none());
        assert_eq!(place.living(), 2);
    }
}

#[tokio::test]
async fn removing_from_an_unknown_session_makes_none() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        for steps in ["remove:user", "clear", "renew", "renew,remove:user"] {
            client.does(&planted(), steps).await.no_cookie();
        }
        assert_eq!(place.living(), 0);
    }
}

/// It may be another application's, or an answer may be under way that brings a new one.
#[tokio::test]
async fn unknown_or_expired_and_only_read_is_left_alone() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, expired) = logged_in(&place).await;
        place.clock.advance(24 * HOUR);
        for id in [&expired, &planted()] {
            let answer = client.does(id, "get").await;
            assert_eq!(answer.body, "-");
            answer.no_cookie();
            assert_eq!(place.asked(), [Op::Fetch]);
        }
        for text in malformed() {
            let answer = client.with_cookie(&format!("{NAME}={text}"), "get").await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "-"), "{text}");
            answer.no_cookie();
        }
        assert_eq!(place.asked(), [], "a malformed id never reaches the storage");
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn unknown_read_and_written_is_created_under_a_fresh_id() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let id = client.does(&planted(), "get,set:n=1").await.issued();
        assert_ne!(id, planted());
        assert_eq!(place.asked(), [Op::Fetch, Op::Create]);
        assert_eq!(place.data(&id).unwrap(), ["n=\"1\""]);
    }
}

#[tokio::test]
async fn found_and_renewed_moves_to_a_fresh_id() {
    for kind in KINDS {
        for (steps, asked) in
            [("renew,set:n=1", [Op::Move].as_slice()), ("get,renew,set:n=1", [Op::Fetch, Op::Move].as_slice())]
        {
            let place = Place::new(kind);
            let (client, old) = logged_in(&place).await;
            let id = client.does(&old, steps).await.issued();
            assert_ne!(id, old);
            assert_eq!(place.asked(), asked);
            assert_eq!(place.data(&id).unwrap(), ["n=\"1\"", "user=\"ada\""]);
            // The old id is dead; whoever holds it is about to learn the new one, so its cookie stays.
            let answer = client.does(&old, "get").await;
            assert_eq!(answer.body, "-");
            answer.no_cookie();
            assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
            assert_eq!(place.living(), 1);
        }
    }
}

#[tokio::test]
async fn a_renewal_of_what_is_gone_meanwhile_is_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, id) = logged_in(&place).await;
        let (slow, _) = client.during(client.does(&id, "get,pause,renew"), client.does(&id, "destroy")).await;
        slow.no_cookie();
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn of_overlapping_renewals_one_wins_and_a_logout_ends_it() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, id) = logged_in(&place).await;
        // A logout that began before the renewal, and ends after it.
        let slow = client.does(&id, "get,pause,destroy");
        let (logout, renewed) = client.during(slow, client.does(&id, "renew")).await;
        assert_eq!(logout.cookies(), [removal()]);
        let renewed = renewed.issued();
        assert!(place.record(&renewed).is_none(), "{kind:?}: the logout follows the renewal");
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn found_and_destroyed_is_deleted_and_its_cookie_removed() {
    for kind in KINDS {
        for steps in
            ["destroy", "get,destroy", "set,destroy", "set,save,destroy", "renew,destroy", "renew,save,destroy"]
        {
            let place = Place::new(kind);
            let (client, id) = logged_in(&place).await;
            let answer = client.does(&id, steps).await;
            assert_eq!(answer.cookies(), [removal()], "{steps}");
            assert!(place.asked().contains(&Op::Remove));
            assert!(place.record(&id).is_none());
            assert_eq!(place.living(), 0, "{steps}");
        }
        // Of a session that is not there, too: the client should forget it.
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        assert_eq!(client.does(&planted(), "destroy").await.cookies(), [removal()]);
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn what_is_written_after_destroy_is_a_new_session() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (client, old) = logged_in(&place).await;
        let id = client.does(&old, "get,destroy,set:flash=bye").await.issued();
        assert_ne!(id, old);
        assert_eq!(place.data(&id).unwrap(), ["flash=\"bye\""]);
        assert!(place.record(&old).is_none());
        assert_eq!(place.living(), 1);
    }
}

/// The attributes are the configured ones, in removals as well (H3).
#[tokio::test]
async fn every_row_uses_the_configured_cookie() {
    for kind in KINDS {
        let place = Place::new(kind);
        let sessions = place.builder().cookie_name("sid").cookie_path("/do").cookie_domain("example.org");
        let client = Client::of(sessions.build().unwrap()).await;
        let attributes = ATTRIBUTES.replace("Path=/", "Path=/do; Domain=example.org");
        let id = client.new_does("set").await.issued_as("sid", &attributes);
        let renewed = client.with_cookie(&format!("sid={}", id.as_str()), "renew").await.issued_as("sid", &attributes);
        let gone = client.with_cookie(&format!("sid={}", renewed.as_str()), "destroy").await;
        assert_eq!(gone.cookies(), [format!("sid={attributes}{}", crate::support::REMOVED)]);
    }
}
