//! What happens at the end of a request, row by row, without a storage and without a runtime.

use std::{sync::Arc, time::Duration};

use super::{
    Config, Delivery, Lifetime, Saved,
    machine::Machine,
    steps::{Progress, Reply, Step},
};
use crate::{
    ClientInfo, Entries, HashedIds, Limits, ManualClock, Record, SessionId, StoreKey, Timestamp,
    storage::{Committed, Created, Lookup, Moved, Removed, Snapshot, Touched},
};

const T0: Timestamp = Timestamp::from_millis(1_000_000_000);
const IDLE: Duration = Duration::from_secs(600);

fn config() -> Config {
    let lifetime = Lifetime { idle_timeout: IDLE, absolute: None, touch_interval: Duration::from_secs(30) };
    Config {
        lifetime,
        limits: Limits::default(),
        ids: Arc::new(HashedIds::new()),
        clock: Arc::new(ManualClock::new(T0)),
        keys: crate::KeyScheme::Hashed,
    }
}

fn old_id() -> SessionId {
    SessionId::from_random([1; 32])
}

/// A machine, what it asked for, and what it is told.
struct Request {
    machine: Machine,
    config: Config,
    now: Timestamp,
    asked: Vec<&'static str>,
}

impl Request {
    fn presenting(id: Option<SessionId>) -> Self {
        Self { machine: Machine::new(id, false, ClientInfo::default()), config: config(), now: T0, asked: Vec::new() }
    }

    fn malformed() -> Self {
        Self { machine: Machine::new(None, true, ClientInfo::default()), ..Self::presenting(None) }
    }

    /// Reads an entry; the storage, if it is asked, answers `lookup`.
    fn read(&mut self, lookup: Lookup) {
        if let Some(need) = self.machine.want(Some(&["user"]), self.now, &self.config).unwrap() {
            self.asked.push("load");
            self.machine.loaded(lookup, Some(&["user"]), &need, &self.config);
        }
    }

    fn write(&mut self) {
        self.machine.set("seen", "1".into(), &self.config).unwrap();
    }

    /// Ends the request; the storage answers each step with the next of `replies`.
    fn close(&mut self, replies: impl IntoIterator<Item = Reply>) -> (Saved, Delivery) {
        let mut replies = replies.into_iter();
        let mut progress = Progress::closing();
        while let Some(step) = self.machine.next(&mut progress, self.now, &self.config).unwrap() {
            self.asked.push(match &step {
                Step::Remove { .. } => "remove",
                Step::Create { .. } => "create",
                Step::Commit { .. } => "commit",
                Step::Move { .. } => "move",
                Step::Touch { .. } => "touch",
                Step::Look { .. } => "look",
            });
            let reply = replies.next().expect("a step too many");
            self.machine.reply(&step, reply, &mut progress, &self.config).unwrap();
        }
        assert!(replies.next().is_none(), "a step is missing");
        (progress.saved(), self.machine.delivery())
    }
}

fn stored(last_seen: Timestamp) -> Lookup {
    let mut record = Record::new(last_seen, IDLE, None);
    record.entries = Entries::pack([("user", "\"ada\"")]).unwrap();
    Lookup::Found(Snapshot::complete(record))
}

fn created() -> Reply {
    Reply::Created(Created::Done)
}

fn committed() -> Reply {
    Reply::Committed(Committed::Done { expires_at: T0 + IDLE, revision: 0 })
}

fn sends_fresh_id(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Send { id, expires_at } if *id != old_id() && *expires_at == T0 + IDLE)
}

#[test]
fn none_and_nothing_written_is_nothing() {
    let mut request = Request::presenting(None);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    request.read(Lookup::Absent);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    assert!(request.asked.is_empty(), "without an id there is nothing to ask for");
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
    request.now = T0 + Duration::from_secs(30);
    request.read(stored(T0));
    let expires_at = request.now + IDLE;
    let (_, delivery) = request.close([Reply::Touched(Touched::Done(expires_at))]);
    assert_eq!(delivery, Delivery::Refresh { id: old_id(), expires_at });
    assert_eq!(request.asked, ["load", "touch"]);
}

