//! Requests whose id another one has renewed.

use super::*;

/// For how long after a renewal a request with the old id may have been sent in ignorance of it.
const GRACE: Duration = Duration::from_secs(30);

fn overtaken() -> Reply {
    Reply::Committed(Committed::Renewed(T0))
}

fn move_lost() -> Reply {
    Reply::Moved(Moved::Renewed(T0))
}

/// A request sent after the renewal, whose response was lost.
fn late() -> Request {
    Request::begun_at(T0, Some(old_id()))
}

/// A request sent before the renewal.
fn overlapping() -> Request {
    Request::begun_at(Timestamp::from_millis(T0.as_millis() - 1), Some(old_id()))
}

fn is_lost(request: &mut Request, replies: impl IntoIterator<Item = Reply>) {
    let (error, delivery) = request.fail_to_close(replies);
    assert!(matches!((&error, &delivery), (Error::Gone, Delivery::Keep)), "{error:?}, {delivery:?}");
    // It was reported once. Nothing is left to store.
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
}

#[test]
fn whoever_only_reads_is_told_nothing() {
    for mut request in [late(), overlapping()] {
        request.read(Lookup::Renewed(T0));
        assert!(request.machine.value("user").is_none() && request.machine.id().is_none());
        assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    }
}

#[test]
fn whoever_only_renews_loses_nothing() {
    let mut request = late();
    request.machine.renew().unwrap();
    assert_eq!(request.close([move_lost()]), (Saved::Gone, Delivery::Keep));
}

/// The renewed session is live, and the tombstone has its id.
fn lives() -> [Reply; 2] {
    [tombstone(&old_id(), &other_id()), Reply::Looked(stored_of("ada"))]
}

fn is_conflict(request: &mut Request, replies: impl IntoIterator<Item = Reply>) {
    assert_eq!(request.close(replies), (Saved::Gone, Delivery::Keep));
    assert!(request.conflict);
}

#[test]
fn other_writes_are_a_conflict_and_touch_nothing() {
    let mut blind = late();
    blind.write();
    is_conflict(&mut blind, [overtaken()].into_iter().chain(lives()));

    let mut saw_nothing = late();
    saw_nothing.read(Lookup::Renewed(T0));
    saw_nothing.write();
    is_conflict(&mut saw_nothing, lives());

    let mut had_part = overlapping();
    had_part.read(stored(T0));
    had_part.write();
    is_conflict(&mut had_part, [overtaken()]);

    // A removal cannot begin a session, so whether the old one lives does not matter.
    let mut removes = late();
    removes.machine.remove("user").unwrap();
    is_conflict(&mut removes, [overtaken()]);

    // A save reports it, so the caller can react.
    let mut asks = late();
    asks.write();
    assert_eq!(asks.save([overtaken()].into_iter().chain(lives())), Saved::Gone);
    assert_eq!(asks.close([]), (Saved::Nothing, Delivery::Keep));
    assert!(!asks.conflict);
}

/// Nothing can be displaced any more, so the id counts as unknown.
#[test]
fn writes_begin_anew_when_the_renewed_session_has_ended() {
    let ended = || [tombstone(&old_id(), &other_id()), Reply::Looked(Lookup::Absent)];
    let mut blind = late();
    blind.write();
    let (saved, delivery) = blind.close([overtaken()].into_iter().chain(ended()).chain([created()]));
    assert_eq!(saved, Saved::Created);
    assert!(sends_fresh_id(&delivery));

    let mut renews = overlapping();
    renews.machine.renew().unwrap();
    renews.write();
    assert_eq!(renews.close([move_lost()].into_iter().chain(ended()).chain([created()])).0, Saved::Created);

    // But not with anything it read from the old one.
    let mut had_part = overlapping();
    had_part.read(stored(T0));
    had_part.write();
    is_conflict(&mut had_part, [overtaken()]);

    // Without tombstones, nobody knows.
    let mut blind = late();
    blind.write();
    is_conflict(&mut blind, [overtaken(), Reply::Followed(None)]);
}

/// A form opened from a bookmark long after the login, with a token from `get_or_insert_with`.
#[test]
fn an_update_long_after_the_renewal_is_recorded_like_any_other_write() {
    let update = |began: Timestamp, seen: Lookup| {
        let mut request = Request::begun_at(began, Some(old_id()));
        request.read(seen);
        if request.machine.id().is_some() {
            // This one used the session, and is overtaken only then.
            request.machine.renew().unwrap();
            assert_eq!(request.save([move_lost()]), Saved::Gone);
        }
        request.machine.update("seen")
    };
    let is_recorded = |update: &Result<Update, Error>| matches!(update, Ok(Update::Local(None)));
    assert!(is_recorded(&update(T0 + GRACE, Lookup::Renewed(T0))));
    for early in [update(T0, Lookup::Renewed(T0)), update(T0 + (GRACE - Duration::from_millis(1)), Lookup::Renewed(T0))]
    {
        assert!(matches!(early, Err(Error::Gone)), "{early:?}");
    }
    let had_part = update(T0 + GRACE, stored(T0));
    assert!(matches!(had_part, Err(Error::Gone)), "{had_part:?}");
}

