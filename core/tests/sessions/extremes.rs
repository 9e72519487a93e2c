//! Every setting at its extremes: it works, or it is refused when it is built, by an error that names it.

use std::{path::Path, time::Duration};

use gsession::{
    ClientInfo, Clock as _, Delivery, Error, Exchange, FileStorage, LimitExceeded, Limits, Manager, ManagerBuilder,
    ManualClock, MemoryStorage, Saved, Session, SessionId, Storage, StorageErrorKind, Timestamp,
    storage::{file::FileStorageBuilder, memory::MemoryStorageBuilder},
};
use tempfile::TempDir;

use crate::support::{IDLE, NOW, quiet_file, quiet_memory};

const ZERO: Duration = Duration::ZERO;
const NANO: Duration = Duration::from_nanos(1);
const MILLI: Duration = Duration::from_millis(1);
const MAX: Duration = Duration::MAX;
const LESS: Duration = MAX.saturating_sub(NANO);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn request(manager: &Manager, id: &SessionId) -> Exchange<Session> {
    manager.begin(Some(id.as_str()), ClientInfo::default)
}

fn sent(session: &Exchange<Session>, wanted: Saved) -> SessionId {
    let closed = session.close().unwrap();
    assert_eq!(closed.saved, wanted);
    match closed.delivery {
        Delivery::Send { id, .. } => id,
        other => panic!("no id for the client: {other:?}"),
    }
}

/// The whole life of a session: it is made, read, written, renewed, listed, spared by a sweep, and ended.
fn live(manager: &Manager) {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    session.set_principal("ada").unwrap();
    let id = sent(&session, Saved::Created);
    let writer = request(manager, &id);
    assert_eq!(writer.get::<String>("user").unwrap().as_deref(), Some("ada"));
    assert_eq!(writer.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap(), 1);
    let _ = writer.close().unwrap();
    let renewer = request(manager, &id);
    renewer.renew().unwrap();
    let new = sent(&renewer, Saved::Renewed);
    let reader = request(manager, &new);
    assert_eq!(reader.get::<u32>("n").unwrap(), Some(1));
    let _ = reader.close().unwrap();
    assert_eq!(manager.sessions_of("ada").unwrap().len(), 1);
    assert_eq!(manager.sweep().unwrap().removed, 0);
    let logout = request(manager, &id);
    logout.destroy();
    assert_eq!(logout.close().unwrap().saved, Saved::Destroyed);
    assert!(!request(manager, &new).contains_key("user").unwrap());
}

/// The storages, each in its place, and a clock that stands still.
fn on_each_storage(test: impl Fn(Box<dyn Storage>, ManualClock)) {
    let folder = TempDir::new().unwrap();
    test(Box::new(quiet_memory()), ManualClock::new(NOW));
    test(Box::new(quiet_file(&folder.path().join("sessions"))), ManualClock::new(NOW));
}

#[test]
fn lifetimes_of_the_manager() {
    type Setting = fn(ManagerBuilder<Manager>, Duration) -> ManagerBuilder<Manager>;
    let settings: [(&str, Setting, Duration); 3] = [
        ("idle timeout", |builder, duration| builder.idle_timeout(duration), MILLI),
        ("absolute lifetime", |builder, duration| builder.absolute_lifetime(duration), MILLI),
        ("touch interval", |builder, duration| builder.touch_interval(duration), ZERO),
    ];
    for (name, setting, shortest) in settings {
        for duration in [ZERO, NANO, MILLI - NANO, MILLI, DAY, LESS, MAX] {
            on_each_storage(|storage, clock| match setting(Manager::builder(storage).clock(clock), duration).build() {
                Ok(manager) => {
                    assert!(duration >= shortest, "a {name} of {duration:?} was accepted");
                    live(&manager);
                }
                Err(error) => {
                    assert!(duration < shortest, "a {name} of {duration:?} was refused: {error}");
                    assert!(error.to_string().contains(name), "{error}");
                }
            });
        }
    }
}

