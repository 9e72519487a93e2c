//! What a handler can do about its user's sessions: list them, end one, end the others, end all (R9).

use gsession::{SessionId, StoreKey};

use crate::{
    framework::{Ask, SessionError, Sessions},
    support::{
        NAME,
        app::{App, Failure, Reply},
        client::Client,
        key_of,
        place::{KINDS, Place},
        request::Request,
    },
};

/// Every own session: its key, and a star at the one that asks.
async fn list(ask: Ask) -> Result<Reply, Failure> {
    let all = ask.session().list().await?;
    let shown: Vec<_> = all.iter().map(|one| format!("{}{}", one.key, if one.is_current { "*" } else { "" })).collect();
    Ok(shown.join("\n").into())
}

async fn end(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    let ended = session.end(StoreKey::parse(ask.tail()).unwrap()).await?;
    session.set("flash", "done")?;
    Ok(ended.to_string().into())
}

async fn everywhere(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    let others = session.destroy_everywhere().await?;
    session.set("flash", "bye")?;
    Ok(others.to_string().into())
}

/// As an operator's page does.
async fn of_somebody(sessions: Sessions, who: String) -> Result<Reply, Failure> {
    let listed = sessions.manager().sessions_of(&who).await.map_err(SessionError::from)?;
    Ok(listed.len().to_string().into())
}

async fn application(place: &Place) -> Client {
    let sessions = place.sessions();
    let app = App::new().scripts().route("/list", list).route("/end/{key}", end).route("/everywhere", everywhere);
    let operators = sessions.clone();
    let app = app.route("/of/{who}", move |ask| of_somebody(operators.clone(), ask.tail().to_owned()));
    app.wrap(sessions).client().await
}

fn with(path: &str, id: &SessionId) -> Request {
    Request::get(path).header("cookie", format!("{NAME}={}", id.as_str()))
}

async fn login(client: &Client, who: &str) -> SessionId {
    client.new_does(&format!("set:user={who},principal:{who}")).await.issued()
}

#[tokio::test]
async fn a_user_sees_and_ends_only_his_own() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = application(&place).await;
        let (laptop, phone, bob) =
            (login(&client, "ada").await, login(&client, "ada").await, login(&client, "bob").await);
        let listed = client.send(with("/list", &laptop)).await.body;
        let mut lines: Vec<&str> = listed.lines().collect();
        lines.sort_unstable();
        let mut expected = [format!("{}*", key_of(&laptop)), key_of(&phone).to_string()];
        expected.sort_unstable();
        assert_eq!(lines, expected, "{kind:?}");
        assert_eq!(client.send(Request::get("/of/ada")).await.body, "2");

        // Somebody else's is none of his, and neither is what does not exist.
        for stranger in [key_of(&bob), key_of(&crate::support::ids::planted())] {
            assert_eq!(client.send(with(&format!("/end/{stranger}"), &laptop)).await.body, "false");
        }
        assert!(place.record(&bob).is_some());
        let answer = client.send(with(&format!("/end/{}", key_of(&phone)), &laptop)).await;
        assert_eq!(answer.body, "true");
        answer.no_cookie();
        assert!(place.record(&phone).is_none());
        assert_eq!(place.data(&laptop).unwrap(), ["flash=\"done\"", "user=\"ada\""]);

        // Ending the own one is a logout, and what is set afterwards is the next page's.
        let answer = client.send(with(&format!("/end/{}", key_of(&laptop)), &laptop)).await;
        assert_eq!(answer.body, "true");
        let fresh = answer.issued();
        assert_eq!(place.data(&fresh).unwrap(), ["flash=\"done\""]);
        assert!(place.record(&laptop).is_none(), "{kind:?}");
        assert_eq!(place.living(), 2);
    }
}

/// Between the page that lists the devices and the click on one of them, that device logs in again.
#[tokio::test]
async fn a_session_is_ended_although_it_was_renewed_since_it_was_listed() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = application(&place).await;
        let (laptop, phone) = (login(&client, "ada").await, login(&client, "ada").await);
        let renewed = client.does(&phone, "renew").await.issued();
        let again = client.does(&renewed, "renew").await.issued();
        let bobs = login(&client, "bob").await;
        let bobs_now = client.does(&bobs, "renew").await.issued();
        assert_eq!(client.send(with(&format!("/end/{}", key_of(&bobs)), &laptop)).await.body, "false");
        assert_eq!(client.send(with(&format!("/end/{}", key_of(&phone)), &laptop)).await.body, "true", "{kind:?}");
        assert!(place.record(&again).is_none() && place.record(&bobs_now).is_some());
        // The own one, by the key it had before: a logout.
        let here = client.does(&laptop, "renew").await.issued();
        let answer = client.send(with(&format!("/end/{}", key_of(&laptop)), &here)).await;
        assert_eq!(answer.body, "true");
        assert_eq!(place.data(&answer.issued()).unwrap(), ["flash=\"done\""]);
        assert!(place.record(&here).is_none(), "{kind:?}");
    }
}

#[tokio::test]
async fn whoever_is_nobody_has_no_sessions() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = application(&place).await;
        let (anonymous, ada) = (client.new_does("set:cart=1").await.issued(), login(&client, "ada").await);
        assert_eq!(client.send(with("/list", &anonymous)).await.body, "");
        assert_eq!(client.send(with(&format!("/end/{}", key_of(&ada)), &anonymous)).await.body, "false");
        assert_eq!(client.send(Request::get("/list")).await.body, "");
        // Logging out everywhere is logging out here.
        let answer = client.send(with("/everywhere", &anonymous)).await;
        assert_eq!(answer.body, "0");
        assert_eq!(place.data(&answer.issued()).unwrap(), ["flash=\"bye\""]);
        assert!(place.record(&anonymous).is_none() && place.record(&ada).is_some());
    }
}

#[tokio::test]
async fn logging_out_everywhere_keeps_the_message() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = application(&place).await;
        let (laptop, phone, bob) =
            (login(&client, "ada").await, login(&client, "ada").await, login(&client, "bob").await);
        let answer = client.send(with("/everywhere", &laptop)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "1"));
        assert_eq!(place.data(&answer.issued()).unwrap(), ["flash=\"bye\""], "{kind:?}");
        assert!(place.record(&laptop).is_none() && place.record(&phone).is_none() && place.record(&bob).is_some());
        // A request that comes with a session that has ended meanwhile finds none.
        assert_eq!(client.send(with("/list", &phone)).await.body, "");
    }
}

/// The own session ends although the others could not be found, and nothing is said to have worked.
#[tokio::test]
async fn a_storage_that_fails_keeps_nobody_logged_in_here() {
    let place = Place::memory();
    let client = application(&place).await;
    let (laptop, phone) = (login(&client, "ada").await, login(&client, "ada").await);
    place.probe.fail(&[crate::support::probe::Op::Find]);
    let answer = client.send(with("/everywhere", &laptop)).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.cookies(), [crate::support::removal()]);
    assert!(place.record(&laptop).is_none() && place.record(&phone).is_some());
    assert_eq!(client.send(Request::get("/of/ada")).await.status, 503);
}
