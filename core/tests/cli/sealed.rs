//! Sessions that are sealed, and keys that are replaced.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use gsession::{
    ClientInfo, Login, Manager, SessionId, Storage,
    storage::sealed::{KeyRing, Sealed, SealingKey},
};
use serde_json::json;
use tempfile::TempDir;

use crate::{program::Run, shop::Shop};

/// Key files, and the service that has these keys.
struct Keys(TempDir);

impl Keys {
    fn new() -> Self {
        let keys = Self(TempDir::new().unwrap());
        for (name, digit) in [("old", "1"), ("new", "2"), ("other", "3")] {
            let path = keys.path(name);
            fs::write(&path, digit.repeat(64)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        keys
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn key(&self, name: &str) -> SealingKey {
        SealingKey::from_file(self.path(name)).unwrap()
    }

    fn service(&self, shop: &Shop, name: &str) -> Manager {
        let storage: Arc<dyn Storage> = shop.shared();
        Manager::new(Sealed::new(storage, KeyRing::new(self.key(name))))
    }
}

fn log_in(shop: &Shop, service: &Manager) -> SessionId {
    let session = service.begin(None, ClientInfo::default);
    session.set("basket", &crate::shop::VALUE).unwrap();
    session.log_in(Login::new("ada").label("phone")).unwrap();
    let _ = session.close().unwrap();
    let id = session.id().unwrap();
    shop.keep(&id);
    id
}

fn is_alive(service: &Manager, id: &SessionId) -> bool {
    service.begin([id.as_str()], ClientInfo::default).contains_key("basket").unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_key_is_replaced_while_everybody_stays_logged_in() {
    for shop in Shop::each() {
        let keys = Keys::new();
        let (old, new) = (keys.service(&shop, "old"), keys.service(&shop, "new"));
        let mut ids: Vec<_> = (0..20).map(|_| log_in(&shop, &old)).collect();
        let (old_path, new_path) = (keys.path("old"), keys.path("new"));
        let with = ["--seal-with", text(&new_path), "--older-key", text(&old_path)];
        assert_eq!(shop.run(&[&["list", "ada"][..], &with].concat()).done().matches("phone").count(), 20);
        ids.push(log_in(&shop, &new));
        let said = shop.run(&[&["rekey"][..], &with].concat()).done();
        assert_eq!(said, "20 sealed with the first key, 1 needed no change, 0 ended meanwhile\n", "{}", shop.name);
        let again = shop.run(&[&["rekey", "--json"][..], &with].concat()).json();
        assert_eq!(again, [json!({"rekeyed": 0, "already": 21, "gone": 0, "unopened": 0})], "{}", shop.name);
        assert!(ids.iter().all(|id| is_alive(&new, id)), "{}", shop.name);
        // The old key is no longer needed, and opens nothing.
        assert!(!ids.iter().any(|id| is_alive(&old, id)), "{}", shop.name);
        assert_eq!(
            shop.run(&["end-all", "ada", "--yes", "--seal-with", text(&new_path)]).done(),
            "21 sessions ended\n"
        );
    }
}

#[test]
fn sessions_from_before_are_sealed() {
    for shop in Shop::each() {
        let keys = Keys::new();
        let id = shop.log_in(Login::new("ada"));
        let new_path = keys.path("new");
        let strict = shop.run(&["rekey", "--seal-with", text(&new_path)]);
        assert!(strict.err.contains("sessions cannot be opened"), "{strict:?}");
        let said = shop.run(&["rekey", "--seal-with", text(&new_path), "--admit-unsealed"]).done();
        assert!(said.starts_with("1 sealed with the first key, "), "{}: {said}", shop.name);
        assert!(is_alive(&keys.service(&shop, "new"), &id), "{}", shop.name);
    }
}

#[test]
fn a_wrong_key_harms_nothing() {
    let (shop, keys) = (Shop::of_files(), Keys::new());
    let old = keys.service(&shop, "old");
    let ids: Vec<_> = (0..3).map(|_| log_in(&shop, &old)).collect();
    let (other, new) = (keys.path("other"), keys.path("new"));
    let run = shop.run(&["rekey", "--seal-with", text(&new), "--older-key", text(&other)]);
    assert_eq!(
        (run.status, run.out.as_str()),
        (1, "0 sealed with the first key, 0 needed no change, 0 ended meanwhile\n")
    );
    assert!(run.err.contains("3 sessions cannot be opened with these keys, and stay as they are"), "{run:?}");
    assert!(run.err.contains("unknown_key"), "it says why: {run:?}");
    assert!(ids.iter().all(|id| is_alive(&old, id)));
    let listed = shop.run(&["list", "ada", "--seal-with", text(&new)]);
    assert_eq!(listed.status, 1);
    assert_eq!(shop.run(&["count"]).done(), "3\n", "counting needs no key");
}

#[test]
fn a_key_that_is_missing_malformed_or_open_to_others_is_refused_with_the_fix() {
    let (shop, keys) = (Shop::of_files(), Keys::new());
    log_in(&shop, &keys.service(&shop, "old"));
    let missing = shop.run(&["rekey"]).failed(2);
    assert!(missing.contains("--seal-with"), "{missing}");
    let lonely = shop.run(&["rekey", "--older-key", "x"]).failed(2);
    assert!(lonely.contains("--seal-with"), "{lonely}");
    let nowhere = keys.path("nowhere");
    let absent = shop.run(&["count", "--seal-with", text(&nowhere)]).failed(1);
    assert!(absent.contains(text(&nowhere)) && absent.contains("No such file"), "{absent}");
    let short = keys.path("old");
    fs::write(&short, "hunter2").unwrap();
    let malformed = shop.run(&["count", "--seal-with", text(&short)]).failed(1);
    assert!(malformed.contains("openssl rand -hex 32") && !malformed.contains("hunter2"), "{malformed}");
    let open = keys.path("new");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = shop.run(&["count", "--seal-with", text(&open)]).failed(1);
    assert!(exposed.contains(&format!("chmod 600 {}", text(&open))), "{exposed}");
}

#[test]
fn the_environment_names_the_key() {
    let (shop, keys) = (Shop::of_files(), Keys::new());
    log_in(&shop, &keys.service(&shop, "old"));
    let run = Run::of(shop.command(&["list", "ada"]).env("GSESSION_SEAL_WITH", keys.path("old")));
    assert!(run.done().contains("phone"));
}
