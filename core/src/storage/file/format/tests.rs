use std::sync::Arc;

use proptest::prelude::*;

use super::{
    header::{encode as frame, encode_1},
    log::{FRAME, with_payload},
    *,
};
use crate::{BincodeCodec, Changes, Entries};

fn record() -> Record {
    let mut record =
        Record::new(Timestamp::from_millis(5_000), Duration::from_secs(60), Some(Timestamp::from_millis(90_000)));
    record.entries = Entries::pack([("user", "\"ada\"")]).unwrap();
    record
}

fn decoded(bytes: &[u8]) -> std::result::Result<Decoded, Unreadable> {
    decode(bytes, &BincodeCodec, &Limits::default())
}

fn read(bytes: &[u8]) -> std::result::Result<Content, Unreadable> {
    decoded(bytes).map(|decoded| decoded.content)
}

/// The file of [`record`] with a salt that is known.
fn salted() -> Vec<u8> {
    let salt = std::array::from_fn(|at| at as u8);
    frame(SESSION, 60_000, 90_000, &BincodeCodec.encode(&record()).unwrap(), &salt).unwrap()
}

/// The changes of three commits, and what they make of the record.
fn commits() -> [(Changes, Record); 3] {
    let mut made = [0, 1, 2].map(|_| (Changes::default(), record()));
    let [first, second, third] = &mut made;
    first.0.set("n", "1");
    first.1.last_seen = Timestamp::from_millis(6_000);
    first.1.entries = Entries::pack([("n", "1"), ("user", "\"ada\"")]).unwrap();
    second.0.remove("user");
    second.0.set_principal(Some("ada".into()));
    second.1 = first.1.clone();
    second.1.entries = Entries::pack([("n", "1")]).unwrap();
    second.1.principal = Some("ada".into());
    third.0.clear();
    third.0.set("m", "2");
    third.1 = second.1.clone();
    third.1.last_seen = Timestamp::from_millis(7_000);
    third.1.entries = Entries::pack([("m", "2")]).unwrap();
    made
}

/// A file with the frames of three commits, and where each state ends.
fn with_frames() -> (Vec<u8>, Vec<(usize, Record)>) {
    let mut bytes = salted();
    let mut states = vec![(bytes.len(), record())];
    let mut log = decoded(&bytes).unwrap().log.unwrap();
    for (changes, after) in commits() {
        let later = Some(after.last_seen).filter(|time| *time > states[states.len() - 1].1.last_seen);
        let (frame, longer) = log.frame(&changes, later).unwrap();
        bytes.extend_from_slice(&frame);
        log = longer;
        assert_eq!(log.ends, bytes.len());
        states.push((bytes.len(), after));
    }
    (bytes, states)
}

#[test]
fn reads_what_it_writes() {
    assert_eq!(read(&encode_session(&record(), &BincodeCodec).unwrap()), Ok(Content::Session(record())));
    for sealed in [&b""[..], b"sealed"] {
        let (to, at) = (StoreKey::from_bytes([7; 32]), Timestamp::from_millis(9));
        let tombstone = Tombstone::new(to, at, SealedId::from_bytes(sealed));
        assert_eq!(read(&encode_tombstone(&tombstone).unwrap()), Ok(Content::Tombstone(tombstone)));
    }
    let (bytes, states) = with_frames();
    assert_eq!(read(&bytes), Ok(Content::Session(states.last().unwrap().1.clone())));
}

#[test]
fn no_two_files_are_salted_alike() {
    let file = || encode_session(&record(), &BincodeCodec).unwrap();
    assert_ne!(file(), file());
}

/// What the log knows of a file's first part is enough to go on from there.
#[test]
fn the_rest_of_a_log_is_read_by_itself() {
    let (bytes, states) = with_frames();
    for (at, before) in &states {
        let known = decoded(&bytes[..*at]).unwrap().log.unwrap();
        for (end, after) in states.iter().filter(|(end, _)| end >= at) {
            let (record, log) = known.replay(&bytes[*at..*end], before.clone(), &Limits::default()).unwrap();
            assert_eq!((record, log.ends), (after.clone(), *end));
        }
    }
}

#[test]
fn version_1_is_read_as_recorded() {
    let header = b"GSES\x01\x01\0\0\x60\xea\0\0\0\0\0\0\x90\x5f\x01\0\0\0\0\0\xb1\xd3\x42\x28\x46\x11\xb3\x5e";
    let content = b"\x01\xfb\x88\x13\xfb\x88\x13\xfb\x60\xea\x01\xfc\x90\x5f\x01\0\0\x01\x04user\x05\"ada\"";
    let file = [header.as_slice(), content].concat();
    assert_eq!(decoded(&file), Ok(Decoded { content: Content::Session(record()), log: None }));
    assert_eq!(encode_1(SESSION, 60_000, 90_000, content), file);
    let tombstone = Tombstone::new(StoreKey::from_bytes([7; 32]), Timestamp::from_millis(9), SealedId::none());
    let content = [&[7; 32][..], &9_u64.to_le_bytes()].concat();
    assert_eq!(read(&encode_1(TOMBSTONE, 3_600_000, 0, &content)), Ok(Content::Tombstone(tombstone)));
}

#[test]
fn version_2_is_written_as_recorded() {
    let header = b"GSES\x02\x01\0\0\x60\xea\0\0\0\0\0\0\x90\x5f\x01\0\0\0\0\0\x1d\0\0\0\0\0\0\0\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
    let content = b"\x01\xfb\x88\x13\xfb\x88\x13\xfb\x60\xea\x01\xfc\x90\x5f\x01\0\0\x01\x04user\x05\"ada\"";
    let (bytes, _) = with_frames();
    assert_eq!(&bytes[..48], header);
    assert_eq!(bytes[48..56], RECORDED_SUM);
    assert_eq!(&bytes[56..85], content);
    assert_eq!(bytes[85..], RECORDED_FRAMES.concat());
}

