//! All cases, each with its rule and with what a user suffers if it fails.

mod absence;
mod committing;
mod counting;
mod creating;
mod deadlines;
mod listing;
mod overlapping;
mod reading;
mod remembering;
mod renewing;
mod requests;
mod scanning;
mod tombstones;
mod watching;

use super::{Ability, Case};

/// Defines the list of cases, and the macro that turns each case into a test.
///
/// `$d` is a dollar sign, for the parameters of the macro that this one defines.
macro_rules! registry {
    ($d:tt $($module:ident { $($name:ident $rule:literal $([$($need:ident)+])? $harm:literal)* })*) => {
        pub(super) const ALL: &[Case] = &[$($(Case {
            name: stringify!($name),
            rule: $rule,
            harm: $harm,
            needs: &[$($(Ability::$need),+)?],
            run: $module::$name,
        },)*)*];

        /// Turns each case of [`conformance`](crate::conformance) into a test, in a module of the given name. Needs the feature
        /// `conformance`.
        ///
        /// ```
        /// # fn main() {}
        /// use gsession::{MemoryStorage, conformance::Suite};
        ///
        /// gsession::conformance_tests! {
        ///     my_storage: Suite::blocking(MemoryStorage::new);
        ///     my_async_storage: Suite::asynchronous(MemoryStorage::new);
        /// }
        /// ```
        #[macro_export]
        macro_rules! conformance_tests {
            ($d($d storage:ident: $d suite:expr;)+) => { $d(
                mod $d storage {
                    #[allow(unused_imports)]
                    use super::*;

                    $($(#[test]
                    fn $name() -> Result<(), $crate::conformance::Nonconformance> {
                        ($d suite).only([stringify!($name)]).check().map(drop)
                    })*)*
                }
            )+ };
        }
    };
}

