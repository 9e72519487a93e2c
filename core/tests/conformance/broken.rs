//! Storages that are broken on purpose. A suite that cannot fail proves nothing.

use std::{collections::BTreeSet, time::Duration};

use gsession::conformance::{Ability, Report, Suite};

use crate::{fault::Fault, plain::Plain};

/// Each fault, and the case that names it.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::AbsentIsAnError, "what_was_never_there_is_absent"),
    (Fault::MissingExpiry, "what_has_expired_is_absent"),
    (Fault::ExpiredBlocksItsPlace, "the_place_of_an_expired_session_is_free"),
    (Fault::OverwritingCreate, "create_never_overwrites_a_session"),
    (Fault::CreateOverwritesTombstones, "create_never_overwrites_the_tombstone_of_a_renewal"),
    (Fault::CreateForgetsTheDeadline, "create_stores_the_record_as_it_is"),
    (Fault::UncheckedCreate, "of_overlapping_creates_one_wins"),
    (Fault::LosesOddKeys, "odd_keys_and_values_survive"),
    (Fault::LosesLongPrincipals, "a_principal_of_any_length_is_kept_or_refused"),
    (Fault::FetchForgetsTheSecondName, "a_fetch_has_the_entries_it_was_asked_for"),
    (Fault::FetchForgetsTheTag, "a_fetch_that_is_activity_has_the_tag"),
    (Fault::StaleReadAfterCommit, "what_is_answered_is_seen_by_the_next_load"),
    (Fault::HalfACommitIsSeen, "a_reader_sees_all_of_a_commit_or_nothing"),
    (Fault::LostUpdate, "commits_that_began_from_the_same_state_both_stay"),
    (Fault::LostUpdate, "forty_overlapping_requests_lose_nothing"),
    (Fault::CommitReplacesEverything, "a_commit_changes_what_it_names_and_nothing_else"),
    (Fault::UnlockedCommit, "overlapping_commits_both_stay"),
    (Fault::UnlockedCommit, "overlapping_updates_add_up"),
    (Fault::UnlockedCommit, "an_overlapping_clear_is_not_undone"),
    (Fault::UnlockedCommit, "a_commit_overlapping_a_remove_brings_nothing_back"),
    (Fault::UnlockedCommit, "a_commit_overlapping_a_renewal_is_in_it_or_refused"),
    (Fault::UnlockedCommit, "a_touch_overlapping_a_commit_loses_neither"),
    (Fault::TrustsTheBase, "a_base_that_is_out_of_date_decides_nothing"),
    (Fault::RevisionWithOthersChanges, "a_revision_is_of_what_the_request_knows"),
    (Fault::IgnoresTheCondition, "an_expectation_that_fails_stores_nothing"),
    (Fault::IgnoresTheCondition, "a_hundred_overlapping_increments_add_a_hundred"),
    (Fault::ClearForgetsNothing, "clear_removes_what_was_there_before_it"),
    (Fault::ClearForgetsTheLogin, "clear_keeps_what_a_login_has_left"),
    (Fault::CommitForgetsThePrincipal, "the_principal_is_changed_by_those_who_name_it"),
    (Fault::LimitsRemovals, "any_key_can_be_removed"),
    (Fault::IgnoresLimits, "a_limit_is_a_typed_error_and_leaves_the_record"),
    (Fault::UpsertingCommit, "an_id_that_was_never_issued_is_not_adopted"),
    (Fault::ResurrectingCommit, "nothing_comes_back_after_remove"),
    (Fault::ResurrectingCommit, "a_logout_is_final"),
    (Fault::ResurrectingTouch, "nothing_comes_back_after_remove"),
    (Fault::UncheckedTouch, "a_touch_overlapping_a_remove_brings_nothing_back"),
    (Fault::TouchMovesBack, "a_touch_moves_the_deadline_forward_only"),
    (Fault::TouchChangesNothing, "a_touch_extends_a_session_past_its_first_end"),
    (Fault::TouchPassesTheAbsoluteDeadline, "nothing_extends_past_the_absolute_deadline"),
    (Fault::PassiveTouchExtends, "a_passive_access_extends_nothing"),
    (Fault::SaysThatReadingExtended, "reading_is_activity_when_a_touch_is_due"),
    (Fault::TouchKeepsTheTimeout, "a_touch_stores_the_timeout_it_extends_with"),
    (Fault::ReadingKeepsTheTimeout, "a_touch_stores_the_timeout_it_extends_with"),
    (Fault::IgnoresStricterSettings, "stricter_settings_end_what_is_there"),
    (Fault::RememberedObeysTheManager, "a_remembered_session_lives_by_its_own_deadlines"),
    (Fault::TouchTakesTheManagersTimeout, "a_remembered_session_lives_by_its_own_deadlines"),
    (Fault::ReadingTakesTheManagersTimeout, "a_remembered_session_lives_by_its_own_deadlines"),
    (Fault::CommitForgetsThatItIsRemembered, "a_remembered_session_lives_by_its_own_deadlines"),
    (Fault::CreateForgetsThatItIsRemembered, "a_remembered_session_lives_by_its_own_deadlines"),
    (Fault::RememberedForEver, "a_remembered_session_lives_by_its_own_deadlines"),
    (Fault::TouchWaitsForTheInterval, "a_short_remembered_session_in_use_does_not_end"),
    (Fault::CommitKeepsTheLifespan, "a_remembered_session_lives_by_its_own_deadlines"),
    (Fault::CommitKeepsTheLifespan, "an_ordinary_login_takes_back_own_deadlines"),
    (Fault::MoveKeepsTheLifespan, "a_move_keeps_or_sets_own_deadlines"),
    (Fault::StaysRemembered, "an_ordinary_login_takes_back_own_deadlines"),
    (Fault::FindForgetsWhoIsRemembered, "a_listing_says_who_is_remembered"),
    (Fault::FindForgetsTheRemembered, "a_listing_says_who_is_remembered"),
    (Fault::TwoSuccessors, "a_move_takes_the_data_and_leaves_a_tombstone"),
    (Fault::TwoSuccessors, "of_many_moves_one_wins"),
    (Fault::TwoSuccessors, "overlapping_renewals_leave_one_living_id"),
    (Fault::MoveLeavesNoTombstone, "a_logout_follows_renewals"),
    (Fault::TombstonesForEver, "the_tombstone_of_a_move_ends"),
    (Fault::MoveOverwrites, "a_move_to_a_taken_key_changes_nothing"),
    (Fault::UnlockedMove, "of_overlapping_renewals_one_wins"),
    (Fault::UnlockedMove, "a_remove_overlapping_a_renewal_ends_it"),
    (Fault::WaitsInCycles, "moves_in_cycles_never_wait_for_each_other"),
    (Fault::TellsNoTombstone, "a_tombstone_is_kept_to_the_byte"),
    (Fault::TombstoneNamesTheOldKey, "a_tombstone_is_kept_to_the_byte"),
    (Fault::TombstoneForgetsWhen, "a_tombstone_is_kept_to_the_byte"),
    (Fault::TombstoneDropsTheSealedId, "a_tombstone_is_kept_to_the_byte"),
    (Fault::TombstoneCutsTheSealedId, "a_tombstone_is_kept_to_the_byte"),
    (Fault::TombstoneIsToldForEver, "a_tombstone_is_told_as_long_as_it_is_remembered"),
    (Fault::TombstoneOfALivingSession, "what_was_not_renewed_has_no_tombstone"),
    (Fault::ALaterMoveRewritesTombstones, "each_move_has_a_tombstone_of_its_own"),
    (Fault::ALostMoveRewritesTheTombstone, "a_tombstone_is_that_of_the_move_that_won"),
    (Fault::TellsNoEnd, "an_end_is_told_to_those_who_wait"),
    (Fault::TellsNoMove, "a_move_is_told_to_those_who_wait"),
    (Fault::TellsNoEarlierDeadline, "an_earlier_deadline_is_told_to_those_who_wait"),
    (Fault::TellsNoOtherPrincipal, "another_principal_is_told_to_those_who_wait"),
    (Fault::FindDropsWhatMoves, "ending_all_sessions_ends_one_that_is_being_renewed"),
    (Fault::FindListsTheExpired, "find_lists_the_living_sessions_of_a_principal"),
    (Fault::FindKnowsOnlyTheFirstPrincipal, "a_session_is_listed_under_the_principal_it_has_now"),
    (Fault::FindLeavesOutTheLogin, "what_a_login_has_left_is_listed"),
    (Fault::PagesBeginAgain, "a_walk_in_pages_sees_each_session_once"),
    (Fault::PagesCountTheExpired, "a_walk_in_pages_sees_each_session_once"),
    (Fault::PagesAreInNoOrder, "a_walk_in_pages_sees_each_session_once"),
    (Fault::SweepRemovesTheLiving, "sweep_removes_what_has_expired_and_nothing_else"),
    (Fault::CountsTheExpired, "count_counts_the_living_sessions"),
    (Fault::CountsLists, "count_counts_the_living_sessions"),
    (Fault::CountsUsersOnly, "count_counts_the_living_sessions"),
    (Fault::CountsTombstones, "a_renewed_session_counts_once"),
    (Fault::ScanBeginsAgain, "a_scan_lists_all_that_lives"),
    (Fault::ScanListsAllAtOnce, "a_scan_lists_all_that_lives"),
    (Fault::ScanListsTheExpired, "a_scan_lists_all_that_lives"),
    (Fault::ScanListsUsersOnly, "a_scan_lists_all_that_lives"),
    (Fault::ScanTakesAnyCursor, "a_scan_lists_all_that_lives"),
    (Fault::ScanCountsPlaces, "what_changes_during_a_scan_is_listed"),
    (Fault::ScanSkipsTombstones, "what_is_renewed_during_a_scan_is_listed"),
    (Fault::RefusesWhenChecked, "a_check_passes_and_leaves_nothing_behind"),
    (Fault::LeavesWhatItChecksWith, "a_check_passes_and_leaves_nothing_behind"),
];

