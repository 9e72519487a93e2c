//! What happens at the end of a request.

use super::*;
use crate::session::machine::step::{Create, Move};

#[test]
fn none_and_nothing_written_is_nothing() {
    let mut request = Request::presenting(None);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    request.read(Lookup::Absent);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    assert!(request.asked.is_empty(), "without an id there is nothing to look up");
}

#[test]
fn none_and_written_is_created() {
    let mut request = Request::presenting(None);
    request.write();
    let (saved, delivery) = request.close([created()]);
    assert_eq!(saved, Saved::Created);
    assert!(sends_fresh_id(&delivery));
}

#[test]
fn a_taken_id_is_never_overwritten() {
    let mut request = Request::presenting(None);
    request.write();
    let (saved, delivery) = request.close([Reply::Created(Created::Exists), created()]);
    assert_eq!((saved, request.asked.as_slice()), (Saved::Created, ["create", "create"].as_slice()));
    assert!(sends_fresh_id(&delivery));
}

#[test]
fn any_and_not_used_is_nothing() {
    for mut request in [Request::presenting(Some(old_id())), Request::malformed()] {
        assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
        assert!(request.asked.is_empty());
        assert!(!request.machine.was_used());
    }
}

#[test]
fn found_and_only_read_is_touched_if_due() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep), "not due");

    let mut request = Request::presenting(Some(old_id()));
    request.clock.set(T0 + Duration::from_secs(30));
    request.read(stored(T0));
    let expires_at = request.clock.now() + IDLE;
    let (_, delivery) = request.close([Reply::Touched(Touched::Done(expires_at))]);
    assert_eq!(delivery, Delivery::Refresh { id: old_id(), expires_at, is_remembered: false });
    assert_eq!(request.asked, ["load", "touch"]);
}

#[test]
fn passive_requests_touch_nothing() {
    let mut request = Request::presenting(Some(old_id()));
    request.clock.set(T0 + Duration::from_secs(300));
    request.machine.set_passive(true);
    request.read(stored(T0));
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
}

#[test]
fn found_and_written_is_committed() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.write();
    let (saved, delivery) = request.close([committed()]);
    assert_eq!(
        (saved, delivery),
        (Saved::Committed, Delivery::Refresh { id: old_id(), expires_at: T0 + IDLE, is_remembered: false })
    );
    assert_eq!(request.asked, ["load", "commit"]);
}

#[test]
fn found_and_gone_at_commit_is_dropped_and_reported() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.write();
    assert_eq!(request.save([Reply::Committed(Committed::Gone)]), Saved::Gone);
    // Whatever it does now, it stays dead.
    request.write();
    assert_eq!(request.save([]), Saved::Gone);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
}

#[test]
fn never_looked_up_and_unknown_at_commit_is_created() {
    let mut request = Request::presenting(Some(old_id()));
    request.write();
    let (saved, delivery) = request.close([Reply::Committed(Committed::Gone), created()]);
    assert_eq!(saved, Saved::Created);
    assert!(sends_fresh_id(&delivery), "a client's id is never adopted");
    assert_eq!(request.asked, ["commit", "create"]);
}

#[test]
fn a_login_whose_session_is_gone_is_an_error() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.log_in("ada");
    let (error, delivery) = request.fail_to_close([Reply::Moved(Moved::Gone)]);
    assert!(matches!((error, delivery), (Error::Gone, Delivery::Keep)));
}

#[test]
fn removals_alone_make_no_session() {
    let mut request = Request::presenting(Some(old_id()));
    request.machine.remove("user").unwrap();
    assert_eq!(request.close([Reply::Committed(Committed::Gone)]), (Saved::Nothing, Delivery::Keep));
}

#[test]
fn unknown_and_only_read_is_left_alone() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(Lookup::Absent);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep), "it may belong to another application");

    let mut request = Request::malformed();
    request.read(Lookup::Absent);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    assert!(request.asked.is_empty(), "a malformed id never reaches the storage");
}

