//! Metrics are those of the documented table, and no others.

use std::collections::{BTreeMap, BTreeSet};

use gsession::observe::MetricsObserver;
use metrics_util::{
    MetricKind,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};

use super::*;

const PAGE: &str = include_str!("../../../src/docs/observability.md");

/// The names in the table with their types and labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let table = PAGE.split("# Metrics").nth(1).unwrap().split("# What to alarm on").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `gsession_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), labels))
    })
    .collect()
}

/// Everything that can be counted happens. Returns what nobody may see.
fn happen(observer: &Arc<MetricsObserver>) -> Vec<String> {
    let mut secrets = vec!["secret-ada".to_owned(), "secret-cart".to_owned()];
    let scene = Scene::with(Kind::Memory, |builder| {
        builder.rotate_every(PERIOD).max_sessions(2, AtLimit::Refuse).observer(observer.clone())
    });
    let session = scene.begin(None);
    session.set("cart", "secret-cart").unwrap();
    let visitor = closed(&session).unwrap();
    let session = scene.begin(Some(&visitor));
    session.log_in("secret-ada").unwrap();
    let user = closed(&session).unwrap();
    assert!(scene.begin(Some(&visitor)).is_empty().unwrap());
    let session = scene.begin(Some(&user));
    session.confirm_login().unwrap();
    let user = closed(&session).unwrap();
    // An update that another comes before.
    let (one, other) = (scene.begin(Some(&user)), scene.begin(Some(&user)));
    let mut is_first = true;
    one.update("n", |n: Option<u32>| {
        if std::mem::take(&mut is_first) {
            other.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        }
        n.unwrap_or(0) + 1
    })
    .unwrap();
    assert!(scene.manager.begin(["malformed"], ClientInfo::default).is_empty().unwrap());
    scene.place.clock.advance(PERIOD);
    let session = scene.begin(Some(&user));
    assert!(session.principal().unwrap().is_some());
    let rotated = closed(&session).unwrap();
    assert!(scene.begin(Some(&rotated)).close().is_ok());
    let session = scene.begin(Some(&rotated));
    assert!(session.principal().unwrap().is_some());
    let _ = session.close().unwrap();
    scene.place.clock.advance(GRACE);
    assert!(scene.begin(Some(&user)).principal().unwrap().is_none());
    scene.storage.fail(Op::Load);
    scene.begin(Some(&rotated)).principal().unwrap_err();
    scene.manager.sweep().unwrap();
    #[cfg(feature = "redis")]
    read_near(observer);
    #[cfg(feature = "encryption")]
    read_with_another_key(observer);
    secrets.extend([&visitor, &user, &rotated].map(|id| id.as_str().to_owned()));
    secrets.extend([&visitor, &user].map(|id| scene.key(id).to_string()[..8].to_owned()));
    secrets
}

#[cfg(feature = "redis")]
fn read_near(observer: &Arc<MetricsObserver>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let storage = gsession::AnyStorage::new(support::redis::near_strings());
    let manager = gsession::AsyncManager::builder(storage).observer(observer.clone()).build().unwrap();
    runtime.block_on(async {
        let session = manager.begin(None, ClientInfo::default);
        session.set("cart", &1).unwrap();
        let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("it is new") };
        assert!(manager.begin([id.as_str()], ClientInfo::default).contains_key("cart").await.unwrap());
    });
}

#[cfg(feature = "encryption")]
fn read_with_another_key(observer: &Arc<MetricsObserver>) {
    use gsession::{
        Manager, MemoryStorage,
        storage::sealed::{KeyRing, Sealed, SealingKey},
    };
    let storage = MemoryStorage::new();
    let manager = |key| {
        let sealed = Sealed::new(storage.clone(), KeyRing::new(SealingKey::from_bytes([key; 32])));
        Manager::builder(sealed).observer(observer.clone()).build().unwrap()
    };
    let session = manager(1).begin(None, ClientInfo::default);
    session.set("cart", &1).unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("it is new") };
    assert!(!manager(2).begin([id.as_str()], ClientInfo::default).contains_key("cart").unwrap());
}

fn counted(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let all = snapshotter.snapshot().into_vec().into_iter();
    all.filter_map(|(key, _, _, value)| {
        let labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        match value {
            DebugValue::Counter(count) => Some((format!("{}{{{}}}", key.key().name(), labels.join(",")), count)),
            _ => None,
        }
    })
    .collect()
}

#[test]
fn every_documented_metric_is_emitted_and_no_other() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let secrets = ::metrics::with_local_recorder(&recorder, || happen(&Arc::new(MetricsObserver::new())));
    let documented = documented();
    assert!(documented.len() > 10, "{documented:?}");
    let mut emitted = BTreeMap::new();
    for (key, unit, description, _) in snapshotter.snapshot().into_vec() {
        let kind = match key.kind() {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let name = key.key().name().to_owned();
        assert!(unit.is_some() && description.is_some(), "{name} is described");
        let labels: BTreeSet<_> = key.key().labels().map(|label| label.key().to_owned()).collect();
        for label in key.key().labels() {
            let is_word = label.value().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(is_word && !secrets.iter().any(|secret| label.value().contains(secret)), "{name}: {label:?}");
        }
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        emitted.insert(name, (kind.to_owned(), labels));
    }
    let mut documented = documented;
    if cfg!(not(feature = "redis")) {
        documented.remove("gsession_near_cache_reads_total");
    }
    if cfg!(not(feature = "encryption")) {
        documented.remove("gsession_decryption_failures_total");
    }
    assert_eq!(emitted, documented);
}

#[test]
fn each_event_counts_one() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    ::metrics::with_local_recorder(&recorder, || happen(&Arc::new(MetricsObserver::new())));
    let counted = counted(&snapshotter);
    let count = |name: &str| counted.get(name).copied().unwrap_or(0);
    assert_eq!(count("gsession_logins_total{}"), 1);
    assert_eq!(count("gsession_login_confirmations_total{}"), 1);
    assert_eq!(count("gsession_renewals_total{}"), 2, "the login and its confirmation");
    assert_eq!(count("gsession_rotations_total{}"), 1);
    assert_eq!(count("gsession_thefts_suspected_total{}"), 1);
    assert_eq!(count("gsession_update_conflicts_total{}"), 1);
    assert_eq!(count("gsession_commits_total{outcome=stored}"), 2, "two updates");
    assert_eq!(count("gsession_sessions_ended_total{reason=id_reused}"), 1);
    assert_eq!(count("gsession_refusals_total{reason=malformed}"), 1);
    assert_eq!(count("gsession_refusals_total{reason=renewed}"), 1);
}

#[test]
fn without_a_recorder_nothing_happens() {
    // No test of this program installs one for all threads.
    assert!(!happen(&Arc::new(MetricsObserver::default())).is_empty());
}
