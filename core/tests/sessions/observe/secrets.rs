//! Logs of what happens have neither ids nor values, nor principals, nor whole keys (R15).

use super::*;

/// Everything a session can go through, with the texts that nobody may see.
fn live(scene: &Scene) -> Vec<String> {
    let mut secrets = ["secret-cart", "secret-ada", "secret-tag", "secret-label"].map(str::to_owned).to_vec();
    let note = |secrets: &mut Vec<String>, id: &SessionId| {
        secrets.push(id.as_str().to_owned());
        secrets.push(scene.key(id).to_string());
    };
    let session = scene.begin(None);
    session.set("cart", "secret-cart").unwrap();
    let visitor = closed(&session).unwrap();
    note(&mut secrets, &visitor);
    let session = scene.begin(Some(&visitor));
    session.log_in(gsession::Login::new("secret-ada").tag("secret-tag").label("secret-label")).unwrap();
    let user = closed(&session).unwrap();
    note(&mut secrets, &user);
    // An id that was renewed, one that is unknown, a text that cannot be one, and a login too many.
    let unknown = SessionId::from_random([9; 32]);
    note(&mut secrets, &unknown);
    for id in [&visitor, &unknown] {
        assert!(!scene.begin(Some(id)).contains_key("cart").unwrap());
    }
    secrets.push("secret-malformed".to_owned());
    assert!(scene.manager.begin(["secret-malformed"], ClientInfo::default).is_empty().unwrap());
    scene.begin(None).log_in("secret-ada").unwrap_err();
    // A rotation, and the use of the id before it after its grace period.
    scene.place.clock.advance(PERIOD);
    let session = scene.begin(Some(&user));
    assert!(session.principal().unwrap().is_some());
    let rotated = closed(&session).unwrap();
    note(&mut secrets, &rotated);
    let session = scene.begin(Some(&rotated));
    session.update("cart", |_: Option<String>| "secret-cart".to_owned()).unwrap();
    session.set("visits", "secret-cart").unwrap();
    let _ = session.close().unwrap();
    scene.place.clock.advance(GRACE);
    assert!(scene.begin(Some(&user)).principal().unwrap().is_none());
    scene.storage.fail(Op::Load);
    scene.manager.sessions_of("secret-ada").unwrap();
    scene.begin(Some(&rotated)).data().unwrap_err();
    scene.manager.sweep().unwrap();
    secrets
}

#[test]
fn nothing_secret_is_logged_at_any_level() {
    for kind in KINDS {
        let before = log::mark();
        let scene = Scene::with(kind, |builder| builder.rotate_every(PERIOD).max_sessions(1, AtLimit::Refuse));
        let secrets = live(&scene);
        let lines = log::since(before);
        for secret in &secrets {
            let leaked: Vec<_> = lines.iter().filter(|line| line.contains(secret.as_str())).collect();
            assert!(leaked.is_empty(), "{kind:?}: {secret}: {leaked:?}");
        }
        for said in [
            "a session was created",
            "a user has logged in",
            "a session was renewed",
            "the id of a session was rotated",
            "a session has ended",
            "an id that opens nothing",
            "what cannot be an id",
            "too many sessions",
            "a commit has ended",
            "expired sessions were removed",
            "SPAN storage operation=\"load\"",
            "outcome=\"timeout\"",
        ] {
            assert!(lines.iter().any(|line| line.contains(said)), "{kind:?}: nothing is logged of: {said}");
        }
        // What an observer is told shows no more.
        let told = format!("{:?}", told_without_principals(&scene));
        for secret in &secrets {
            assert!(!told.contains(secret.as_str()), "{kind:?}: {secret}");
        }
    }
}

/// What was told, without the principals that the recorder has copied.
fn told_without_principals(scene: &Scene) -> (Vec<Told>, usize) {
    let told = scene.told();
    let logins = told.iter().filter(|told| matches!(told, Told::LoggedIn(..))).count();
    assert_eq!(logins, 1);
    (told.into_iter().filter(|told| !matches!(told, Told::LoggedIn(..))).collect(), logins)
}

/// An observer that logs each event as it is.
struct Logging;

impl Observer for Logging {
    fn logged_in(&self, event: &gsession::observe::LoggedIn<'_>) {
        tracing::info!(?event, "logged by an observer");
    }
}

#[test]
fn the_debug_of_a_login_does_not_show_who_it_is() {
    for kind in KINDS {
        let scene = Scene::with(kind, |builder| builder.observer(Arc::new(Logging)));
        let before = log::mark();
        scene.begin(None).log_in("secret-bob").unwrap();
        let lines = log::since(before);
        assert!(lines.iter().any(|line| line.contains("logged by an observer")), "{kind:?}");
        assert!(!lines.iter().any(|line| line.contains("secret-bob")), "{kind:?}");
    }
}
