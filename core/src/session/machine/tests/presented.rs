//! Which of several ids counts.

use super::*;

fn presenting_both() -> Request {
    Request::presenting_all([old_id(), other_id()])
}

#[test]
fn a_dead_id_hides_no_living_one() {
    for dead in [Lookup::Absent, Lookup::Renewed(T0)] {
        let mut reader = presenting_both();
        reader.read(dead);
        reader.read(stored(T0));
        assert_eq!(reader.machine.value("user").unwrap().as_str(), "\"ada\"");
        assert_eq!(reader.machine.id(), Some(other_id()));
        assert_eq!(reader.close([]), (Saved::Nothing, Delivery::Keep));
    }
    for dead in [Committed::Gone, Committed::Renewed(T0)] {
        let mut writer = presenting_both();
        writer.write();
        let (saved, delivery) = writer.close([Reply::Committed(dead), committed()]);
        assert_eq!(
            (saved, delivery),
            (Saved::Committed, Delivery::Refresh { id: other_id(), expires_at: T0 + IDLE, is_remembered: false })
        );
    }
    for dead in [Moved::Gone, Moved::Renewed(T0)] {
        let mut login = presenting_both();
        login.log_in("ada");
        let replies =
            [dead, Moved::Done { expires_at: T0 + IDLE, is_remembered: false, revision: 0 }].map(Reply::Moved);
        let (saved, delivery) = login.close(replies);
        assert_eq!(saved, Saved::Renewed);
        assert!(sends_fresh_id(&delivery));
    }
}

#[test]
fn the_first_that_lives_counts() {
    let mut request = presenting_both();
    request.read(stored(T0));
    assert_eq!(request.machine.id(), Some(old_id()));
}

#[test]
fn of_several_that_open_nothing_none_is_removed() {
    let mut request = presenting_both();
    request.read(Lookup::Absent);
    request.read(Lookup::Absent);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
}

/// A renewed id counts if none is live, wherever it comes.
#[test]
fn a_renewal_counts_if_none_lives() {
    for lookups in [[Lookup::Renewed(T0), Lookup::Absent], [Lookup::Absent, Lookup::Renewed(T0)]] {
        let mut request = presenting_both();
        lookups.into_iter().for_each(|lookup| request.read(lookup));
        assert!(request.machine.is_gone() && request.machine.id().is_none());
        request.write();
        assert_eq!(request.close([Reply::Followed(None)]), (Saved::Gone, Delivery::Keep));
        assert!(request.conflict);
    }
}

/// With two cookies, both renewed, a second login finds the right one.
#[test]
fn a_login_joins_whichever_renewal_it_can() {
    let renewed_to = |byte| SessionId::from_random([byte; 32]);
    let followed = |old: SessionId, byte, whose| [tombstone(&old, &renewed_to(byte)), Reply::Looked(stored_of(whose))];
    let moved = || [Moved::Renewed(T0), Moved::Renewed(T0)].map(Reply::Moved).into_iter();

    let mut login = presenting_both();
    login.log_in("ada");
    let replies = moved().chain(followed(old_id(), 8, "bob")).chain(followed(other_id(), 9, "ada"));
    let (saved, delivery) = login.close(replies.chain([committed()]));
    assert_eq!(
        (saved, delivery),
        (Saved::Renewed, Delivery::Send { id: renewed_to(9), expires_at: T0 + IDLE, is_remembered: false })
    );

    let mut login = presenting_both();
    login.log_in("ada");
    let replies = moved().chain(followed(old_id(), 8, "bob")).chain(followed(other_id(), 9, "bob"));
    assert_eq!(login.close(replies.chain([created()])).0, Saved::Created);
    // A logout ends both.
    login.destroy();
    assert_eq!(login.save([Removed::Done, Removed::Absent, Removed::Absent].map(Reply::Removed)), Saved::Destroyed);
}

/// A browser with two cookies must not come back with the other one.
#[test]
fn a_logout_ends_all_of_them() {
    let mut blind = presenting_both();
    blind.destroy();
    let replies = [Removed::Absent, Removed::Done].map(Reply::Removed);
    assert_eq!(blind.close(replies), (Saved::Destroyed, Delivery::Withdraw));

    let mut first = presenting_both();
    first.read(stored(T0));
    first.destroy();
    let replies = [Removed::Done, Removed::Done].map(Reply::Removed);
    assert_eq!(first.close(replies), (Saved::Destroyed, Delivery::Withdraw));
    assert_eq!(first.asked, ["load", "remove", "remove"]);

    let mut second = presenting_both();
    second.read(Lookup::Renewed(T0));
    second.read(stored(T0));
    second.destroy();
    // The renewed one lives on under another key.
    let renewed_to = StoreKey::from_bytes([9; 32]);
    let replies = [Removed::Done, Removed::Renewed(renewed_to), Removed::Done].map(Reply::Removed);
    assert_eq!(second.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

#[test]
fn what_is_set_after_a_logout_is_of_a_new_session() {
    let mut request = presenting_both();
    request.destroy();
    request.write();
    let replies = [Reply::Removed(Removed::Done), Reply::Removed(Removed::Done), created()];
    let (saved, delivery) = request.close(replies);
    assert_eq!(saved, Saved::Destroyed);
    assert!(sends_fresh_id(&delivery));
}
