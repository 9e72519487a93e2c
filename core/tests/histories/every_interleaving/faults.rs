//! Storages that are broken on purpose: each fault is found, and named by the rule that it breaks.

use std::sync::Arc;

use super::{
    explorer::Choices,
    named,
    schedule::{explore, schedule},
};
use crate::{fault::Fault, plain::Plain};

#[test]
fn a_broken_storage_is_found_out() {
    for (fault, rule, names) in [
        (Fault::LostUpdate, "S3", &["read+write", "read+write"][..]),
        (Fault::IgnoresTheCondition, "S3", &["update", "update"]),
        (Fault::ClearForgetsNothing, "S3", &["clear", "read"]),
        (Fault::CommitForgetsThePrincipal, "S3", &["login", "old bob"]),
        (Fault::ResurrectingCommit, "S4", &["read+write", "destroy"]),
        (Fault::MoveLeavesNoTombstone, "S4", &["renew", "destroy"]),
        (Fault::MoveLeavesNoTombstone, "S4", &["old|first destroy"]),
        (Fault::MoveLeavesNoTombstone, "S4: all sessions of a user", &["login;renew", "expel"]),
        (Fault::TwoSuccessors, "S5", &["renew", "renew"]),
        (Fault::TwoSuccessors, "S5", &["lost-login;login"]),
        (Fault::TellsNoTombstone, "S5", &["login", "login"]),
        (Fault::TellsNoTombstone, "S5", &["lost-login;login"]),
        (Fault::TombstoneNamesTheOldKey, "S5", &["login", "look+login"]),
        (Fault::TombstoneDropsTheSealedId, "S5", &["lost-login;login"]),
        (Fault::ALaterMoveRewritesTombstones, "S5", &["login;login"]),
        (Fault::UpsertingCommit, "S6", &["forged", "read"]),
        (Fault::MissingExpiry, "S7", &["time", "read+write"]),
    ] {
        let found = explore(|| Plain::broken(fault), &named(names), 0);
        let violation = found.err().unwrap_or_else(|| panic!("{fault:?} was not found by {names:?}"));
        assert!(violation.rule.starts_with(rule), "{fault:?}: {violation}");
        // And again, from what it says.
        let again = schedule(
            &Arc::new(Plain::broken(fault)),
            &violation.programs,
            0,
            &mut Choices::replay(&violation.schedule),
        );
        assert_eq!(again.err().map(|violation| violation.rule), Some(violation.rule));
    }
}
