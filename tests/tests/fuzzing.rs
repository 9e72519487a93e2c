//! A few seconds of what `tests/fuzz` does for hours, through the same doors: the corpus, and variations of it that follow from
//! a seed. `GSESSION_FUZZ_SEED` and `GSESSION_FUZZ_CASES` choose others.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use fastrand::Rng;

/// Variations of each file of a corpus.
const CASES: u32 = 5_000;
/// What a call may allocate whatever it is given, and for each byte that it is given: some copies of it, a list of its parts,
/// and messages.
const FLAT: u64 = 64 * 1024;
const PER_BYTE: u64 = 256;

fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The files of a target's corpus.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of the corpus")).collect()
}

/// Changes some bytes: another one, a cut, a piece repeated, a piece of another file, a number blown up, something special.
fn vary(data: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Rng) {
    const SPECIAL: [&[u8]; 10] = [
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xfc\xff\xff\xff\xff",
        b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\0\0\0\0\0\0\0\0",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        b"\"\\ud800\"",
        b"1e999",
        "\u{feff}\u{a0}\u{2028}".as_bytes(),
        b"__Host-Http-gsession=",
        b"; ",
    ];
    for _ in 0..=random.usize(..4) {
        let at = random.usize(..=data.len());
        let end = at + random.usize(..=data.len() - at);
        match random.u8(..8) {
            0 if at < data.len() => data[at] ^= 1 << random.u8(..8),
            1 if at < data.len() => data[at] = random.u8(..),
            2 => data.truncate(at),
            3 => drop(data.drain(at..end)),
            4 => {
                let piece = data[at..end].to_vec();
                data.splice(at..at, piece);
            }
            5 => {
                let other = &others[random.usize(..others.len())];
                let from = random.usize(..=other.len());
                data.splice(at..at, other[from..].iter().copied());
            }
            6 => {
                let special = SPECIAL[random.usize(..SPECIAL.len())];
                data.splice(at..at, special.iter().copied());
            }
            _ => {
                let special = SPECIAL[random.usize(..SPECIAL.len())];
                let end = (at + special.len()).min(data.len());
                data.splice(at..end, special.iter().copied());
            }
        }
        data.truncate(64 * 1024);
    }
}

/// Sends some bytes through a door. A panic shows them, and how to send them again.
fn send(door: fn(&[u8]), data: &[u8], seed: u64) {
    let mut panicked = false;
    let used = allocation_counter::measure(|| panicked = catch_unwind(AssertUnwindSafe(|| door(data))).is_err());
    let shown = data.escape_ascii();
    assert!(!panicked, "a panic at b\"{shown}\"; again with GSESSION_FUZZ_SEED={seed}");
    let bound = FLAT + PER_BYTE * data.len() as u64;
    assert!(
        used.bytes_total <= bound,
        "{} bytes allocated for {} bytes: b\"{shown}\"; again with GSESSION_FUZZ_SEED={seed}",
        used.bytes_total,
        data.len()
    );
}

fn fuzz(target: &str, door: fn(&[u8])) {
    let (seed, cases) = (number("GSESSION_FUZZ_SEED", 1), number("GSESSION_FUZZ_CASES", CASES));
    let (files, mut random) = (corpus(target), Rng::with_seed(seed));
    assert!(files.len() >= 3, "a corpus of {} files", files.len());
    // What a door makes once for all calls is no call's.
    door(b"");
    for file in &files {
        send(door, file, seed);
        for _ in 0..cases {
            let mut data = file.clone();
            vary(&mut data, &files, &mut random);
            send(door, &data, seed);
        }
    }
}

#[test]
fn records() {
    fuzz("record", gsession::fuzzing::record);
}

#[test]
fn what_bincode_reads() {
    fuzz("binary", gsession::fuzzing::binary);
}

#[test]
fn files() {
    fuzz("file", gsession::fuzzing::file);
}

#[test]
fn what_redis_holds() {
    fuzz("redis", gsession::fuzzing::redis);
}

#[test]
fn what_goframe_stored() {
    fuzz("goframe", gsession::fuzzing::goframe);
}

#[test]
fn ids() {
    fuzz("id", gsession::fuzzing::id);
}

#[test]
fn cookies() {
    fuzz("cookie", gsession::fuzzing::cookie);
}

#[test]
fn headers() {
    fuzz("headers", gsession::fuzzing::headers);
}

/// What this test itself looks for is found.
#[test]
fn a_panic_and_an_allocation_out_of_proportion_are_found() {
    let caught = |door: fn(&[u8])| {
        let panic = catch_unwind(|| send(door, b"x", 7)).expect_err("it has to be found");
        *panic.downcast::<String>().expect("words")
    };
    assert!(caught(|_| panic!("damaged")).contains("a panic at b\"x\"; again with GSESSION_FUZZ_SEED=7"));
    let announced = |_: &[u8]| drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 20)));
    assert!(caught(announced).contains("1048576 bytes allocated for 1 bytes"));
}