/// Cases whose faults are not those of a plain storage; where they are shown to fail.
const ELSEWHERE: [&str; 3] =
    ["what_is_lacking_says_so", "a_dropped_commit_is_whole_or_nothing", "a_dropped_renewal_is_whole_or_nothing"];

fn names(report: &Report) -> Vec<&'static str> {
    report.failed.iter().map(|failure| failure.case.name).collect()
}

#[test]
fn each_fault_fails_the_case_that_names_it() {
    for &(fault, case) in FAULTS {
        let suite = Suite::blocking(move || Plain::broken(fault)).patience(Duration::from_secs(2));
        let report = suite.only([case]).run();
        assert_eq!(names(&report), [case], "{fault:?}: {report}");
    }
}

#[test]
fn each_case_can_fail() {
    let shown: BTreeSet<_> = FAULTS.iter().map(|(_, case)| *case).chain(ELSEWHERE).collect();
    let all: BTreeSet<_> = Suite::cases().iter().map(|case| case.name).collect();
    assert_eq!(shown, all);
}

/// The cases that one fault fails, of all there are: that of its own, and none that has nothing to do with it.
#[test]
fn a_sound_part_of_a_broken_storage_passes() {
    let faults = [
        (Fault::FindListsTheExpired, "find_lists_the_living_sessions_of_a_principal"),
        (Fault::TouchKeepsTheTimeout, "a_touch_stores_the_timeout_it_extends_with"),
        (Fault::ReadingKeepsTheTimeout, "a_touch_stores_the_timeout_it_extends_with"),
        (Fault::TouchWaitsForTheInterval, "a_short_remembered_session_in_use_does_not_end"),
        (Fault::MoveKeepsTheLifespan, "a_move_keeps_or_sets_own_deadlines"),
        (Fault::StaysRemembered, "an_ordinary_login_takes_back_own_deadlines"),
        (Fault::FindForgetsWhoIsRemembered, "a_listing_says_who_is_remembered"),
    ];
    // All at once, since cases wait.
    std::thread::scope(|scope| {
        for (fault, case) in faults {
            scope.spawn(move || {
                let report = Suite::blocking(move || Plain::broken(fault)).run();
                assert_eq!(names(&report), [case], "{fault:?}: {report}");
                assert_eq!(report.passed.len(), Suite::cases().len() - 1);
            });
        }
    });
}

