//! Settings: what they refuse, and services that differ in them.

use super::*;

#[test]
fn turned_off_again_everybody_stays_logged_in() {
    for place in KINDS.map(Place::new) {
        let (first, second) = rotated(&place, &rotating(place.builder()));
        let plain = place.manager();
        place.clock.advance(PERIOD);
        assert_eq!(visit(&plain, &second), (true, None), "{:?}", place.kind);
        // A renewal forgets what was kept of the ids.
        let session = begin(&plain, &second);
        session.renew().unwrap();
        let third = sent(&session).unwrap();
        assert_eq!(visit(&plain, &third), (true, None), "{:?}", place.kind);
        assert_eq!(visit(&plain, &first), (false, None), "{:?}", place.kind);
        assert!(visit(&rotating(place.builder()), &third).0, "{:?}: and on again", place.kind);
    }
}

#[test]
fn ids_of_other_generators_rotate_too_and_realms_stay_apart() {
    let place = Place::new(Kind::Memory);
    let ids = || {
        let generate = |client: &ClientInfo| {
            let id = HashedIds::new().generate(client)?;
            SessionId::custom(&format!("eu1.{}", id.as_str())).map_err(|error| IdError::new("bad").with_source(error))
        };
        CustomIds::new(generate, |text: &str| text.strip_prefix("eu1.").is_some_and(|id| SessionId::parse(id).is_ok()))
    };
    let shop = rotating(place.builder().id_generator(ids()).realm("shop"));
    let first = log_in(&shop);
    place.clock.advance(PERIOD);
    let second = visit(&shop, &first).1.unwrap();
    assert!(second.as_str().starts_with(first.as_str()));
    assert_eq!(visit(&shop.in_realm("admin"), &second), (false, None));
    assert_eq!(visit(&shop, &second), (true, None));

    // An id that looks like one that has rotated could not be told from one.
    let unlucky = CustomIds::new(
        |_: &ClientInfo| SessionId::custom(&format!("x~~{}", "A".repeat(22))).map_err(|_| IdError::new("bad")),
        |_: &str| true,
    );
    let manager = place.builder().id_generator(unlucky).build().unwrap();
    let session = manager.begin(None, ClientInfo::default);
    session.set("x", &1).unwrap();
    assert!(matches!(session.save(), Err(Error::Id(_))));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let builder = || Manager::builder(MemoryStorage::new());
    let day = Duration::from_secs(24 * 60 * 60);
    let too_often = [
        (Duration::ZERO, Duration::ZERO),
        (GRACE, GRACE),
        (3 * GRACE - SECOND, GRACE),
        (SECOND, day),
        (day, Duration::MAX),
    ];
    for (period, grace) in too_often {
        let built = builder().rotate_every(period).rotation_grace(grace).build();
        assert_eq!(built.map(drop), Err(ConfigError::RotationTooOften), "{period:?}, {grace:?}");
    }
    for (period, grace) in [(SECOND, Duration::ZERO), (Duration::MAX, day)] {
        assert!(builder().rotate_every(period).rotation_grace(grace).build().is_ok());
    }
    #[cfg(feature = "redis")]
    {
        let storage = support::redis::goframe_strings();
        let built = Manager::builder(storage).rotate_every(PERIOD).build();
        assert_eq!(built.map(drop), Err(ConfigError::RotationUnsupported));
    }
}

#[test]
fn managers_with_and_without_rotation_share_a_storage() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let (manager, plain) = (rotating(place.builder()), place.manager());
        let first = log_in(&manager);
        place.clock.advance(PERIOD);
        // The answer is lost, and a renewal follows that knows nothing of rotation.
        assert!(visit(&manager, &first).1.is_some(), "{kind:?}");
        let session = begin(&plain, &first);
        session.renew().unwrap();
        let third = sent(&session).unwrap();
        let (is_logged_in, fourth) = visit(&manager, &third);
        assert!(is_logged_in, "{kind:?}");
        assert_eq!(visit(&manager, &fourth.unwrap_or(third)), (true, None), "{kind:?}");
    }
}

#[test]
fn an_id_that_the_application_chooses_does_not_rotate() {
    let place = Place::new(Kind::Memory);
    let manager = rotating(place.builder());
    let (first, second) = rotated(&place, &manager);
    for id in [first, second.clone()] {
        let session = manager.begin(None, ClientInfo::default);
        assert!(matches!(session.set_id(id), Err(Error::IdsRotate)));
    }
    let session = place.manager().begin(None, ClientInfo::default);
    assert!(matches!(session.set_id(second.clone()), Err(Error::InvalidId(_))));
    // The text of an id that was kept elsewhere leads to its session.
    let read = SessionId::custom(second.as_str()).unwrap();
    assert!(read == second && manager.key_of(&read) == manager.key_of(&second));
    assert!(SessionId::custom(&format!("{}~~{}", second.as_str(), "A".repeat(22))).is_err());
}
