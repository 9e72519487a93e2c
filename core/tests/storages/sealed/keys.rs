//! Where keys come from.

use std::{error::Error as _, fs};

use gsession::storage::sealed::{KeyRing, SealingKey, SealingKeyError};
use tempfile::TempDir;

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eFF";
const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=";

fn write(text: impl AsRef<[u8]>, mode: u32) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    (folder, path)
}

/// The error and what has caused it, as a log shows it.
fn whole(error: &SealingKeyError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[test]
fn a_key_is_read_from_hex_base64_and_bytes() {
    let bytes: Vec<u8> = (0..31).chain([255]).collect();
    let same = [
        HEX.as_bytes().to_vec(),
        HEX.to_lowercase().into_bytes(),
        format!(" {HEX}\r\n").into_bytes(),
        BASE64.into(),
        BASE64.trim_end_matches('=').into(),
        format!("{BASE64}\n").into_bytes(),
        bytes,
    ];
    let place = super::Place::new(crate::support::Kind::Memory);
    let ring = |text: &[u8]| KeyRing::new(SealingKey::parse(text).unwrap());
    let storage = super::sealed_with(&place, ring(&same[0]));
    gsession::Storage::create(&storage, &super::key(1), &super::secret("ada"), super::NOW).unwrap();
    for text in &same {
        let other = super::sealed_with(&place, ring(text));
        assert!(super::opened(&other, &super::key(1)).is_some(), "{text:?}");
        // From a file, too.
        let (_folder, path) = write(text, 0o600);
        let other = super::sealed_with(&place, KeyRing::new(SealingKey::from_file(&path).unwrap()));
        assert!(super::opened(&other, &super::key(1)).is_some(), "{text:?}");
    }
}

#[test]
fn what_is_no_key_is_refused_with_the_fix_and_without_a_quote() {
    let long = "0".repeat(5000);
    let almost = format!("{}g", &HEX[..63]);
    let spaced = format!("{} {}", &HEX[..32], &HEX[33..]);
    let not_canonical = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv9=";
    for text in ["", "\n", "secret", &HEX[..62], &almost, &spaced, &BASE64[..42], not_canonical, &long, "ä"] {
        let error = SealingKey::parse(text.as_bytes()).unwrap_err();
        let said = whole(&error);
        assert!(said.contains("openssl rand -hex 32"), "{said}");
        assert!(text.trim().len() < 3 || !said.contains(text.trim()), "{said}");
        let (_folder, path) = write(text, 0o600);
        let error = SealingKey::from_file(&path).unwrap_err();
        let said = whole(&error);
        assert!(said.contains(path.to_str().unwrap()) && said.contains("openssl rand -hex 32"), "{said}");
        assert!(text.trim().len() < 3 || !said.contains(text.trim()), "{said}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("none");
    let error = SealingKey::from_file(&path).unwrap_err();
    assert!(whole(&error).contains(path.to_str().unwrap()), "{}", whole(&error));
    assert!(matches!(error, SealingKeyError::Unreadable { .. }), "{error:?}");
    assert!(matches!(SealingKey::from_file(folder.path()), Err(SealingKeyError::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_or_write_is_refused_with_the_fix() {
    for mode in [0o640, 0o604, 0o620, 0o602, 0o644, 0o777, 0o610] {
        let (_folder, path) = write(HEX, mode);
        let error = SealingKey::from_file(&path).unwrap_err();
        assert!(matches!(error, SealingKeyError::Exposed { .. }), "{mode:o}");
        let said = whole(&error);
        assert!(said.contains(&format!("{mode:03o}")) && said.contains("chmod 600"), "{said}");
    }
    for mode in [0o600, 0o400, 0o700] {
        let (_folder, path) = write(HEX, mode);
        assert!(SealingKey::from_file(&path).is_ok(), "{mode:o}");
    }
}

#[test]
fn a_key_comes_from_the_environment() {
    // Variables that every test run has; this program sets none, because other threads read them.
    let error = SealingKey::from_env("GSESSION_NO_SUCH_VARIABLE").unwrap_err();
    assert!(whole(&error).contains("GSESSION_NO_SUCH_VARIABLE"), "{}", whole(&error));
    let error = SealingKey::from_env("PATH").unwrap_err();
    let said = whole(&error);
    assert!(matches!(error, SealingKeyError::Variable { .. }), "{said}");
    assert!(said.contains("PATH") && !said.contains(&std::env::var("PATH").unwrap()), "{said}");
    assert!(said.contains("openssl rand -hex 32"), "{said}");
}

#[test]
fn debug_shows_no_key() {
    let key = SealingKey::parse(HEX.as_bytes()).unwrap();
    assert_eq!(format!("{key:?}"), "SealingKey(…)");
    let ring = KeyRing::new(key).with_older(super::sealing_key(1)).with_older(super::sealing_key(1));
    assert_eq!(format!("{ring:?}"), "KeyRing { keys: 2 }");
    let place = super::Place::new(crate::support::Kind::Memory);
    let shown = format!("{:?}", super::sealed_with(&place, ring));
    assert!(!shown.contains("00") && !shown.contains(HEX), "{shown}");
}