#[test]
fn passive_requests_touch_nothing() {
    let mut request = Request::presenting(Some(old_id()));
    request.now = T0 + Duration::from_secs(300);
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
    assert_eq!((saved, delivery), (Saved::Committed, Delivery::Refresh { id: old_id(), expires_at: T0 + IDLE }));
    assert_eq!(request.asked, ["load", "commit"]);
}

#[test]
fn found_and_gone_at_commit_is_dropped_and_reported() {
    for gone in [Committed::Gone, Committed::Moved(T0)] {
        let mut request = Request::presenting(Some(old_id()));
        request.read(stored(T0));
        request.write();
        assert_eq!(request.close([Reply::Committed(gone)]), (Saved::Gone, Delivery::Keep));
        // Whatever it does now, it stays dead.
        request.write();
        request.machine.renew();
        assert_eq!(request.close([]), (Saved::Gone, Delivery::Keep));
    }
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
fn never_looked_up_but_renewed_by_another_is_dropped() {
    let mut request = Request::presenting(Some(old_id()));
    request.write();
    let replies = [Reply::Committed(Committed::Moved(T0))];
    assert_eq!(request.close(replies), (Saved::Gone, Delivery::Keep), "a cookie would displace the renewed one");
}

#[test]
fn removals_alone_make_no_session() {
    let mut request = Request::presenting(Some(old_id()));
    request.machine.remove("user");
    assert_eq!(request.close([Reply::Committed(Committed::Gone)]), (Saved::Nothing, Delivery::Withdraw));
}

#[test]
fn unknown_and_only_read_withdraws_the_cookie() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(Lookup::Absent);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Withdraw));

    let mut request = Request::malformed();
    request.read(Lookup::Absent);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Withdraw));
    assert!(request.asked.is_empty(), "a malformed id never reaches the storage");
}

#[test]
fn expired_is_as_good_as_none() {
    let mut request = Request::presenting(Some(old_id()));
    request.now = T0 + IDLE;
    request.read(stored(T0));
    assert!(request.machine.value("user").is_none());
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Withdraw));
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
fn renewed_by_another_keeps_the_cookie_that_is_under_way() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(Lookup::Moved(T0));
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
}

#[test]
fn a_client_whose_new_id_got_lost_can_begin_anew() {
    let later = T0 + Duration::from_secs(30);

    let mut reader = Request { now: later, ..Request::presenting(Some(old_id())) };
    reader.read(Lookup::Moved(T0));
    assert_eq!(reader.close([]), (Saved::Nothing, Delivery::Withdraw));

    let mut writer = Request { now: later, ..Request::presenting(Some(old_id())) };
    writer.write();
    let (saved, _) = writer.close([Reply::Committed(Committed::Moved(T0)), created()]);
    assert_eq!(saved, Saved::Created);

    let mut login = Request { now: later, ..Request::presenting(Some(old_id())) };
    login.machine.renew();
    login.write();
    let (saved, _) = login.close([Reply::Moved(Moved::Moved(T0)), created()]);
    assert_eq!(saved, Saved::Created);

    // But a request that had seen the session before it was renewed has lost it, however slow it is.
    let mut slow = Request { now: later, ..Request::presenting(Some(old_id())) };
    slow.read(stored(T0));
    slow.write();
    assert_eq!(slow.close([Reply::Committed(Committed::Moved(T0))]), (Saved::Gone, Delivery::Keep));
}

#[test]
fn found_and_renewed_moves() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.machine.renew();
    let (saved, delivery) = request.close([Reply::Moved(Moved::Done { expires_at: T0 + IDLE, revision: 0 })]);
    assert_eq!(saved, Saved::Renewed);
    assert!(sends_fresh_id(&delivery));
}

#[test]
fn a_renewal_that_lost_sends_nothing() {
    for lost in [Moved::Gone, Moved::Moved(T0)] {
        let mut request = Request::presenting(Some(old_id()));
        request.read(stored(T0));
        request.machine.renew();
        request.write();
        assert_eq!(request.close([Reply::Moved(lost)]), (Saved::Gone, Delivery::Keep));
    }
}

