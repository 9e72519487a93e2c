//! Requests whose id another one has renewed.

use super::*;

/// As long after a renewal as its old id is believed to come from a request that could not know.
const GRACE: Duration = Duration::from_secs(30);

fn overtaken() -> Reply {
    Reply::Committed(Committed::Moved(T0))
}

fn move_lost() -> Reply {
    Reply::Moved(Moved::Moved(T0))
}

/// A request that was sent after the renewal, to which no answer came.
fn late() -> Request {
    Request::begun_at(T0, Some(old_id()))
}

/// A request that was sent before the renewal.
fn overlapping() -> Request {
    Request::begun_at(Timestamp::from_millis(T0.as_millis() - 1), Some(old_id()))
}

fn is_lost(request: &mut Request, replies: impl IntoIterator<Item = Reply>) {
    let (error, delivery) = request.fail_to_close(replies);
    assert!(matches!((&error, &delivery), (Error::Gone, Delivery::Keep)), "{error:?}, {delivery:?}");
    // It was said once; nothing is left that could be stored.
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
}

#[test]
fn whoever_only_reads_is_told_nothing() {
    for mut request in [late(), overlapping()] {
        request.read(Lookup::Moved(T0));
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

#[test]
fn other_writes_are_an_error_and_touch_nothing() {
    let mut blind = late();
    blind.write();
    is_lost(&mut blind, [overtaken()]);

    let mut saw_nothing = late();
    saw_nothing.read(Lookup::Moved(T0));
    saw_nothing.write();
    is_lost(&mut saw_nothing, []);

    let mut had_part = overlapping();
    had_part.read(stored(T0));
    had_part.write();
    is_lost(&mut had_part, [overtaken()]);

    // Who asks by a save is told, and can do something about it.
    let mut asks = late();
    asks.write();
    assert_eq!(asks.save([overtaken()]), Saved::Gone);
    assert_eq!(asks.close([]), (Saved::Nothing, Delivery::Keep));
}

/// The same user's second login goes on with what the first one has made, whichever answer arrives.
#[test]
fn a_second_login_joins_the_first() {
    for mut request in [late(), overlapping()] {
        request.log_in("ada");
        let replies = [move_lost(), trace(&old_id(), &other_id()), Reply::Looked(stored_of("ada")), committed()];
        let (saved, delivery) = request.close(replies);
        assert_eq!((saved, delivery), (Saved::Renewed, Delivery::Send { id: other_id(), expires_at: T0 + IDLE }));
        assert_eq!(request.asked, ["move", "trace", "whose", "commit"]);
    }
    // Having read the session, before or after it was renewed.
    let mut saw_nothing = late();
    saw_nothing.read(Lookup::Moved(T0));
    saw_nothing.log_in("ada");
    let replies = [trace(&old_id(), &other_id()), Reply::Looked(stored_of("ada")), committed()];
    assert_eq!(saw_nothing.close(replies).0, Saved::Renewed);

    let mut had_part = overlapping();
    had_part.read(stored(T0));
    had_part.log_in("ada");
    let replies = [move_lost(), trace(&old_id(), &other_id()), Reply::Looked(stored_of("ada")), committed()];
    assert_eq!(had_part.close(replies).0, Saved::Renewed);
}

#[test]
fn a_login_follows_several_renewals() {
    let third = SessionId::from_random([3; 32]);
    let mut request = late();
    request.log_in("ada");
    let replies = [
        move_lost(),
        trace(&old_id(), &other_id()),
        Reply::Looked(Lookup::Moved(T0)),
        trace(&other_id(), &third),
        Reply::Looked(stored_of("ada")),
        committed(),
    ];
    assert_eq!(request.close(replies).1, Delivery::Send { id: third, expires_at: T0 + IDLE });
}

/// Whoever merely knew the old id gets no part in the renewed session.
#[test]
fn another_users_login_begins_its_own_session() {
    for there in [stored_of("bob"), stored(T0), Lookup::Absent] {
        let mut request = late();
        request.log_in("ada");
        let replies = [move_lost(), trace(&old_id(), &other_id()), Reply::Looked(there.clone()), created()];
        let (saved, delivery) = request.close(replies);
        assert_eq!(saved, Saved::Created);
        assert!(sends_fresh_id(&delivery), "{there:?}");

        // But not with what it has read of the old one.
        let mut had_part = overlapping();
        had_part.read(stored(T0));
        had_part.log_in("ada");
        is_lost(&mut had_part, [move_lost(), trace(&old_id(), &other_id()), Reply::Looked(there)]);
    }
}

#[test]
fn a_trace_that_opens_nothing_is_none() {
    let sealed_by_another = trace(&SessionId::from_random([9; 32]), &other_id());
    let of_another_key = Reply::Followed(Some(Trace::new(
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
    is_lost(&mut request, [move_lost(), trace(&old_id(), &other_id()), Reply::Looked(stored_of("ada")), gone]);
}

/// Without a principal a second click cannot be told from a stranger, so it begins anew.
#[test]
fn a_renewal_without_a_principal_begins_anew_if_it_came_later() {
    let mut blind = late();
    blind.machine.renew().unwrap();
    blind.write();
    let (saved, delivery) = blind.close([move_lost(), created()]);
    assert_eq!(saved, Saved::Created);
    assert!(sends_fresh_id(&delivery));

    let mut saw_nothing = late();
    saw_nothing.read(Lookup::Moved(T0));
    saw_nothing.machine.renew().unwrap();
    saw_nothing.write();
    assert_eq!(saw_nothing.close([created()]).0, Saved::Created);

    for reads in [false, true] {
        let mut request = overlapping();
        if reads {
            request.read(stored(T0));
        }
        request.machine.renew().unwrap();
        request.write();
        is_lost(&mut request, [move_lost()]);
    }
}

#[test]
fn a_logout_ends_the_renewed_session() {
    let mut request = late();
    request.read(Lookup::Moved(T0));
    request.destroy();
    let replies = [Removed::Moved(StoreKey::of(&other_id())), Removed::Done].map(Reply::Removed);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

/// Whatever a request has begun meanwhile, its client still holds the renewed id.
#[test]
fn a_logout_after_a_login_of_its_own_ends_the_renewed_session_too() {
    let mut request = late();
    request.log_in("ada");
    let bobs = [move_lost(), trace(&old_id(), &other_id()), Reply::Looked(stored_of("bob"))];
    assert_eq!(request.save(bobs.into_iter().chain([created()])), Saved::Created);
    request.destroy();
    let replies = [Removed::Done, Removed::Moved(StoreKey::of(&other_id())), Removed::Done].map(Reply::Removed);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

#[test]
fn a_client_that_came_much_later_begins_anew() {
    let much_later = || Request::begun_at(T0 + GRACE, Some(old_id()));
    let mut reader = much_later();
    reader.read(Lookup::Moved(T0));
    assert_eq!(reader.close([]), (Saved::Nothing, Delivery::Keep));

    let mut writer = much_later();
    writer.write();
    assert_eq!(writer.close([overtaken(), created()]).0, Saved::Created);

    let mut login = much_later();
    login.log_in("ada");
    assert_eq!(login.close([move_lost(), created()]).0, Saved::Created);
}

/// What counts is when a request was sent, not how slow it is.
#[test]
fn a_slow_request_stays_overtaken() {
    for request in [&mut late(), &mut overlapping()] {
        request.now = T0 + 10 * GRACE;
        request.read(Lookup::Moved(T0));
        request.write();
        is_lost(request, []);
    }
}
