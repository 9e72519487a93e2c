//! The page `gsession::command_line`: each of its transcripts is played, and must come out as it is printed there.

use std::{collections::HashMap, fs, path::Path, process::Command, time::Duration};

use gsession::{Record, Storage as _, StoreKey, SystemClock, Timestamp};
use tempfile::TempDir;

use crate::{
    program::command,
    support::{entries, quiet_file},
};

const PAGE: &str = include_str!("../../src/docs/command_line.md");
const HOUR: u64 = 60 * 60;

/// A command, and what it prints.
type Step<'a> = (&'a str, Vec<&'a str>);

fn steps() -> Vec<Step<'static>> {
    let blocks = PAGE.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut steps: Vec<Step<'_>> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(typed) => steps.push((typed, Vec::new())),
            None => steps.last_mut().unwrap().1.push(line),
        }
    }
    steps
}

/// The sessions that the page tells of.
fn prepare(folder: &Path) {
    use gsession::Clock as _;
    let storage = quiet_file(&folder.join("sessions"));
    let now = SystemClock.now();
    let ago = |seconds: u64| Timestamp::from_millis(now.as_millis() - seconds * 1000);
    let store = |key: [u8; 2], principal: Option<&str>, created: u64, seen: u64, hours: u64, list: &[(&str, &str)]| {
        let mut record = Record::new(ago(created), Duration::from_secs(hours * HOUR), None);
        (record.last_seen, record.principal, record.entries) = (ago(seen), principal.map(Into::into), entries(list));
        let key = StoreKey::from_bytes(std::array::from_fn(|at| key[at % 2]));
        storage.create(&key, &record, record.last_seen).unwrap();
    };
    let login = format!(r#"{{"at":{},"n":7,"address":"192.0.2.7"}}"#, ago(2 * HOUR).as_millis());
    let phone = [
        ("gsession.label", r#""phone""#),
        ("gsession.login", login.as_str()),
        ("basket", r#"["apples","pears"]"#),
        ("theme", r#""dark""#),
    ];
    store([0x3f, 0x8a], Some("ada"), 2 * HOUR, 5 * 60, 48, &phone);
    let desk = [("gsession.label", r#""Firefox on Ubuntu""#)];
    store([0x07, 0xc1], Some("ada"), 72 * HOUR + 60, 20 * HOUR + HOUR / 2, 48, &desk);
    store([0xb0, 0xb0], Some("bob"), HOUR, HOUR, 48, &[("a", "1")]);
    for number in 1..=3 {
        store([number, number], None, 24 * HOUR, 24 * HOUR, 1, &[("a", "1")]);
    }
}

/// Another day has other dates.
fn undated(text: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00?00:00:00";
    let is_like = |bytes: &[u8]| {
        bytes.len() == SHAPE.len()
            && bytes.iter().zip(SHAPE).all(|(byte, like)| match like {
                b'0' => byte.is_ascii_digit(),
                b'?' => matches!(byte, b' ' | b'T'),
                like => byte == like,
            })
    };
    let mut undated = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if rest.as_bytes().get(..SHAPE.len()).is_some_and(is_like) {
            rest = &rest[SHAPE.len()..];
            let fraction =
                rest.strip_prefix('.').map_or(0, |digits| 1 + digits.bytes().take_while(u8::is_ascii_digit).count());
            rest = &rest[fraction..];
            undated.push_str("DATE");
        } else {
            undated.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    undated
}

/// As a shell runs it, with the program under its own name.
fn play(folder: &Path, environment: &HashMap<String, String>, typed: &str) -> String {
    let program = command(&[""; 0]);
    let shell = format!("gsession() {{ '{}' \"$@\"; }}; {typed} 2>&1", program.get_program().to_str().unwrap());
    let output = Command::new("sh").args(["-c", &shell]).current_dir(folder).envs(environment).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_transcript_is_what_the_program_prints() {
    let folder = TempDir::new().unwrap();
    prepare(folder.path());
    let mut environment = HashMap::new();
    let mut played = Vec::new();
    for (typed, expected) in steps() {
        if let Some((name, value)) = typed.strip_prefix("export ").and_then(|set| set.split_once('=')) {
            environment.insert(name.to_owned(), value.to_owned());
            continue;
        }
        let printed = play(folder.path(), &environment, typed);
        let expected: String = expected.iter().map(|line| format!("{line}\n")).collect();
        assert_eq!(undated(&printed), undated(&expected), "{typed}");
        played.push(typed);
    }
    for name in ["count", "list", "show", "end", "end-all", "check", "sweep", "migrate"] {
        assert!(played.iter().any(|typed| typed.starts_with(&format!("gsession {name}"))), "{name} is not on the page");
    }
    // SQLite may keep other files beside that of the database.
    let is_known = |name: &str| name == "sessions" || name.starts_with("shop.db");
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| is_known(&name)));
}

/// What the program's own help says is on the page: its options, its variables, its commands.
#[test]
fn the_page_names_every_option_and_every_command() {
    let help = crate::program::Run::of(&mut command(&["--help"])).done();
    let words = help.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
    let is_named = |word: &&str| word.starts_with("--") || word.starts_with("GSESSION_");
    for word in words.filter(is_named).filter(|word| !["--", "--help", "--version"].contains(word)) {
        assert!(PAGE.contains(word), "{word} is not on the page");
    }
}