/// A thief who read the session knows the principal. Setting it proves nothing.
#[test]
fn what_was_read_of_the_session_proves_nothing() {
    let mut thief = overlapping();
    thief.read(stored_of("ada"));
    thief.log_in("ada");
    is_lost(&mut thief, [move_lost()]);

    // Nor does setting it without a renewal.
    let mut names = late();
    names.write();
    names.machine.set_principal(Some("ada".into()), &names.config).unwrap();
    let (saved, delivery) = names.close([overtaken(), created()]);
    assert_eq!(saved, Saved::Created);
    assert!(sends_fresh_id(&delivery));

    // A request that saw another principal before has logged in.
    let mut login = overlapping();
    login.read(stored_of("bob"));
    login.log_in("ada");
    assert_eq!(login.close([move_lost()].into_iter().chain(lives()).chain([committed()])).0, Saved::Renewed);
}

/// The same user's second login continues with the session of the first, whichever response arrives.
#[test]
fn a_second_login_joins_the_first() {
    for mut request in [late(), overlapping()] {
        request.log_in("ada");
        let replies = [move_lost(), tombstone(&old_id(), &other_id()), Reply::Looked(stored_of("ada")), committed()];
        let (saved, delivery) = request.close(replies);
        assert_eq!(
            (saved, delivery),
            (Saved::Renewed, Delivery::Send { id: other_id(), expires_at: T0 + IDLE, is_remembered: false })
        );
        assert_eq!(request.asked, ["move", "tombstone", "whose", "commit"]);
    }
    // Read before or after the renewal, it makes no difference.
    let mut saw_nothing = late();
    saw_nothing.read(Lookup::Renewed(T0));
    saw_nothing.log_in("ada");
    let replies = [tombstone(&old_id(), &other_id()), Reply::Looked(stored_of("ada")), committed()];
    assert_eq!(saw_nothing.close(replies).0, Saved::Renewed);

    let mut had_part = overlapping();
    had_part.read(stored(T0));
    had_part.log_in("ada");
    let replies = [move_lost(), tombstone(&old_id(), &other_id()), Reply::Looked(stored_of("ada")), committed()];
    assert_eq!(had_part.close(replies).0, Saved::Renewed);
}

#[test]
fn a_login_follows_several_renewals() {
    let third = SessionId::from_random([3; 32]);
    let mut request = late();
    request.log_in("ada");
    let replies = [
        move_lost(),
        tombstone(&old_id(), &other_id()),
        Reply::Looked(Lookup::Renewed(T0)),
        tombstone(&other_id(), &third),
        Reply::Looked(stored_of("ada")),
        committed(),
    ];
    assert_eq!(request.close(replies).1, Delivery::Send { id: third, expires_at: T0 + IDLE, is_remembered: false });
}

/// Merely knowing the old id gives no access to the renewed session.
#[test]
fn another_users_login_begins_its_own_session() {
    for there in [stored_of("bob"), stored(T0), Lookup::Absent] {
        let mut request = late();
        request.log_in("ada");
        let replies = [move_lost(), tombstone(&old_id(), &other_id()), Reply::Looked(there.clone()), created()];
        let (saved, delivery) = request.close(replies);
        assert_eq!(saved, Saved::Created);
        assert!(sends_fresh_id(&delivery), "{there:?}");

        // But not with anything it read from the old one.
        let mut had_part = overlapping();
        had_part.read(stored(T0));
        had_part.log_in("ada");
        is_lost(&mut had_part, [move_lost(), tombstone(&old_id(), &other_id()), Reply::Looked(there)]);
    }
}

#[test]
fn a_tombstone_that_opens_nothing_is_none() {
    let sealed_by_another = tombstone(&SessionId::from_random([9; 32]), &other_id());
    let of_another_key = Reply::Followed(Some(Tombstone::new(
        StoreKey::from_bytes([8; 32]),
        T0,
        SealedId::seal(&other_id(), &StoreKey::from_bytes([8; 32]), &old_id()),
    )));
    for followed in [Reply::Followed(None), sealed_by_another, of_another_key] {
        let mut request = late();
        request.log_in("ada");
        let (saved, _) = request.close([move_lost(), followed, created()]);
        assert_eq!(saved, Saved::Created);
    }
}

#[test]
fn a_session_that_ends_while_it_is_joined_stays_dead() {
    let mut request = late();
    request.log_in("ada");
    let gone = Reply::Committed(Committed::Gone);
    is_lost(&mut request, [move_lost(), tombstone(&old_id(), &other_id()), Reply::Looked(stored_of("ada")), gone]);
}