#[test]
fn expired_is_as_good_as_none() {
    let mut request = Request::presenting(Some(old_id()));
    request.clock.set(T0 + IDLE);
    request.read(stored(T0));
    assert!(request.machine.value("user").is_none());
    // Another response may be about to bring the client a new id, which a removal would take away.
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
}

#[test]
fn unknown_read_and_written_is_created_under_a_fresh_id() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(Lookup::Absent);
    request.write();
    let (saved, delivery) = request.close([created()]);
    assert_eq!(saved, Saved::Created);
    assert!(sends_fresh_id(&delivery));
}

#[test]
fn found_and_renewed_moves() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.machine.renew().unwrap();
    let (saved, delivery) =
        request.close([Reply::Moved(Moved::Done { expires_at: T0 + IDLE, is_remembered: false, revision: 0 })]);
    assert_eq!(saved, Saved::Renewed);
    assert!(sends_fresh_id(&delivery));
}

#[test]
fn a_renewal_that_lost_sends_nothing() {
    for lost in [Moved::Gone, Moved::Renewed(T0)] {
        let mut request = Request::presenting(Some(old_id()));
        request.read(stored(T0));
        request.machine.renew().unwrap();
        assert_eq!(request.close([Reply::Moved(lost)]), (Saved::Gone, Delivery::Keep));
    }
}

#[test]
fn login_with_a_stale_cookie_works() {
    let mut request = Request::presenting(Some(old_id()));
    request.machine.renew().unwrap();
    request.write();
    let (saved, delivery) = request.close([Reply::Moved(Moved::Gone), created()]);
    assert_eq!(saved, Saved::Created);
    assert!(sends_fresh_id(&delivery));
}

#[test]
fn destroyed_is_removed() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.write();
    request.destroy();
    let (saved, delivery) = request.close([Reply::Removed(Removed::Done)]);
    assert_eq!((saved, delivery), (Saved::Destroyed, Delivery::Withdraw));
    assert_eq!(request.asked, ["load", "remove"], "earlier writes are dropped");
}