#[test]
fn a_failure_says_what_was_seen_and_what_a_user_would_have_suffered() {
    let broken = Suite::blocking(|| Plain::broken(Fault::ResurrectingCommit)).only(["nothing_comes_back_after_remove"]);
    let text = broken.check().unwrap_err().to_string();
    for part in ["nothing_comes_back_after_remove (S4)", "a commit after remove: Done", "logs out on a shared computer"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn what_is_lacking_is_left_out_and_has_to_say_so() {
    let lacking = |fault: Option<Fault>| {
        let make = move || fault.map_or_else(Plain::sound, Plain::broken);
        Suite::blocking(make).without(Ability::Renewing).run()
    };
    let liar = lacking(Some(Fault::MovesNothingAndSaysSo));
    assert_eq!(names(&liar), ["what_is_lacking_says_so"], "{liar}");
    let needing = Suite::cases().iter().filter(|case| case.needs.contains(&Ability::Renewing)).map(|case| case.name);
    let left_out: Vec<_> = liar.left_out.iter().map(|case| case.name).collect();
    assert_eq!(left_out, needing.collect::<Vec<_>>());
    assert!(left_out.contains(&"a_logout_follows_renewals"));
    assert_eq!(names(&lacking(None)), ["what_is_lacking_says_so"], "it can, although it was said that it cannot");
}

/// A storage may remember nothing of a renewal, if it says so.
#[test]
fn a_storage_without_tombstones_is_one() {
    let without = |make: fn() -> Plain| Suite::blocking(make).without(Ability::Tombstones).run();
    let report = without(|| Plain::broken(Fault::TellsNoTombstone));
    assert_eq!(names(&report), [""; 0], "{report}");
    assert!(report.left_out.iter().any(|case| case.name == "a_tombstone_is_kept_to_the_byte"));
    assert_eq!(
        names(&without(Plain::sound)),
        ["what_is_lacking_says_so"],
        "it has them, although it was said otherwise"
    );
}

#[test]
fn what_does_not_exist_cannot_be_asked_for() {
    let report = Suite::blocking(Plain::sound).only(["no_such_case"]).check().unwrap_err();
    assert!(report.to_string().contains("no_such_case: there is no such case"), "{report}");
}

/// A storage that panics fails the case; the suite goes on.
#[test]
fn a_panic_is_a_failure() {
    let report = Suite::blocking(|| -> Plain { panic!("no disk") }).only(["a_logout_is_final"]).run();
    assert!(report.failed[0].seen.contains("it panicked: no disk"), "{report}");
}
