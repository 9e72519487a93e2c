//! What cannot be opened is counted, and logged without a flood.

use std::sync::{Arc, Mutex};

use gsession::{
    Storage as _,
    observe::{DecryptionFailed, DecryptionFailure, Observer},
};

use super::{KINDS, NOW, Place, forge, key, opened, ring, sealed, sealed_with, secret, text};
use crate::support::log;

#[derive(Default)]
struct Seen(Mutex<Vec<DecryptionFailed>>);

impl Observer for Seen {
    fn decryption_failed(&self, event: &DecryptionFailed) {
        self.0.lock().unwrap().push(*event);
    }
}

#[test]
fn each_reason_is_told_apart() {
    for kind in KINDS {
        let place = Place::new(kind);
        let (storage, seen) = (sealed(&place), Arc::new(Seen::default()));
        let observer: Arc<dyn Observer> = seen.clone();
        storage.report_to(&[observer]);
        storage.create(&key(1), &secret("ada"), NOW).unwrap();
        let sealed_text = text(&super::raw(&place, &key(1)), super::SEALED);
        let told = |what: DecryptionFailure| {
            assert!(opened(&storage, &key(1)).is_none(), "{kind:?}: {what:?}");
            let all = std::mem::take(&mut *seen.0.lock().unwrap());
            let all: Vec<_> = all.iter().map(|event| (event.key, event.failure)).collect();
            // `found` may look twice.
            assert!(!all.is_empty() && all.iter().all(|event| *event == (key(1), what)), "{kind:?}: {all:?}");
        };
        forge(&place, &key(1), super::SEALED, "\"AA\"");
        told(DecryptionFailure::LaterVersion);
        forge(&place, &key(1), super::SEALED, "\"AQ\"");
        told(DecryptionFailure::Damaged);
        let other = if sealed_text.as_bytes()[80] == b'A' { 'B' } else { 'A' };
        forge(&place, &key(1), super::SEALED, &format!("{}{other}{}", &sealed_text[..80], &sealed_text[81..]));
        told(DecryptionFailure::Forged);
        let other = sealed_with(&place, ring(2));
        other.create(&key(2), &secret("ada"), NOW).unwrap();
        let foreign = text(&super::raw(&place, &key(2)), super::SEALED);
        forge(&place, &key(1), super::SEALED, &foreign);
        told(DecryptionFailure::UnknownKey);
        place.storage.remove(&key(1)).unwrap();
        place.storage.create(&key(1), &secret("ada"), NOW).unwrap();
        told(DecryptionFailure::NotSealed);
    }
}

#[test]
fn a_wrong_key_fills_no_log() {
    let (mark, key) = (log::mark(), key(77));
    let place = Place::new(crate::support::Kind::Memory);
    sealed(&place).create(&key, &secret("ada"), NOW).unwrap();
    let storage = sealed_with(&place, ring(2));
    for _ in 0..1_000 {
        assert!(storage.load(&key, &crate::support::active(NOW)).is_ok());
    }
    assert_eq!(storage.decryption_failures(), 1_000);
    // Other tests log, too.
    let lines: Vec<_> = log::since(mark).into_iter().filter(|line| line.contains(&format!("{key:?}"))).collect();
    let warned: Vec<_> = lines.iter().filter(|line| line.starts_with("WARN")).collect();
    assert_eq!(warned.len(), 4, "the first, the tenth, the hundredth, the thousandth: {warned:?}");
    assert!(warned.iter().all(|line| line.contains("unknown_key")), "{warned:?}");
    assert!(!lines.iter().any(|line| line.contains("ada")));
}