const RECORDED_SUM: [u8; 8] = *b"\x8e\x49\x80\xb5\x86\xf8\xb2\x6e";
const RECORDED_FRAMES: [&[u8]; 3] = [
    b"\x10\x00\x00\x80\xb5\xea\xef\x0f\xf5o\x02\xe6p\x17\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01n\x01\x011",
    b"\x0e\x00\x00\x00\x8di\x0f\x15cg{\x8e\x00\x01\x01\x03ada\x01\x04user\x00",
    b"\x10\x00\x00\x80\xf7\xc9\x88E\x14\xa4\x98\x8aX\x1b\x00\x00\x00\x00\x00\x00\x01\x00\x01\x01m\x01\x012",
];

/// Of a file of version 1, and of one without frames.
#[test]
fn damage_is_found_wherever_it_is() {
    let version_1 = encode_1(SESSION, 60_000, 90_000, &BincodeCodec.encode(&record()).unwrap());
    for good in [version_1.clone(), salted()] {
        for len in 0..good.len() {
            assert!(read(&good[..len]).is_err(), "cut at {len}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(read(&bad).is_err(), "a flipped bit at {at}");
        }
        let mut later = good;
        later[4] = 3;
        assert_eq!(read(&later), Err(Unreadable::Unknown));
    }
    assert_eq!(read(&[version_1.as_slice(), b"x"].concat()), Err(Unreadable::Damaged));
    assert_eq!(read(b"#!/bin/sh\nrm -rf /"), Err(Unreadable::NotOurs));
}

/// The commits before the damage are there, and none after it; the log ends where the damage begins.
#[test]
fn damage_in_the_log_leaves_what_was_before_it() {
    let (good, states) = with_frames();
    let base = states[0].0;
    let state_at = |at: usize| states.iter().rev().find(|(end, _)| *end <= at).cloned().unwrap();
    let is_state = |bytes: &[u8], (ends, record): (usize, Record), what: &str| {
        let decoded = decoded(bytes).unwrap();
        assert_eq!((decoded.content, decoded.log.unwrap().ends), (Content::Session(record), ends), "{what}");
    };
    for len in base..=good.len() {
        is_state(&good[..len], state_at(len), &format!("cut at {len}"));
        let other = good.get(len).map_or(0, |byte| !byte);
        is_state(&[&good[..len], &[other; 50]].concat(), state_at(len), &format!("garbage from {len}"));
    }
    for at in base..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            is_state(&bad, state_at(at), &format!("bit {bit} of byte {at} is flipped"));
        }
    }
}

/// Frames of the same session's former file, and what a user has chosen to look like a frame.
#[test]
fn frames_of_another_file_are_none() {
    let (old, states) = with_frames();
    let base = states[0].0;
    let mut new = encode_session(&record(), &BincodeCodec).unwrap();
    new.extend_from_slice(&old[base..]);
    let decoded = decoded(&new).unwrap();
    assert_eq!((decoded.content, decoded.log.unwrap().ends), (Content::Session(record()), base));
    // Nor are they frames in another order, or twice.
    let second = old[states[1].0..states[2].0].to_vec();
    let mut twice = old[..states[2].0].to_vec();
    twice.extend_from_slice(&second);
    assert_eq!(read(&twice), Ok(Content::Session(states[2].1.clone())));
}

/// A frame with a right checksum that says nothing sensible: a bug, or a later version.
#[test]
fn a_payload_that_is_none_makes_the_file_unreadable() {
    let mut bytes = salted();
    with_payload(&mut bytes, b"\x07");
    assert!(matches!(read(&bytes), Err(Unreadable::Record(_))));
    // It says that there is a time, and is too short for one.
    let mut bytes = salted();
    let sum = *bytes[48..].first_chunk::<8>().unwrap();
    let length = (3_u32 | 1 << 31).to_le_bytes();
    let own = header::checksum(&[&sum, &length, b"abc"]);
    bytes.extend_from_slice(&[&length[..], &own, b"abc"].concat());
    assert_eq!(read(&bytes), Ok(Content::Session(record())));
}

#[test]
fn a_log_over_the_limits_makes_the_file_unreadable() {
    let limits = Limits::default().max_entries(1);
    let mut bytes = salted();
    let mut changes = Changes::default();
    changes.set("n", Arc::from("1"));
    let log = decoded(&bytes).unwrap().log.unwrap();
    bytes.extend_from_slice(&log.frame(&changes, None).unwrap().0);
    assert!(matches!(decode(&bytes, &BincodeCodec, &limits), Err(Unreadable::Record(_))));
}

#[test]
fn a_frame_is_12_bytes_and_the_changes_and_a_time_if_it_is_later() {
    let log = decoded(&salted()).unwrap().log.unwrap();
    let length = |time| log.frame(&Changes::default(), time).unwrap().0.len();
    assert_eq!([length(None), length(Some(Timestamp::default()))], [FRAME, FRAME + 8]);
}

proptest! {
    #[test]
    fn whatever_comes_is_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), content in prop::collection::vec(any::<u8>(), 0..100), kind in 0..4_u8) {
        let _ = read(&bytes);
        // With a right checksum, so that the content and the log are reached.
        let _ = read(&encode_1(kind, 1, 1, &content));
        let mut file = frame(kind, 1, 1, &content, &[0; 16]).unwrap();
        let _ = read(&file);
        file.extend_from_slice(&bytes);
        let _ = read(&file);
        let mut file = salted();
        with_payload(&mut file, &bytes);
        let _ = read(&file);
    }
}