/// Nothing that never ends overflows when it is used much later.
#[test]
fn endless_lifetimes_at_the_end_of_time() {
    on_each_storage(|storage, clock| {
        let builder = Manager::builder(storage).clock(clock.clone());
        let manager = builder.idle_timeout(MAX).absolute_lifetime(MAX).touch_interval(MAX).build().unwrap();
        live(&manager);
        // Beyond the year 2446 the times of files end.
        clock.advance(400 * 365 * DAY);
        // The tombstone of the renewal, but no session.
        assert_eq!(manager.sweep().unwrap().removed, 1);
        live(&manager);
    });
}

#[test]
fn a_clock_that_is_moved_too_far_stands_at_the_end_of_time() {
    let clock = ManualClock::new(NOW);
    clock.advance(MAX);
    assert_eq!(clock.now(), Timestamp::MAX);
    clock.advance(MILLI);
    assert_eq!(clock.now(), Timestamp::MAX);
}

/// Each limit, and the error of a write that crosses it.
type Limit = (&'static str, fn(Limits, usize) -> Limits, fn(&LimitExceeded) -> bool);

const LIMITS: [Limit; 6] = [
    ("max_entries", |limits, most| limits.max_entries(most), |limit| matches!(limit, LimitExceeded::Entries { .. })),
    ("max_key_bytes", |limits, most| limits.max_key_bytes(most), |limit| matches!(limit, LimitExceeded::Key { .. })),
    (
        "max_value_bytes",
        |limits, most| limits.max_value_bytes(most),
        |limit| matches!(limit, LimitExceeded::Value { .. }),
    ),
    (
        "max_record_bytes",
        |limits, most| limits.max_record_bytes(most),
        |limit| matches!(limit, LimitExceeded::Record { .. }),
    ),
    ("max_depth", |limits, most| limits.max_depth(most), |limit| matches!(limit, LimitExceeded::Depth { .. })),
    (
        "max_principal_bytes",
        |limits, most| limits.max_principal_bytes(most),
        |limit| matches!(limit, LimitExceeded::Principal { .. }),
    ),
];

/// The limit that an error says was crossed.
fn crossed(error: Error) -> LimitExceeded {
    match error {
        Error::Limit(limit) => limit,
        Error::Storage(error) => match error.kind() {
            StorageErrorKind::Limit(limit) => limit,
            kind => panic!("no limit: {kind:?}"),
        },
        error => panic!("no limit: {error:?}"),
    }
}

/// A limit of 0 is one that every write of its kind crosses; what crosses none goes on working.
fn lives_within_nothing(name: &str, manager: &Manager, is_right: fn(&LimitExceeded) -> bool) {
    let session = manager.begin(None, ClientInfo::default);
    let refused = session
        .set("list", &[[1]])
        .and_then(|()| session.set_principal("ada"))
        .and_then(|()| session.save().map(drop))
        .expect_err(name);
    let limit = crossed(refused);
    assert!(is_right(&limit), "{name}: {limit}");
    let other = manager.begin(None, ClientInfo::default);
    assert!(!other.contains_key("list").unwrap());
    if name == "max_principal_bytes" || name == "max_depth" {
        other.set("n", &1).unwrap();
    } else {
        other.set_principal("ada").unwrap();
    }
    let id = sent(&other, Saved::Created);
    let renewer = request(manager, &id);
    renewer.renew().unwrap();
    let id = sent(&renewer, Saved::Renewed);
    assert_eq!(manager.sweep().unwrap().removed, 0);
    let logout = request(manager, &id);
    logout.destroy();
    assert_eq!(logout.close().unwrap().saved, Saved::Destroyed);
}

#[test]
fn limits_of_the_manager() {
    for (name, setting, is_right) in LIMITS {
        on_each_storage(|storage, clock| {
            let limits = setting(Limits::default(), usize::MAX);
            live(&Manager::builder(storage).clock(clock).limits(limits).build().unwrap());
        });
        on_each_storage(|storage, clock| {
            let limits = setting(Limits::default(), 0);
            let manager = Manager::builder(storage).clock(clock).limits(limits).build().unwrap();
            lives_within_nothing(name, &manager, is_right);
        });
    }
    let all = |most| LIMITS.iter().fold(Limits::default(), |limits, (_, setting, _)| setting(limits, most));
    on_each_storage(|storage, clock| {
        live(&Manager::builder(storage).clock(clock).limits(all(usize::MAX)).build().unwrap());
    });
}

fn manager(storage: impl Storage + 'static) -> Manager {
    Manager::builder(storage).clock(ManualClock::new(NOW)).idle_timeout(IDLE).build().unwrap()
}

#[test]
fn settings_of_the_memory_storage() {
    type Setting = fn(MemoryStorageBuilder) -> MemoryStorageBuilder;
    let settings: [(&str, Setting); 12] = [
        ("no sessions", |builder| builder.max_sessions(0)),
        ("one session", |builder| builder.max_sessions(1)),
        ("as many sessions as can be", |builder| builder.max_sessions(usize::MAX)),
        ("u32::MAX sessions", |builder| builder.max_sessions(u32::MAX as usize)),
        ("no bytes", |builder| builder.max_bytes(0)),
        ("one byte", |builder| builder.max_bytes(1)),
        ("as many bytes as can be", |builder| builder.max_bytes(usize::MAX)),
        ("sweeping all the time", |builder| builder.sweep_interval(ZERO)),
        ("sweeping each nanosecond", |builder| builder.sweep_interval(NANO)),
        ("sweeping never", |builder| builder.sweep_interval(MAX)),
        ("sweeping almost never", |builder| builder.sweep_interval(LESS)),
        ("all at once", |builder| builder.max_sessions(usize::MAX).max_bytes(usize::MAX).sweep_interval(LESS)),
    ];
    for (name, setting) in settings {
        println!("{name}");
        let storage = setting(MemoryStorage::builder().clock(ManualClock::new(NOW))).build();
        let manager = manager(storage.clone());
        live(&manager);
        // What one session leaves keeps nobody else out, however small the storage is.
        let newcomer = manager.begin(None, ClientInfo::default);
        newcomer.set("n", &1).unwrap();
        sent(&newcomer, Saved::Created);
        drop(manager);
        assert!(!storage.is_empty());
    }
}

#[test]
fn settings_of_the_file_storage() {
    type Setting = fn(FileStorageBuilder) -> FileStorageBuilder;
    let settings: [(&str, Setting); 11] = [
        ("sweeping all the time", |builder| builder.sweep_interval(ZERO)),
        ("sweeping each nanosecond", |builder| builder.sweep_interval(NANO)),
        ("sweeping almost never", |builder| builder.sweep_interval(LESS)),
        ("sweeping never", |builder| builder.sweep_interval(MAX)),
        ("writing touches all the time", |builder| builder.touch_interval(ZERO)),
        ("writing touches each nanosecond", |builder| builder.touch_interval(NANO)),
        ("writing touches almost never", |builder| builder.touch_interval(LESS)),
        ("waiting for no lock", |builder| builder.sweep_interval(MAX).touch_interval(MAX).lock_timeout(ZERO)),
        ("waiting a moment", |builder| builder.sweep_interval(MAX).touch_interval(MAX).lock_timeout(NANO)),
        ("waiting for ever", |builder| builder.lock_timeout(MAX)),
        ("the largest limits", |builder| {
            builder.limits(LIMITS.iter().fold(Limits::default(), |limits, (_, setting, _)| setting(limits, usize::MAX)))
        }),
    ];
    let folder = TempDir::new().unwrap();
    let open = |setting: Setting| {
        let builder = FileStorage::builder(folder.path().join("sessions")).clock(ManualClock::new(NOW));
        setting(builder).build().unwrap()
    };
    for (name, setting) in settings {
        println!("{name}");
        live(&manager(open(setting)));
    }
}

/// The manager's limits are the larger ones here, so the storage says which of its own was crossed.
#[test]
fn limits_of_the_file_storage() {
    let folder = TempDir::new().unwrap();
    let open = |name: &str, limits| {
        let path = folder.path().join(name);
        manager(FileStorage::builder(Path::new(&path)).limits(limits).sweep_interval(MAX).build().unwrap())
    };
    for (name, setting, is_right) in LIMITS {
        lives_within_nothing(name, &open(name, setting(Limits::default(), 0)), is_right);
    }
}
