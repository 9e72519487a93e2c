//! The page of guarantees names tests; each of them exists.

use std::{fs, path::Path};

use gsession::conformance::Suite;

/// Whether there is a test `name` in the file that `place` stands for.
fn exists(root: &Path, place: &str, name: &str) -> bool {
    let (folder, file) = place.split_once('/').expect("a folder and a file");
    let tests = match folder {
        "tests" => root.join("tests/tests"),
        "imports" => root.join("tests/imports/tests/imports"),
        // The suite that runs in every framework.
        "http" => root.join("tests/http"),
        folder => root.join(folder).join("tests"),
    };
    let texts = [".rs", "/main.rs", "/mod.rs"].map(|end| fs::read_to_string(tests.join(format!("{file}{end}"))));
    texts.into_iter().flatten().any(|text| is_test(&text, name))
}

/// Whether there is a function of this name right under an attribute that makes it a test.
fn is_test(text: &str, name: &str) -> bool {
    let header = format!("fn {name}(");
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let mut above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("///"));
        line.contains(&header) && above.any(|line| line.starts_with("#[") && line.contains("test"))
    })
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = fs::read_to_string(root.join("core/src/docs/guarantees.md")).expect("the page");
    // Two of them only say how tests are named.
    let codes =
        page.split('`').skip(1).step_by(2).filter(|code| !["folder/file::test", "conformance::case"].contains(code));
    let named: Vec<_> = codes.filter_map(|code| code.split_once("::")).collect();
    let tests = named.iter().filter(|(place, _)| place.contains('/') || *place == "conformance");
    let (mut count, mut missing) = (0, Vec::new());
    for (place, name) in tests {
        count += 1;
        let is_there = match *place {
            "conformance" => Suite::cases().iter().any(|case| case.name == *name),
            place => exists(root, place, name),
        };
        if !is_there {
            missing.push(format!("{place}::{name}"));
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(count > 50, "the page names only {count} tests");
}

#[test]
fn a_test_that_does_not_exist_is_found_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    assert!(exists(root, "tests/guarantees", "a_test_that_does_not_exist_is_found_out"));
    assert!(!exists(root, "tests/guarantees", "is_test"));
    assert!(!exists(root, "core/sessions/overlap", "no_such_test"));
}