registry! { $
    absence {
        what_was_never_there_is_absent "contract"
            "A visitor with an old cookie gets an error page, or a session that nobody began."
        what_has_expired_is_absent "S7"
            "A session that was left open on a shared computer can still be used after its deadline, or using it keeps it alive."
        nothing_comes_back_after_remove "S4"
            "A user logs out on a shared computer. A request of theirs that was still running then finishes, and the next \
             person there is logged in as them."
        what_is_lacking_says_so "contract"
            "A login that renews the id, or a page that lists a user's sessions, does nothing and reports success."
    }
    creating {
        create_stores_the_record_as_it_is "S8"
            "A user logs in, and the next page does not know them, or has less data than was stored."
        create_never_overwrites_a_session "S6"
            "Two visitors are given the same id, and one is logged in as the other."
        the_place_of_an_expired_session_is_free "contract"
            "A session cannot begin although its key is free; the request fails."
        create_never_overwrites_the_tombstone_of_a_renewal "S5" [Renewing]
            "A logout that began before a renewal no longer finds the renewed session, which stays logged in."
        odd_keys_and_values_survive "S8"
            "A user's data comes back changed, or the session is lost, because of a quote or a non-ASCII letter."
    }
    committing {
        a_commit_changes_what_it_names_and_nothing_else "S3"
            "A request that stores one thing removes another: an item disappears from the basket."
        commits_that_began_from_the_same_state_both_stay "S3"
            "Two tabs store something at the same time, and the changes of one are lost."
        an_expectation_that_fails_stores_nothing "S3"
            "A counter loses steps: of two simultaneous payments, the balance includes only one."
        a_base_that_is_out_of_date_decides_nothing "S3"
            "A request that read early overwrites later changes by others, or undoes their activity."
        a_revision_is_of_what_the_request_knows "S3"
            "A request that stores twice removes what others stored in between, because it takes their state for its own."
        clear_removes_what_was_there_before_it "contract"
            "A basket that was cleared after a purchase is full again on the next page, or what was stored afterwards is gone."
        clear_keeps_what_a_login_has_left "S14"
            "A page that empties the basket makes the application forget when its user has logged in, and what their device is called."
        the_principal_is_changed_by_those_who_name_it "ASVS 7.4.5"
            "Ending all sessions of a user whose password was stolen misses some, or ends those of another user."
        any_key_can_be_removed "S12"
            "A page removes an entry that the client names. With a long name the request fails, and its other changes are lost."
        a_limit_is_a_typed_error_and_leaves_the_record "S12"
            "One page that stores too much breaks the session: the user is logged out, or sees nothing but errors."
    }
    reading {
        what_is_answered_is_seen_by_the_next_load "S8"
            "A user logs in, and the next page does not know it; or logs out, and still sees their data."
        a_fetch_has_the_entries_it_was_asked_for "contract"
            "A page finds no user in a session that has one, and shows the login again."
        a_fetch_that_is_activity_has_the_tag "S16"
            "A user logs out at the provider with which they logged in, and their session here is not ended: its tag has been forgotten."
        a_reader_sees_all_of_a_commit_or_nothing "S3"
            "A page sees half of what another request stored: a new user with the old permissions."
        a_principal_of_any_length_is_kept_or_refused "S12"
            "A login is acknowledged, but the session cannot be read afterwards."
    }
    deadlines {
        a_touch_moves_the_deadline_forward_only "S7"
            "A slow request moves the deadline back, and an active user is logged out."
        a_touch_extends_a_session_past_its_first_end "S7"
            "Somebody who uses the application all day is logged out while they are using it."
        nothing_extends_past_the_absolute_deadline "S7"
            "A stolen cookie works forever as long as it is used."
        a_passive_access_extends_nothing "S7"
            "A page that polls keeps a session alive although its user left hours ago."
        reading_is_activity_when_a_touch_is_due "S7"
            "A user who only reads is logged out although they are active."
        a_touch_stores_the_timeout_it_extends_with "S7"
            "The idle timeout was extended, but users who only read are still logged out after the old one."
        stricter_settings_end_what_is_there "S7"
            "The timeout was shortened after an incident, but writing to an old session revives it."
    }
    remembering {
        a_remembered_session_lives_by_its_own_deadlines "S17"
            "A user who asked to be remembered is logged out all the same; or a session that was remembered for a month never ends."
        a_short_remembered_session_in_use_does_not_end "S17"
            "A user is remembered for some minutes, and logged out while they are using the application."
        a_move_keeps_or_sets_own_deadlines "S17" [Renewing]
            "A user who asked to be remembered is logged out soon after their id was renewed."
        an_ordinary_login_takes_back_own_deadlines "S17"
            "Somebody logs in on a computer that is not theirs, and stays logged in for a month because another user was remembered there."
        a_listing_says_who_is_remembered "S17" [Listing]
            "A remembered session is missing among a user's devices, and ending all of them leaves it alive."
    }
    renewing {
        a_move_takes_the_data_and_leaves_a_tombstone "S5" [Renewing]
            "A login loses the basket; or the id from before the login, which an attacker may know, still works."
        the_tombstone_of_a_move_ends "contract" [Renewing]
            "Every login leaves something behind, until the storage is full."
        a_move_to_a_taken_key_changes_nothing "S6" [Renewing]
            "A renewal overwrites the session of another user."
        of_many_moves_one_wins "S5" [Renewing]
            "After a double click on the login button there are two sessions, and the logout ends only one of them."
        moves_in_cycles_never_wait_for_each_other "contract" [Renewing]
            "Two requests deadlock, and everybody else waits for them."
    }
    tombstones {
        a_tombstone_is_kept_to_the_byte "S5" [Renewing Tombstones]
            "The answer to a login is lost. The user logs in again, and gets an id that opens nothing, or a second session that no \
             logout ends."
        a_tombstone_is_told_as_long_as_it_is_remembered "S5" [Renewing Tombstones]
            "A login whose answer was lost cannot be repeated; or an old id still reveals what became of its session."
        each_move_has_a_tombstone_of_its_own "S5" [Renewing Tombstones]
            "A user whose id was renewed twice cannot repeat a login whose answer was lost."
        what_was_not_renewed_has_no_tombstone "contract" [Tombstones]
            "A login is sent to a session that does not exist, or loops forever."
        a_tombstone_is_that_of_the_move_that_won "S5" [Renewing Tombstones]
            "Of two simultaneous logins, the loser is sent to a session that does not exist, and its user is logged out."
    }
    listing {
        find_lists_the_living_sessions_of_a_principal "ASVS 7.4.5" [Listing]
            "When a user changes a stolen password, the thief's session is not ended."
        a_session_is_listed_under_the_principal_it_has_now "S16" [Listing]
            "A user who has logged in does not see that session among their devices, and cannot end it; or sees another user's."
        a_walk_in_pages_sees_each_session_once "S16" [Listing]
            "An operator who goes through the sessions of an account, page by page, does not see the one that they look for."
        what_a_login_has_left_is_listed "S16" [Listing]
            "The list of a user's devices has no names, and their limit of sessions ends the wrong one."
        sweep_removes_what_has_expired_and_nothing_else "contract" [Sweeping]
            "The storage fills up with expired sessions, or the cleanup logs users out."
    }
    counting {
        count_counts_the_living_sessions "contract" [Counting]
            "An operator sees sessions where there are none, or misses some, and draws the wrong conclusion: that nobody is logged in \
             before a maintenance, or that somebody attacks."
        a_renewed_session_counts_once "contract" [Counting Renewing]
            "The number of sessions grows with each login, although nobody has come."
        a_check_passes_and_leaves_nothing_behind "contract"
            "A service that works is taken out of service; or each probe of it leaves something, until the storage is full."
    }
    scanning {
        a_scan_lists_all_that_lives "contract" [Scanning]
            "An operator moves all sessions to another storage, and some users are logged out; or the move never ends."
        what_changes_during_a_scan_is_listed "contract" [Scanning]
            "Sessions are moved to another storage while they are used, and those of busy users stay behind."
        what_is_renewed_during_a_scan_is_listed "contract" [Scanning Renewing Tombstones]
            "Sessions are moved to another storage, and those who log in meanwhile are logged out when the old one is turned off."
    }
    watching {
        an_end_is_told_to_those_who_wait "S18"
            "A user logs out, and the page that is open in another window keeps showing what arrives for them."
        a_move_is_told_to_those_who_wait "S18" [Renewing]
            "A user logs in anew and then logs out, and the page that is open in another window keeps showing what arrives for them."
        an_earlier_deadline_is_told_to_those_who_wait "S18"
            "A user logs in for some minutes on a computer that is not theirs, and a page that was open stays open for a day."
        another_principal_is_told_to_those_who_wait "S18"
            "Somebody else logs in to the session, and a page that the user before left open shows them what arrives for that user."
    }
    overlapping {
        overlapping_commits_both_stay "S3"
            "Two tabs store something at the same time, and the changes of one are lost."
        overlapping_updates_add_up "S3"
            "A counter loses steps: of two simultaneous payments, the balance includes only one."
        an_overlapping_clear_is_not_undone "S3"
            "A basket that was cleared after a purchase is full again on the next page."
        a_commit_overlapping_a_remove_brings_nothing_back "S4"
            "A user logs out while one of their requests is being stored, and is still logged in."
        a_touch_overlapping_a_remove_brings_nothing_back "S4"
            "A user logs out while another tab is polling, and is still logged in."
        a_touch_overlapping_a_commit_loses_neither "S7"
            "A change is lost because of a simultaneous read; or activity is lost, and the user is logged out."
        a_remove_overlapping_a_renewal_ends_it "S4" [Renewing]
            "A user logs out while their id is being renewed, and the renewed session stays logged in."
        ending_all_sessions_ends_one_that_is_being_renewed "S4" [Renewing Listing]
            "A user ends all sessions after their password was stolen. The thief's session is renewed at that moment, and survives."
        of_overlapping_renewals_one_wins "S5" [Renewing]
            "After a double click on the login button there are two sessions, and the logout ends only one of them."
        a_commit_overlapping_a_renewal_is_in_it_or_refused "S5" [Renewing]
            "A change during a login is lost although it was acknowledged, or the old id works again."
        of_overlapping_creates_one_wins "S6"
            "Two visitors share a session, and one sees the data of the other."
        a_dropped_commit_is_whole_or_nothing "S3"
            "A client closes the connection, and its session is half changed."
        a_dropped_renewal_is_whole_or_nothing "S5" [Renewing]
            "A client closes the connection during a login, and the session is gone, or exists under two ids."
    }
    requests {
        forty_overlapping_requests_lose_nothing "S3"
            "A page sends forty requests at once, and some of their changes are missing."
        a_hundred_overlapping_increments_add_a_hundred "S3"
            "A counter loses steps."
        a_logout_is_final "S4"
            "A user logs out on a shared computer. A request of theirs that was still running then finishes, and the next \
             person there is logged in as them."
        a_logout_follows_renewals "S5" [Renewing]
            "A logout that began before the id was renewed misses the session under its new id."
        overlapping_renewals_leave_one_living_id "S5" [Renewing]
            "After a double click on the login button the browser has an id that opens nothing, or there are two sessions."
        an_id_that_was_never_issued_is_not_adopted "S6"
            "An attacker plants an id in a victim's browser, and shares the session once the victim logs in (session fixation)."
    }
}