#[test]
fn a_destroy_follows_the_renewals_of_others() {
    let (b, c) = (StoreKey::from_bytes([2; 32]), StoreKey::from_bytes([3; 32]));
    let mut request = Request::presenting(Some(old_id()));
    request.destroy();
    let replies = [Removed::Renewed(b), Removed::Renewed(c), Removed::Done].map(Reply::Removed);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

#[test]
fn what_is_written_after_destroy_is_a_new_session() {
    let mut request = Request::presenting(Some(old_id()));
    request.destroy();
    request.write();
    let (saved, delivery) = request.close([Reply::Removed(Removed::Done), created()]);
    assert_eq!(saved, Saved::Destroyed);
    assert!(sends_fresh_id(&delivery));
}

#[test]
fn a_failed_step_is_done_again() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.write();
    let mut progress = Progress::closing();
    let step = request.machine.next(&mut progress, &request.config).unwrap();
    assert!(matches!(step, Some(Step::Commit(_))));
    // The driver was dropped: the outcome of the step is unknown. A later write joins the earlier one.
    request.machine.set("more", &encode(&2).unwrap(), &request.config).unwrap();
    match request.machine.next(&mut progress, &request.config).unwrap() {
        Some(Step::Commit(step)) => {
            assert_eq!(step.commit.changes.edits().collect::<Vec<_>>(), [("more", Some("2")), ("seen", Some("1"))]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_keeps_the_last_good_state() {
    let mut request = Request::presenting(Some(old_id()));
    request.config.limits = Limits::default().max_entries(2).max_value_bytes(10);
    request.read(stored(T0));
    request.write();
    let error = request.machine.set("third", &encode(&1).unwrap(), &request.config).unwrap_err();
    assert!(error.to_string().contains("2 entries"), "{error}");
    assert!(request.machine.set("seen", &encode("0123456789").unwrap(), &request.config).is_err());
    assert_eq!(request.machine.value("seen").unwrap().as_str(), "1");
    assert!(request.machine.value("third").is_none());
    // Removing makes room.
    request.machine.remove("user").unwrap();
    request.machine.set("third", &encode(&1).unwrap(), &request.config).unwrap();
}

#[test]
fn after_the_response_no_new_id_can_be_made() {
    let mut request = Request::presenting(None);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    assert!(request.machine.is_closed());
    let (machine, config) = (&mut request.machine, &request.config);
    for error in [
        machine.set("seen", &encode(&1).unwrap(), config),
        machine.remove("seen"),
        machine.clear(),
        machine.renew(),
        machine.set_principal(None, config),
        machine.set_id(old_id(), config),
        machine.update("seen").map(drop),
        machine.next(&mut Progress::saving(), config).map(drop),
    ] {
        assert!(matches!(error, Err(Error::Closed)), "{error:?}");
    }
}

#[test]
fn after_the_response_a_session_can_be_read_and_destroyed() {
    let mut request = Request::presenting(Some(old_id()));
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    request.read(stored(T0));
    assert_eq!(request.machine.value("user").unwrap().as_str(), "\"ada\"");
    request.destroy();
    assert_eq!(request.save([Reply::Removed(Removed::Done)]), Saved::Destroyed);
    assert!(matches!(request.machine.next(&mut Progress::saving(), &request.config), Err(Error::Closed)));
}

#[test]
fn discarding_drops_all_but_a_destroy() {
    let mut request = Request::presenting(Some(old_id()));
    request.write();
    request.machine.discard();
    assert!(!request.machine.is_dirty() && request.machine.is_closed());
    let mut request = Request::presenting(Some(old_id()));
    request.destroy();
    request.machine.discard();
    assert_eq!(request.save([Reply::Removed(Removed::Done)]), Saved::Destroyed);
}

#[test]
fn a_destroy_follows_however_many_renewals() {
    let mut request = Request::presenting(Some(old_id()));
    request.destroy();
    let hops = (0..500_u16).map(|n| {
        let mut bytes = [9; 32];
        bytes[..2].copy_from_slice(&n.to_le_bytes());
        Reply::Removed(Removed::Renewed(StoreKey::from_bytes(bytes)))
    });
    let replies = hops.chain([Reply::Removed(Removed::Done)]);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

#[test]
fn a_destroy_that_is_led_in_a_cycle_ends() {
    let mut request = Request::presenting(Some(old_id()));
    request.destroy();
    let cycle = (0..3_u8).cycle().map(|n| Reply::Removed(Removed::Renewed(StoreKey::from_bytes([n; 32]))));
    assert_eq!(request.close(cycle.take(7)), (Saved::Destroyed, Delivery::Withdraw));
}

#[test]
fn a_refused_update_drops_nothing_else() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.write();
    request.machine.renew().unwrap();
    request.machine.update_step("log", None, Some(&encode(&1).unwrap()), &request.config).unwrap();
    let limit = crate::LimitExceeded::Record { limit: 1, actual: 2 };
    request.machine.failed(false, &crate::StorageError::limit(limit, "committing"));
    let (saved, _) =
        request.close([Reply::Moved(Moved::Done { expires_at: T0 + IDLE, is_remembered: false, revision: 0 })]);
    assert_eq!(saved, Saved::Renewed);
    assert_eq!(
        request.machine.value("seen").map(|json| json.as_str().to_owned()).as_deref(),
        None,
        "read from the storage"
    );
}

#[test]
fn an_unfinished_destroy_withdraws_nothing() {
    let mut request = Request::presenting(Some(old_id()));
    request.destroy();
    request.machine.next(&mut Progress::closing(), &request.config).unwrap().unwrap();
    request.machine.failed(false, &crate::StorageError::new(crate::StorageErrorKind::Unavailable, "removing"));
    assert_eq!(request.machine.delivery(), Delivery::Keep);
    assert!(request.machine.has_to_end());
}

#[test]
fn whoever_joins_under_a_given_id_learns_it() {
    for passive in [false, true] {
        let mut request = Request::presenting(None);
        request.machine.set_passive(passive);
        request.machine.set_id(old_id(), &request.config).unwrap();
        request.read(stored(T0));
        let (_, delivery) = request.close([]);
        assert_eq!(
            delivery,
            Delivery::Send { id: old_id(), expires_at: T0 + IDLE, is_remembered: false },
            "passive: {passive}"
        );
    }
}

/// Sends a step whose outcome stays unknown: its driver was dropped.
fn lose_a_step(request: &mut Request) -> Step {
    request.machine.next(&mut Progress::saving(), &request.config).unwrap().unwrap()
}

#[test]
fn a_create_that_was_not_answered_is_tried_again_under_its_id() {
    let mut request = Request::presenting(None);
    request.write();
    let Step::Create(Create { id: first, .. }) = lose_a_step(&mut request) else { panic!() };
    // The step had no effect.
    let (saved, delivery) = request.close([created()]);
    assert_eq!(saved, Saved::Created);
    assert_eq!(delivery, Delivery::Send { id: first, expires_at: T0 + IDLE, is_remembered: false });

    // The step had succeeded.
    let mut request = Request::presenting(None);
    request.write();
    let Step::Create(Create { id: first, .. }) = lose_a_step(&mut request) else { panic!() };
    let replies = [Reply::Created(Created::Exists), Reply::Looked(stored(T0)), committed()];
    let (_, delivery) = request.close(replies);
    assert_eq!(delivery, Delivery::Send { id: first, expires_at: T0 + IDLE, is_remembered: false });
    assert_eq!(request.asked, ["create", "look", "commit"]);
}

#[test]
fn a_move_that_was_not_answered_is_found_again() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.machine.renew().unwrap();
    let Step::Move(Move { id: first, .. }) = lose_a_step(&mut request) else { panic!() };
    let (saved, delivery) = request.close([Reply::Moved(Moved::Renewed(T0)), Reply::Looked(stored(T0))]);
    assert_eq!(
        (saved, delivery),
        (Saved::Renewed, Delivery::Send { id: first, expires_at: T0 + IDLE, is_remembered: false })
    );

    // That of a remembered session, which was not read.
    let mut request = Request::presenting(Some(old_id()));
    request.machine.renew().unwrap();
    let Step::Move(Move { id: first, .. }) = lose_a_step(&mut request) else { panic!() };
    let mut remembered = Record::new(T0, IDLE, Some(T0 + 2 * IDLE));
    remembered.is_remembered = true;
    let remembered = Lookup::Found(Snapshot::complete(remembered));
    let (_, delivery) = request.close([Reply::Moved(Moved::Renewed(T0)), Reply::Looked(remembered)]);
    assert_eq!(delivery, Delivery::Send { id: first, expires_at: T0 + IDLE, is_remembered: true });

    // Another renewal was first.
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.machine.renew().unwrap();
    lose_a_step(&mut request);
    let replies = [Reply::Moved(Moved::Renewed(T0)), Reply::Looked(Lookup::Absent)];
    assert_eq!(request.close(replies), (Saved::Gone, Delivery::Keep));
}

#[test]
fn a_principal_on_its_way_to_the_storage_is_the_sessions() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored_of("eve"));
    request.machine.set_principal(Some("ada".into()), &request.config).unwrap();
    lose_a_step(&mut request);
    assert_eq!(request.machine.principal().as_deref(), Some("ada"));
    assert_eq!(request.machine.info().unwrap().principal.as_deref(), Some("ada"));
}

#[test]
fn a_destroy_ends_what_was_not_answered() {
    let mut request = Request::presenting(None);
    request.write();
    let Step::Create(Create { key: first, .. }) = lose_a_step(&mut request) else { panic!() };
    request.destroy();
    let step = request.machine.next(&mut Progress::closing(), &request.config).unwrap();
    assert!(matches!(step, Some(Step::Remove(key)) if key == first));
}
