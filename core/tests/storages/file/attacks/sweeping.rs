//! The sweeper removes what is its own.

use std::{fs, os::unix::fs::symlink};

use gsession::storage::Touched;

use super::{Ground, age};
use crate::support::{IDLE, NOW, active, found, key, record};

#[test]
fn the_sweeper_removes_its_own_and_nothing_else() {
    let ground = Ground::new();
    let storage = ground.storage();
    let other = key(7).to_string();
    for number in [1, 2] {
        storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap();
    }
    let later = NOW + 2 * IDLE;
    storage.touch(&key(2), &active(later)).unwrap_or(Touched::Gone);
    assert!(found(&*storage, &key(2), NOW + IDLE / 2).is_some());
    let mut living = record(&[("a", "1")]);
    (living.created_at, living.last_seen) = (later, later);
    storage.create(&key(3), &living, later).unwrap();
    let sub = ground.file(&key(1)).parent().unwrap().to_owned();
    let (old, fresh) = (NOW.to_system_time().unwrap(), later.to_system_time().unwrap());
    let foreign = [
        "notes.txt".to_owned(),
        other.to_uppercase(),
        format!("{other}.bak"),
        format!("{other}.tmp-"),
        format!("{other}.tmp-1-x"),
        format!("{other}.tmp-1"),
        format!("x{other}.tmp-1-1"),
        "lock.old".to_owned(),
    ];
    for name in &foreign {
        fs::write(sub.join(name), "text").unwrap();
        age(&sub.join(name), old);
    }
    for name in ["zz", "100"] {
        fs::create_dir(ground.sessions().join(name)).unwrap();
        fs::copy(ground.file(&key(1)), ground.sessions().join(name).join(&other)).unwrap();
        age(&ground.sessions().join(name).join(&other), old);
    }
    // A link to an expired session, and a folder with the name of one.
    symlink(ground.file(&key(1)), sub.join(&other)).unwrap();
    let abandoned = sub.join(format!("{other}.tmp-71-4"));
    let being_written = sub.join(format!("{other}.tmp-71-5"));
    fs::write(&abandoned, "half").unwrap();
    fs::write(&being_written, "half").unwrap();
    age(&abandoned, old);
    age(&being_written, fresh);

    let swept = storage.sweep(later).unwrap();
    assert_eq!(swept.removed, 2);
    assert_eq!(swept.kept, 1);
    assert_eq!(swept.foreign, foreign.len() as u64 + 1);
    assert!(!ground.file(&key(1)).exists() && !ground.file(&key(2)).exists() && !abandoned.exists());
    assert!(being_written.exists());
    for name in &foreign {
        assert_eq!(fs::read_to_string(sub.join(name)).unwrap(), "text", "{name}");
    }
    assert!(fs::symlink_metadata(sub.join(&other)).unwrap().is_symlink());
    for name in ["zz", "100"] {
        assert!(ground.sessions().join(name).join(&other).exists());
    }
    assert!(found(&*storage, &key(3), later).is_some());
}

/// `Swept::foreign` counts what cannot be read, too.
#[test]
fn what_cannot_be_read_is_left_alone_and_reported() {
    let ground = Ground::new();
    let storage = ground.storage();
    fs::write(ground.place(&key(1)), "text").unwrap();
    fs::write(ground.place(&key(2)), "").unwrap();
    storage.create(&key(3), &record(&[]), NOW).unwrap();
    let swept = storage.sweep(NOW).unwrap();
    assert_eq!((swept.removed, swept.kept, swept.foreign), (0, 1, 2));
    assert_eq!(fs::read_to_string(ground.file(&key(1))).unwrap(), "text");
}
