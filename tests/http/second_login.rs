//! A login whose answer got lost, and the second click that follows it (S5).

use std::{sync::Arc, time::Duration};

use gsession::SessionId;

use crate::{
    framework::Ask,
    support::{
        NAME,
        answer::Answer,
        app::App,
        client::Client,
        place::{KINDS, Place},
        request::Request,
    },
};

/// What a login does, with and without reading the session first.
const LOGINS: [&str; 2] = ["renew,set:user=ada,principal:ada", "get:csrf,renew,set:user=ada,principal:ada"];

/// A browser that has begun anonymously.
async fn anonymous(client: &Client) -> SessionId {
    client.new_does("set:csrf=secret").await.issued()
}

#[tokio::test]
async fn the_second_click_logs_in_and_shares_the_session() {
    for kind in KINDS {
        for steps in LOGINS {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let old = anonymous(&client).await;
            // Its answer is lost.
            let lost = client.does(&old, steps).await.issued();
            let again = client.does(&old, &format!("{steps},set:clicks=2")).await;
            assert_eq!(again.status, 200, "{kind:?} {steps}");
            // The same id: whichever answer comes last, the browser ends with a living one.
            assert_eq!(again.issued(), lost, "{kind:?} {steps}");
            assert_eq!(place.data(&lost).unwrap(), ["clicks=\"2\"", "csrf=\"secret\"", "user=\"ada\""]);
            assert!(place.record(&old).is_none());
            // And a third one, through two renewals.
            let renewed = client.does(&lost, "renew").await.issued();
            assert_eq!(client.does(&old, steps).await.issued(), renewed, "{kind:?} {steps}");
            assert_eq!(place.living(), 1);
            // A logout ends it for good.
            client.does(&renewed, "destroy").await;
            assert_eq!(place.living(), 0);
            assert_eq!(client.does(&old, "get,data").await.body, "-,{}");
        }
    }
}

/// Both clicks are being handled when the first one is done.
#[tokio::test]
async fn two_clicks_at_once_share_the_session() {
    for kind in KINDS {
        for slow in ["get:csrf,pause,renew,set:user=ada,principal:ada", "pause,renew,set:user=ada,principal:ada"] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let old = anonymous(&client).await;
            let (slow, quick) = client.during(client.does(&old, slow), client.does(&old, LOGINS[0])).await;
            assert_eq!((slow.status, quick.status), (200, 200), "{kind:?}");
            assert_eq!(slow.issued(), quick.issued());
            assert_eq!(place.living(), 1);
        }
    }
}

fn is_conflict(answer: &Answer) {
    answer.is_opaque(409);
    answer.no_cookie();
}

/// Whoever knew the id from before the login, but not the password, gets nothing of it.
#[tokio::test]
async fn another_user_gets_a_session_of_his_own() {
    for kind in KINDS {
        for steps in ["renew,set:user=eve,principal:eve", "get,renew,set:user=eve,principal:eve", "renew,set:user=eve"]
        {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let planted = anonymous(&client).await;
            let ada = client.does(&planted, LOGINS[0]).await.issued();
            // Without a principal it cannot be told from a renewal that overlaps.
            if !steps.contains("principal") {
                is_conflict(&client.does(&planted, steps).await);
                place.clock.advance(Duration::from_secs(5));
            }
            let eve = client.does(&planted, steps).await.issued();
            assert_ne!(eve, ada, "{kind:?} {steps}");
            assert_eq!(place.data(&eve).unwrap(), ["user=\"eve\""], "nothing of the other one");
            assert_eq!(place.data(&ada).unwrap(), ["csrf=\"secret\"", "user=\"ada\""]);
            // Neither what he had read before.
            let planted = anonymous(&client).await;
            let slow = format!("get:csrf,pause,{steps}");
            let (slow, _) = client.during(client.does(&planted, &slow), client.does(&planted, LOGINS[0])).await;
            is_conflict(&slow);
        }
    }
}

/// What cannot be stored is not answered as if it had been.
#[tokio::test]
async fn other_writes_are_a_conflict_and_touch_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let old = anonymous(&client).await;
        let id = client.does(&old, LOGINS[0]).await.issued();
        for steps in
            ["set:cart=1", "get,set:cart=1", "remove:csrf", "clear", "update:n", "token:n", "renew,save,set:cart=1"]
        {
            let answer = client.posts(&old, steps).await;
            is_conflict(&answer);
            assert_eq!(place.data(&id).unwrap(), ["csrf=\"secret\"", "user=\"ada\""], "{kind:?} {steps}");
        }
        // A handler that asks is told, and may answer as it likes.
        let asked = client.posts(&old, "set:cart=1,save").await;
        assert_eq!((asked.status, asked.body.as_str()), (200, "Gone"));
        asked.no_cookie();
        // One that answers with an error of its own keeps it.
        assert_eq!(client.posts(&old, "set:cart=1,status:403").await.status, 403);
        // Reading and renewing lose nothing.
        for steps in ["get", "data", "renew"] {
            let answer = client.posts(&old, steps).await;
            assert_eq!(answer.status, 200);
            answer.no_cookie();
        }
        // A page that is only looked at claims nothing; but a link that logs in does.
        for (steps, status) in
            [("set:seen=1", 200), ("token:csrf", 200), ("get,remove:csrf", 200), ("renew,set:a=1", 409)]
        {
            let page = client.does(&old, steps).await;
            assert_eq!(page.status, status, "{kind:?} {steps}");
            page.no_cookie();
        }
        assert_eq!(place.data(&id).unwrap(), ["csrf=\"secret\"", "user=\"ada\""], "{kind:?}");
        assert_eq!(place.living(), 1);
    }
}

