//! The rules have codes, such as S4, H2 and R17. Wherever the docs name one, it is a link to its explanation.

use std::{collections::BTreeSet, fs, path::Path};

/// The page that explains the codes.
const DESIGN: &str = "core/src/docs/design.md";
/// Pages of crate docs whose anchors are checked, by their modules.
const PAGES: [(&str, &str); 2] = [("design", DESIGN), ("formats", "core/src/docs/formats.md")];

/// A file and what its docs say, line by line, without code blocks.
struct Docs {
    file: String,
    lines: Vec<(usize, String)>,
}

/// All docs that people read: doc comments of the libraries, the pages that they include, and the README.
fn docs(root: &Path) -> Vec<Docs> {
    let mut files = vec!["README.md".to_owned()];
    for folder in ["core/src", "actix/src"] {
        collect(root, folder, &mut files);
    }
    files.sort();
    let read = |file: String| {
        let text = fs::read_to_string(root.join(&file)).expect("a source is text");
        Docs { lines: prose(&text, file.ends_with(".md")), file }
    };
    files.into_iter().map(read).collect()
}

/// The Rust and Markdown files below a folder.
fn collect(root: &Path, folder: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder of sources") {
        let entry = entry.expect("a readable folder");
        let name = format!("{folder}/{}", entry.file_name().to_str().expect("a name in UTF-8"));
        if entry.path().is_dir() {
            collect(root, &name, files);
        } else if [".rs", ".md"].iter().any(|kind| name.ends_with(kind)) {
            files.push(name);
        }
    }
}

/// The numbered lines of a page, or those of the doc comments of a source. Code blocks are left out.
fn prose(text: &str, is_page: bool) -> Vec<(usize, String)> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let comment = line.trim_start();
        let said = if is_page { Some(line) } else { comment.strip_prefix("///").or(comment.strip_prefix("//!")) };
        let Some(said) = said else {
            // Only what makes an attribute part of a doc comment goes on with its code block.
            is_code &= comment.starts_with("#[doc");
            continue;
        };
        if said.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push((number, said.to_owned()));
        }
    }
    lines
}

/// The codes in a line, each with what stands before it and behind it.
fn codes(line: &str) -> Vec<(&str, &str, &str)> {
    let is_word = |character: char| character.is_alphanumeric() || "_-".contains(character);
    let mut found = Vec::new();
    for (at, _) in line.match_indices(['S', 'H', 'R']) {
        let digits = line[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let (before, code, after) = (&line[..at], &line[at..at + 1 + digits], &line[at + 1 + digits..]);
        if (1..=2).contains(&digits) && !before.ends_with(is_word) && !after.starts_with(is_word) {
            found.push((before, code, after));
        }
    }
    found
}

/// What is wrong with the codes of a line: those that are not links, and those whose links lead elsewhere.
fn unlinked<'a>(file: &str, line: &'a str) -> Vec<&'a str> {
    let is_design = file == DESIGN;
    if is_design && line.starts_with("### ") {
        return Vec::new();
    }
    let paths: &[&str] = match file {
        DESIGN => &["#"],
        file if file.starts_with("actix/") => &["gsession::design#"],
        _ => &["crate::design#"],
    };
    let is_linked = |&(before, code, after): &(&str, &str, &str)| {
        let links = paths.iter().map(|path| format!("]({path}{})", code.to_lowercase()));
        before.ends_with('[') && links.into_iter().any(|link| after.starts_with(&link))
    };
    codes(line).into_iter().filter(|code| !is_linked(code)).map(|(_, code, _)| code).collect()
}

/// The ids that rustdoc gives to the headings of a page, as far as no two are alike.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page, true).into_iter().filter(|(_, line)| line.starts_with('#'));
    let id = |heading: &str| {
        let kept = heading.chars().filter(|&character| character.is_alphanumeric() || "_- ".contains(character));
        kept.map(|character| if character == ' ' { '-' } else { character.to_ascii_lowercase() }).collect()
    };
    headings.map(|(_, line)| id(line.trim_start_matches('#').trim())).collect()
}

/// The anchors of a page that a line links to.
fn links_to<'a>(file: &str, line: &'a str, module: &str, page: &str) -> Vec<&'a str> {
    let there = format!("::{module}#");
    let here = "](#";
    let elsewhere = line.match_indices(&there).map(|(at, _)| at + there.len());
    let within = line.match_indices(here).filter(|_| file == page).map(|(at, _)| at + here.len());
    let anchor = |at: usize| line[at..].split([')', ']', '`', ' ']).next().unwrap_or_default();
    elsewhere.chain(within).map(anchor).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

#[test]
fn every_code_in_the_docs_is_a_link() {
    let mut bare = Vec::new();
    for Docs { file, lines } in docs(root()) {
        for (number, line) in &lines {
            bare.extend(unlinked(&file, line).into_iter().map(|code| format!("{file}:{number}: {code}")));
        }
    }
    assert_eq!(bare, Vec::<String>::new(), "link them: [S4](crate::design#s4), in actix/ [S4](gsession::design#s4)");
}

#[test]
fn every_anchor_that_is_linked_to_exists() {
    let mut dead = Vec::new();
    let mut count = 0;
    for (module, page) in PAGES {
        let anchors = anchors(&fs::read_to_string(root().join(page)).expect("the page"));
        for Docs { file, lines } in docs(root()) {
            for (number, line) in &lines {
                for anchor in links_to(&file, line, module, page) {
                    count += 1;
                    if !anchors.contains(anchor) {
                        dead.push(format!("{file}:{number}: {module}#{anchor}"));
                    }
                }
            }
        }
    }
    assert_eq!(dead, Vec::<String>::new());
    assert!(count > 50, "the docs link only {count} times");
}

#[test]
fn bare_codes_are_found_out() {
    assert_eq!(unlinked("core/src/a.rs", "it ends (S4), and [S4](crate::design#s4)"), ["S4"]);
    assert_eq!(unlinked("core/src/a.rs", "[S4](crate::design#s5) and [R1](gsession::design#r1)"), ["S4", "R1"]);
    assert_eq!(unlinked("actix/src/a.rs", "[S4](gsession::design#s4), [H1](crate::design#h1)"), ["H1"]);
    assert_eq!(unlinked(DESIGN, "### S4"), Vec::<&str>::new());
    assert_eq!(unlinked(DESIGN, "see [H2](#h2), not R17"), ["R17"]);
    assert_eq!(unlinked("README.md", "HTTP2, S3cret, US1, R2D2, S123, S, H-1, RS1"), Vec::<&str>::new());
    let source = "/// (S1)\n/// ```text\n/// (S2)\n/// ```\n// (S3)\nfn s4() {} // (S4)\n    //! (S5)\n";
    let said: Vec<_> = prose(source, false).into_iter().map(|(number, _)| number).collect();
    assert_eq!(said, [1, 7]);
}

#[test]
fn dead_anchors_are_found_out() {
    let page = "# The map\n### S4\n```text\n# no heading\n```\n## Redis, both `native` layouts\n";
    let expected = ["redis-both-native-layouts", "s4", "the-map"].map(str::to_owned);
    assert_eq!(anchors(page), BTreeSet::from(expected));
    let line = "[a](crate::design#s4), [b](#s5), [`c`](gsession::design#the-map)";
    assert_eq!(links_to("core/src/a.rs", line, "design", DESIGN), ["s4", "the-map"]);
    assert_eq!(links_to(DESIGN, line, "design", DESIGN), ["s4", "the-map", "s5"]);
}
