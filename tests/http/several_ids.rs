//! Several ids in one request: two cookies of one name, or a cookie and a header. The first that lives counts.

use gsession::SessionId;

use crate::support::{
    NAME,
    answer::Answer,
    client::Client,
    ids::planted,
    place::{KINDS, Place},
    removal,
    request::Request,
};

const HEADER: &str = "x-session";

async fn client(place: &Place) -> Client {
    Client::of(place.builder().header_name(HEADER).build().unwrap()).await
}

/// Presents two ids: in one line of cookies, in two lines, or by cookie and header.
async fn in_every_way(client: &Client, first: &SessionId, second: &SessionId, steps: &str) -> [Answer; 3] {
    let uri = format!("/do/{steps}");
    let cookie = |id: &SessionId| format!("{NAME}={}", id.as_str());
    let get = || Request::get(&uri);
    [
        client.send(get().header("cookie", format!("{}; {}", cookie(first), cookie(second)))).await,
        client.send(get().header("cookie", cookie(first)).header("cookie", cookie(second))).await,
        client.send(get().header("cookie", cookie(first)).header(HEADER, second.as_str())).await,
    ]
}

/// Ids under which no session lives, each with how it came to that.
async fn without_session(client: &Client) -> Vec<(&'static str, SessionId)> {
    let renewed = client.login().await;
    client.does(&renewed, "renew").await.issued();
    let ended = client.login().await;
    client.does(&ended, "destroy").await;
    vec![("renewed", renewed), ("ended", ended), ("unknown", planted())]
}

#[tokio::test]
async fn nothing_hides_a_living_one() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = client(&place).await;
        for (what, dead) in without_session(&client).await {
            let living = client.login().await;
            for (first, second) in [(&dead, &living), (&living, &dead)] {
                for answer in in_every_way(&client, first, second, "get").await {
                    assert_eq!(answer.body, "\"ada\"", "{kind:?} {what}");
                    answer.no_cookie();
                }
                // Without looking first.
                for answer in in_every_way(&client, first, second, "set:n=1").await {
                    assert_eq!(answer.status, 200, "{kind:?} {what}");
                    answer.no_cookie();
                }
                assert_eq!(place.data(&living).unwrap(), ["n=\"1\"", "user=\"ada\""]);
                for answer in in_every_way(&client, first, second, "update:count").await {
                    answer.no_cookie();
                }
                assert_eq!(client.does(&living, "number:count,remove:count,remove:n").await.body, "3");
            }
        }
    }
}

/// A browser with an old cookie and a new one, as after a deploy that set a domain: every login works.
#[tokio::test]
async fn a_login_goes_through_beside_a_renewed_cookie() {
    for kind in KINDS {
        for login in ["renew,set:user=ada,principal:ada", "get,renew,set:user=ada,principal:ada", "renew,set:user=ada"]
        {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let old = client.new_does("set:csrf=1").await.issued();
            let mut current = client.does(&old, login).await.issued();
            for _ in 0..3 {
                let both = format!("{NAME}={}; {NAME}={}", old.as_str(), current.as_str());
                let answer = client.with_cookie(&both, login).await;
                assert_eq!(answer.status, 200);
                let renewed = answer.issued();
                assert_ne!(renewed, current, "{kind:?} {login}");
                assert_eq!(place.data(&renewed).unwrap(), ["csrf=\"1\"", "user=\"ada\""]);
                current = renewed;
            }
            assert_eq!(place.living(), 1);
        }
    }
}

/// Whatever the browser comes back with afterwards, nobody is logged in.
#[tokio::test]
async fn a_logout_ends_all_that_the_client_holds() {
    for kind in KINDS {
        for steps in ["destroy", "get,destroy", "set:n=1,save,destroy"] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let (one, two) = (client.login().await, client.login().await);
            let both = format!("{NAME}={}; {NAME}={}", one.as_str(), two.as_str());
            assert_eq!(client.with_cookie(&both, steps).await.cookies(), [removal()]);
            assert_eq!(place.living(), 0, "{kind:?} {steps}");

            // One of them had been renewed, and the other one counted.
            let (old, other) = (client.login().await, client.login().await);
            let renewed = client.does(&old, "renew").await.issued();
            let both = format!("{NAME}={}; {NAME}={}", old.as_str(), other.as_str());
            assert_eq!(client.with_cookie(&both, steps).await.cookies(), [removal()]);
            assert!(place.record(&renewed).is_none() && place.record(&other).is_none(), "{kind:?} {steps}");
        }
    }
}

/// Two applications on one host, both with the default name and each with a storage of its own: cookies know no ports.
#[tokio::test]
async fn looking_at_another_application_logs_nobody_out() {
    for kind in KINDS {
        let (ours, theirs) = (Place::new(kind), Place::new(kind));
        let (us, them) = (Client::of(ours.sessions()).await, Client::of(theirs.sessions()).await);
        let id = us.login().await;
        for steps in ["hold", "get", "data", "id,get,info", "remove:user", "renew", "clear", "list"] {
            let answer = them.does(&id, steps).await;
            assert_eq!(answer.status, 200);
            answer.no_cookie();
        }
        assert_eq!(us.does(&id, "get").await.body, "\"ada\"");
        // Only one that begins a session of its own, or ends one, takes the name for itself.
        assert_ne!(them.does(&id, "set").await.issued(), id);
        assert_eq!(them.does(&id, "destroy").await.cookies(), [removal()]);
    }
}