/// When the renewed session has ended, there is nothing that a new one could displace.
#[tokio::test]
async fn after_a_logout_the_old_id_is_as_good_as_none() {
    for kind in KINDS {
        for steps in ["set:cart=1", "get,set:cart=1", "renew,set:cart=1", "token:csrf"] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let old = anonymous(&client).await;
            let id = client.does(&old, LOGINS[0]).await.issued();
            client.does(&id, "destroy").await;
            let fresh = client.posts(&old, steps).await.issued();
            assert_eq!(place.data(&fresh).unwrap().len(), 1, "{kind:?} {steps}");
            assert_eq!(place.living(), 1);
        }
    }
}

/// The form of a login can be shown, and sent again, right after the first answer got lost.
#[tokio::test]
async fn the_login_page_can_be_seen_after_a_lost_answer() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let old = anonymous(&client).await;
        let id = client.does(&old, LOGINS[0]).await.issued();
        let page = client.does(&old, "get,token:form").await;
        assert_eq!((page.status, page.body.as_str()), (200, "-,\"made\""));
        page.no_cookie();
        assert_eq!(client.posts(&old, LOGINS[1]).await.issued(), id, "{kind:?}");
    }
}

#[tokio::test]
async fn a_login_whose_session_is_ended_meanwhile_is_a_conflict() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let old = anonymous(&client).await;
        let slow = client.does(&old, "get:csrf,pause,renew,set:user=ada,principal:ada");
        let (slow, _) = client.during(slow, client.does(&old, "destroy")).await;
        is_conflict(&slow);
        assert_eq!(place.living(), 0);
        // The same after the session was renewed, and then ended.
        let old = anonymous(&client).await;
        let slow = client.does(&old, "get:csrf,pause,renew,set:user=ada,principal:ada");
        let (slow, _) = client
            .during(slow, async {
                let id = client.does(&old, LOGINS[0]).await.issued();
                client.does(&id, "destroy").await
            })
            .await;
        is_conflict(&slow);
        assert_eq!(place.living(), 0, "{kind:?}");
    }
}

/// A page that was asked for before a renewal or a logout, and reads its session long after it, leaves the browser alone.
#[tokio::test]
async fn a_late_page_takes_no_cookie_away() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        for late in ["hold,pause,get,data", "id,pause,get", "hold,pause,remove:user"] {
            let old = client.login().await;
            let meanwhile = async {
                client.does(&old, "renew").await.issued();
                place.clock.advance(Duration::from_secs(60));
            };
            let (answer, ()) = client.during(client.does(&old, late), meanwhile).await;
            answer.no_cookie();

            let old = client.login().await;
            let meanwhile = async {
                client.does(&old, "destroy").await;
                client.login().await
            };
            let (answer, _) = client.during(client.does(&old, late), meanwhile).await;
            answer.no_cookie();

            let old = client.login().await;
            let meanwhile = async { place.clock.advance(Duration::from_secs(24 * 60 * 60)) };
            let (answer, ()) = client.during(client.does(&old, late), meanwhile).await;
            answer.no_cookie();
        }
    }
}

/// Long after, the old id is as good as none, except for the login whose session it was; until then a request that was sent in
/// time counts as late, however slow it is.
#[tokio::test]
async fn what_counts_is_when_a_request_was_sent() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let old = client.login().await;
        let meanwhile = async {
            client.does(&old, "renew").await.issued();
            place.clock.advance(Duration::from_secs(60));
        };
        let (late, ()) = client.during(client.posts(&old, "id,pause,set:seen=1"), meanwhile).await;
        is_conflict(&late);
        let lost = client.posts(&old, "set:seen=1").await.issued();
        assert_eq!(place.data(&lost).unwrap(), ["seen=\"1\""]);

        let old = anonymous(&client).await;
        let id = client.does(&old, LOGINS[0]).await.issued();
        place.clock.advance(Duration::from_secs(60));
        assert_eq!(client.does(&old, LOGINS[0]).await.issued(), id, "{kind:?}");
    }
}

/// An upload arrives long before its handler asks for the session.
#[tokio::test]
async fn a_request_with_a_body_counts_from_its_arrival() {
    let place = Place::memory();
    let app = App::new().scripts();
    let meeting = Arc::clone(&app.meeting);
    let upload = move |mut ask: Ask| {
        let meeting = Arc::clone(&meeting);
        async move {
            while ask.chunk().await.is_some() {}
            meeting.pause().await;
            ask.session().set("uploaded", "yes")?;
            Ok("done".into())
        }
    };
    let client = app.route("/upload", upload).wrap(place.sessions()).client().await;
    let old = client.login().await;
    let request = Request::post("/upload").header("cookie", format!("{NAME}={}", old.as_str()));
    let meanwhile = async {
        client.does(&old, "renew").await.issued();
        place.clock.advance(Duration::from_secs(60));
    };
    let (late, ()) = client.during(client.send(request.body("a long text")), meanwhile).await;
    is_conflict(&late);
}

/// A request counts from its arrival, whenever its handler first asks for the session.
#[tokio::test]
async fn a_slow_page_that_looks_late_does_not_displace_the_new_id() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let old = client.login().await;
        let quick = async {
            let id = client.does(&old, "login:ada").await.issued();
            place.clock.advance(Duration::from_secs(31));
            id
        };
        let (slow, id) = client.during(client.does(&old, "pause,get,set:n=1"), quick).await;
        slow.no_cookie();
        assert_eq!(client.does(&id, "get").await.body, "\"ada\"", "{kind:?}");
        assert_eq!(place.living(), 1);
    }
}
