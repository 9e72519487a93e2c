//! The events as metrics.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::{
    CallOutcome, Committed, DecryptionFailed, IdRotated, LoggedIn, LoginConfirmed, NearCacheRead, Observer, Refused,
    SessionCreated, SessionEnded, SessionRenewed, StorageCalled, StorageSwept, TheftSuspected,
};

const CREATED: &str = "gsession_sessions_created_total";
const ENDED: &str = "gsession_sessions_ended_total";
const LIVE: &str = "gsession_sessions";
const LOGINS: &str = "gsession_logins_total";
const CONFIRMATIONS: &str = "gsession_login_confirmations_total";
const RENEWALS: &str = "gsession_renewals_total";
const ROTATIONS: &str = "gsession_rotations_total";
const REFUSALS: &str = "gsession_refusals_total";
const THEFTS: &str = "gsession_thefts_suspected_total";
const COMMITS: &str = "gsession_commits_total";
const CONFLICTS: &str = "gsession_update_conflicts_total";
const CALLS: &str = "gsession_storage_calls_total";
const ERRORS: &str = "gsession_storage_errors_total";
const DURATION: &str = "gsession_storage_call_duration_seconds";
const UNDECRYPTED: &str = "gsession_decryption_failures_total";
const NEAR: &str = "gsession_near_cache_reads_total";

/// Counts the events by the facade [`metrics`](https://docs.rs/metrics), for Prometheus, StatsD and whatever else has a recorder. The page
/// [`observability`](crate::observability#metrics) lists the names and labels.
///
/// Install the recorder first: a recorder learns the descriptions when the observer is created. Without a recorder nothing happens.
/// If several managers share a storage, give all of them the same `Arc`.
///
/// ```
/// use std::sync::Arc;
/// use gsession::{Manager, MemoryStorage, observe::MetricsObserver};
///
/// let manager = Manager::builder(MemoryStorage::new()).observer(Arc::new(MetricsObserver::new())).build()?;
/// # let _ = manager;
/// # Ok::<(), gsession::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct MetricsObserver(());

impl MetricsObserver {
    /// Describes the metrics to the recorder, if there is one.
    #[must_use]
    pub fn new() -> Self {
        let counters = [
            (CREATED, "Sessions that were created."),
            (ENDED, "Sessions that have ended, by reason, as far as known."),
            (LOGINS, "Logins that were stored."),
            (CONFIRMATIONS, "Users who have proved once more who they are."),
            (RENEWALS, "Sessions that got a new id at a login or another change of privileges."),
            (ROTATIONS, "Sessions that got a new id because it was due."),
            (REFUSALS, "Ids that open nothing, and logins that were refused, by reason."),
            (THEFTS, "Uses of an id after it was replaced."),
            (COMMITS, "Changes to existing sessions, by what has become of them."),
            (CONFLICTS, "Tries of an atomic update that came too late."),
            (CALLS, "Calls of the storage, by operation."),
            (ERRORS, "Calls of the storage that have failed, by operation and kind."),
            (UNDECRYPTED, "Sealed sessions that could not be opened, by reason."),
            (NEAR, "Reads from a storage with a near cache, by result."),
        ];
        for (name, description) in counters {
            describe_counter!(name, Unit::Count, description);
        }
        describe_gauge!(
            LIVE,
            Unit::Count,
            "Sessions and traces of renewals that the last sweep has kept, if it counted them."
        );
        describe_histogram!(DURATION, Unit::Seconds, "Duration of calls of the storage, by operation.");
        Self(())
    }
}

impl Default for MetricsObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for MetricsObserver {
    fn session_created(&self, _: &SessionCreated) {
        counter!(CREATED).increment(1);
    }

    fn logged_in(&self, _: &LoggedIn<'_>) {
        counter!(LOGINS).increment(1);
    }

    fn login_confirmed(&self, _: &LoginConfirmed<'_>) {
        counter!(CONFIRMATIONS).increment(1);
    }

    fn session_renewed(&self, _: &SessionRenewed) {
        counter!(RENEWALS).increment(1);
    }

    fn id_rotated(&self, _: &IdRotated) {
        counter!(ROTATIONS).increment(1);
    }

    fn session_ended(&self, event: &SessionEnded) {
        counter!(ENDED, "reason" => event.reason.as_str()).increment(1);
    }

    fn refused(&self, event: &Refused) {
        counter!(REFUSALS, "reason" => event.reason.as_str()).increment(1);
    }

    fn theft_suspected(&self, _: &TheftSuspected) {
        counter!(THEFTS).increment(1);
    }

    fn committed(&self, event: &Committed) {
        counter!(COMMITS, "outcome" => event.outcome.as_str()).increment(1);
        // Of those that were contended, the last try came too late as well.
        let lost = event.tries - u32::from(event.outcome != super::CommitOutcome::Contended);
        if lost > 0 {
            counter!(CONFLICTS).increment(lost.into());
        }
    }

    fn storage_called(&self, event: &StorageCalled) {
        let operation = event.operation.as_str();
        counter!(CALLS, "operation" => operation).increment(1);
        histogram!(DURATION, "operation" => operation).record(event.duration);
        if matches!(event.outcome, CallOutcome::Failed(_)) {
            counter!(ERRORS, "operation" => operation, "kind" => event.outcome.as_str()).increment(1);
        }
    }

    fn storage_swept(&self, event: &StorageSwept) {
        if event.is_counted {
            #[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 sessions")]
            gauge!(LIVE).set(event.swept.kept as f64);
        }
    }

    fn near_cache_read(&self, event: &NearCacheRead) {
        counter!(NEAR, "result" => if event.is_hit { "hit" } else { "miss" }).increment(1);
    }

    fn decryption_failed(&self, event: &DecryptionFailed) {
        counter!(UNDECRYPTED, "reason" => event.failure.as_str()).increment(1);
    }
}