/// Without a principal, a second click looks like a stranger's, or like an overlapping renewal.
#[test]
fn a_renewal_without_a_principal_begins_anew_if_it_came_later() {
    let after = |millis: u64| Request::begun_at(T0 + Duration::from_millis(millis), Some(old_id()));
    for reads in [false, true] {
        for (mut request, begins) in
            [(overlapping(), false), (after(0), false), (after(4_999), false), (after(5_000), true)]
        {
            if reads {
                request.read(Lookup::Renewed(T0));
            }
            request.machine.renew().unwrap();
            request.write();
            let moved = (!reads).then(move_lost);
            if begins {
                let replies = moved.into_iter().chain(lives()).chain([created()]);
                assert_eq!(request.close(replies).0, Saved::Created);
            } else {
                is_lost(&mut request, moved.into_iter().chain(lives()));
            }
        }
    }
    let mut had_part = after(5_000);
    had_part.read(stored(T0));
    had_part.machine.renew().unwrap();
    had_part.write();
    is_lost(&mut had_part, [move_lost()]);
}

#[test]
fn a_logout_ends_the_renewed_session() {
    let mut request = late();
    request.read(Lookup::Renewed(T0));
    request.destroy();
    let replies = [Removed::Renewed(StoreKey::of(&other_id())), Removed::Done].map(Reply::Removed);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

/// Whatever a request has begun since, its client still holds the renewed id.
#[test]
fn a_logout_after_a_login_of_its_own_ends_the_renewed_session_too() {
    let mut request = late();
    request.log_in("ada");
    let bobs = [move_lost(), tombstone(&old_id(), &other_id()), Reply::Looked(stored_of("bob"))];
    assert_eq!(request.save(bobs.into_iter().chain([created()])), Saved::Created);
    request.destroy();
    let replies = [Removed::Done, Removed::Renewed(StoreKey::of(&other_id())), Removed::Done].map(Reply::Removed);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

/// An application that works under an id of its own choice logs out the client as well.
#[test]
fn a_logout_under_a_given_id_ends_what_was_presented() {
    let mut request = Request::presenting(Some(old_id()));
    request.machine.set_id(other_id(), &request.config).unwrap();
    request.destroy();
    let replies = [Removed::Done, Removed::Done].map(Reply::Removed);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

/// A given id that was renewed is not used again.
#[test]
fn a_login_under_a_given_id_that_was_renewed_gets_another() {
    let mut request = Request::presenting(None);
    request.machine.set_id(old_id(), &request.config).unwrap();
    request.log_in("ada");
    let replies = [move_lost(), tombstone(&old_id(), &other_id()), Reply::Looked(stored_of("bob")), created()];
    let (saved, delivery) = request.close(replies);
    assert_eq!(saved, Saved::Created);
    assert!(sends_fresh_id(&delivery));
}

#[test]
fn a_client_that_came_much_later_begins_anew() {
    let much_later = || Request::begun_at(T0 + GRACE, Some(old_id()));
    let mut reader = much_later();
    reader.read(Lookup::Renewed(T0));
    assert_eq!(reader.close([]), (Saved::Nothing, Delivery::Keep));

    let mut writer = much_later();
    writer.write();
    assert_eq!(writer.close([overtaken(), created()]).0, Saved::Created);

    // A login still finds its session, so that it is not left behind.
    let mut login = much_later();
    login.log_in("ada");
    assert_eq!(login.close([move_lost()].into_iter().chain(lives()).chain([committed()])).0, Saved::Renewed);
}

/// What counts is when a request was sent, not how long it takes.
#[test]
fn a_slow_request_stays_overtaken() {
    for request in [&mut late(), &mut overlapping()] {
        request.clock.set(T0 + 10 * GRACE);
        request.read(Lookup::Renewed(T0));
        request.write();
        let still_lives = {
            let mut record = Record::new(request.clock.now(), IDLE, None);
            record.principal = Some("ada".into());
            Lookup::Found(Snapshot::complete(record))
        };
        is_conflict(request, [tombstone(&old_id(), &other_id()), Reply::Looked(still_lives)]);
    }
}

/// The client may have presented several renewed ids.
#[test]
fn a_login_joins_whichever_renewal_it_can() {
    let (third, fourth) = (SessionId::from_random([3; 32]), SessionId::from_random([4; 32]));
    for first in [stored_of("bob"), Lookup::Absent] {
        let mut request = Request::presenting_all([old_id(), third.clone()]);
        request.log_in("ada");
        let replies = [
            move_lost(),
            move_lost(),
            tombstone(&old_id(), &other_id()),
            Reply::Looked(first),
            tombstone(&third, &fourth),
            Reply::Looked(stored_of("ada")),
            committed(),
        ];
        let sends = Delivery::Send { id: fourth.clone(), expires_at: T0 + IDLE, is_remembered: false };
        assert_eq!(request.close(replies), (Saved::Renewed, sends));
    }
}

/// Another renewal must not hide a live session, which a write would displace.
#[test]
fn a_write_looks_at_every_renewal() {
    let (third, fourth) = (SessionId::from_random([3; 32]), SessionId::from_random([4; 32]));
    let mut request = Request::presenting_all([old_id(), third.clone()]);
    request.write();
    let replies = [
        overtaken(),
        overtaken(),
        tombstone(&old_id(), &other_id()),
        Reply::Looked(Lookup::Absent),
        tombstone(&third, &fourth),
        Reply::Looked(stored_of("ada")),
    ];
    is_conflict(&mut request, replies);
}