#[test]
fn login_with_a_stale_cookie_works() {
    let mut request = Request::presenting(Some(old_id()));
    request.machine.renew();
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
    request.machine.destroy();
    let (saved, delivery) = request.close([Reply::Removed(Removed::Done)]);
    assert_eq!((saved, delivery), (Saved::Destroyed, Delivery::Withdraw));
    assert_eq!(request.asked, ["load", "remove"], "what was written before is void");
}

#[test]
fn a_destroy_follows_the_renewals_of_others() {
    let (b, c) = (StoreKey::from_bytes([2; 32]), StoreKey::from_bytes([3; 32]));
    let mut request = Request::presenting(Some(old_id()));
    request.machine.destroy();
    let replies = [Removed::Moved(b), Removed::Moved(c), Removed::Done].map(Reply::Removed);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

#[test]
fn what_is_written_after_destroy_is_a_new_session() {
    let mut request = Request::presenting(Some(old_id()));
    request.machine.destroy();
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
    let step = request.machine.next(&mut progress, T0, &request.config).unwrap();
    assert!(matches!(step, Some(Step::Commit { .. })));
    // The driver was dropped: nobody says what became of the step. A later write joins the earlier one.
    request.machine.set("more", "2".into(), &request.config).unwrap();
    match request.machine.next(&mut progress, T0, &request.config).unwrap() {
        Some(Step::Commit { commit, .. }) => {
            assert_eq!(commit.changes.edits().collect::<Vec<_>>(), [("more", Some("2")), ("seen", Some("1"))]);
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
    let error = request.machine.set("third", "1".into(), &request.config).unwrap_err();
    assert!(error.to_string().contains("2 entries"), "{error}");
    assert!(request.machine.set("seen", "\"0123456789\"".into(), &request.config).is_err());
    assert_eq!(request.machine.value("seen").unwrap().as_str(), "1");
    assert!(request.machine.value("third").is_none());
    // Removing makes room.
    request.machine.remove("user");
    request.machine.set("third", "1".into(), &request.config).unwrap();
}

#[test]
fn after_the_response_no_new_id_can_be_made() {
    let mut request = Request::presenting(None);
    assert_eq!(request.close([]), (Saved::Nothing, Delivery::Keep));
    request.machine.close();
    request.write();
    let error = request.machine.next(&mut Progress::saving(), T0, &request.config).unwrap_err();
    assert!(matches!(error, crate::Error::Closed));
    request.machine.abandon();
}

#[test]
fn a_destroy_follows_however_many_renewals() {
    let mut request = Request::presenting(Some(old_id()));
    request.machine.destroy();
    let hops = (0..500_u16).map(|n| {
        let mut bytes = [9; 32];
        bytes[..2].copy_from_slice(&n.to_le_bytes());
        Reply::Removed(Removed::Moved(StoreKey::from_bytes(bytes)))
    });
    let replies = hops.chain([Reply::Removed(Removed::Done)]);
    assert_eq!(request.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}

#[test]
fn a_refused_update_drops_nothing_else() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.write();
    request.machine.renew();
    let step = request.machine.update_step("log", None, &"1".into(), T0, &request.config).unwrap();
    let limit = crate::LimitExceeded::Record { limit: 1, actual: 2 };
    request.machine.failed(&step, &crate::StorageError::limit("committing", limit));
    let (saved, _) = request.close([Reply::Moved(Moved::Done { expires_at: T0 + IDLE, revision: 0 })]);
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
    request.machine.destroy();
    let step = request.machine.next(&mut Progress::closing(), T0, &request.config).unwrap().unwrap();
    request.machine.failed(&step, &crate::StorageError::new(crate::StorageErrorKind::Unavailable, "removing"));
    assert_eq!(request.machine.delivery(), Delivery::Keep);
    assert!(request.machine.is_doomed());
}

#[test]
fn whoever_joins_under_a_given_id_learns_it() {
    for passive in [false, true] {
        let mut request = Request::presenting(None);
        request.machine.set_passive(passive);
        request.machine.set_id(old_id(), &request.config).unwrap();
        request.read(stored(T0));
        let (_, delivery) = request.close([]);
        assert_eq!(delivery, Delivery::Send { id: old_id(), expires_at: T0 + IDLE }, "passive: {passive}");
    }
}

/// Lets a step leave and nobody say what became of it: its driver was dropped.
fn lose_a_step(request: &mut Request) -> Step {
    request.machine.next(&mut Progress::saving(), request.now, &request.config).unwrap().unwrap()
}

#[test]
fn a_create_that_was_not_answered_is_tried_again_under_its_id() {
    let mut request = Request::presenting(None);
    request.write();
    let Step::Create { id: first, .. } = lose_a_step(&mut request) else { panic!() };
    // It had not happened.
    let (saved, delivery) = request.close([created()]);
    assert_eq!(saved, Saved::Created);
    assert_eq!(delivery, Delivery::Send { id: first, expires_at: T0 + IDLE });

    // It had happened.
    let mut request = Request::presenting(None);
    request.write();
    let Step::Create { id: first, .. } = lose_a_step(&mut request) else { panic!() };
    let replies = [Reply::Created(Created::Exists), Reply::Looked(stored(T0)), committed()];
    let (_, delivery) = request.close(replies);
    assert_eq!(delivery, Delivery::Send { id: first, expires_at: T0 + IDLE });
    assert_eq!(request.asked, ["create", "look", "commit"]);
}

#[test]
fn a_move_that_was_not_answered_is_found_again() {
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.machine.renew();
    let Step::Move { id: first, .. } = lose_a_step(&mut request) else { panic!() };
    let (saved, delivery) = request.close([Reply::Moved(Moved::Moved(T0)), Reply::Looked(stored(T0))]);
    assert_eq!((saved, delivery), (Saved::Renewed, Delivery::Send { id: first, expires_at: T0 + IDLE }));

    // Another renewal was first.
    let mut request = Request::presenting(Some(old_id()));
    request.read(stored(T0));
    request.machine.renew();
    lose_a_step(&mut request);
    let replies = [Reply::Moved(Moved::Moved(T0)), Reply::Looked(Lookup::Absent)];
    assert_eq!(request.close(replies), (Saved::Gone, Delivery::Keep));
}

#[test]
fn a_destroy_ends_what_was_not_answered() {
    let mut request = Request::presenting(None);
    request.write();
    let Step::Create { key: first, .. } = lose_a_step(&mut request) else { panic!() };
    request.machine.destroy();
    let step = request.machine.next(&mut Progress::closing(), T0, &request.config).unwrap();
    assert!(matches!(step, Some(Step::Remove { key }) if key == first));
}

fn other_id() -> SessionId {
    SessionId::from_random([2; 32])
}

#[test]
fn a_dead_id_hides_no_good_one() {
    let presenting_both = || {
        let mut request = Request::presenting(Some(old_id()));
        request.machine = request.machine.with_others(vec![other_id()]);
        request
    };
    let mut reader = presenting_both();
    reader.read(Lookup::Absent);
    reader.read(stored(T0));
    assert_eq!(reader.machine.value("user").unwrap().as_str(), "\"ada\"");
    assert_eq!(reader.machine.id(), Some(other_id()));
    assert_eq!(reader.close([]), (Saved::Nothing, Delivery::Keep));

    let mut writer = presenting_both();
    writer.write();
    let (saved, delivery) = writer.close([Reply::Committed(Committed::Gone), committed()]);
    assert_eq!((saved, delivery), (Saved::Committed, Delivery::Refresh { id: other_id(), expires_at: T0 + IDLE }));

    let mut neither = presenting_both();
    neither.read(Lookup::Absent);
    neither.read(Lookup::Absent);
    assert_eq!(neither.close([]), (Saved::Nothing, Delivery::Withdraw));

    // A logout that did not look first ends whichever it was.
    let mut logout = presenting_both();
    logout.machine.destroy();
    let replies = [Removed::Absent, Removed::Done].map(Reply::Removed);
    assert_eq!(logout.close(replies), (Saved::Destroyed, Delivery::Withdraw));
}
