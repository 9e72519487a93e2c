//! Notes: a list in the session.

use futures::future::join_all;

use crate::{browser::Browser, demo::in_memory};

#[actix_web::test]
async fn notes_are_added_and_removed() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    assert!(browser.get("/notes").await.notes().is_empty());
    for text in ["first", "  second  ", "third"] {
        assert_eq!(browser.submit_and_follow("/notes", &[("text", text)]).await.text("flash"), Some("Noted."));
    }
    let page = browser.submit_and_follow("/notes/delete", &[("id", "2")]).await;
    assert_eq!((page.text("flash"), page.notes()), (Some("Removed."), vec!["first", "third"]));
    let page = browser.submit_and_follow("/notes/delete", &[("id", "2")]).await;
    assert_eq!((page.text("flash"), page.notes().len()), (Some("That note was gone already."), 2));

    let elsewhere = Browser::of_ada(&demo).await;
    assert!(elsewhere.get("/notes").await.notes().is_empty(), "notes belong to a session, not to a user");
}

#[actix_web::test]
async fn a_note_is_text_and_not_markup() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    let page = browser.submit_and_follow("/notes", &[("text", "<script>alert(1)</script>\"'&")]).await;
    assert!(!page.body.contains("<script>alert"));
    assert!(page.body.contains("&#60;script&#62;alert(1)"), "{}", page.body);
    assert!(!browser.get("/").await.body.contains("<script>alert"), "the profile shows it too");
}

#[actix_web::test]
async fn too_much_is_refused_with_a_clear_message() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    for text in ["", "   "] {
        let page = browser.submit_and_follow("/notes", &[("text", text)]).await;
        assert_eq!(page.text("flash"), Some("A note needs some text."));
    }
    let page = browser.submit_and_follow("/notes", &[("text", &"ä".repeat(201))]).await;
    assert!(page.text("flash").unwrap().starts_with("A note may have 200 characters"));
    let longest = "ä".repeat(200);
    for n in 1..=20 {
        let page = browser.submit_and_follow("/notes", &[("text", &longest)]).await;
        assert_eq!((page.text("flash"), page.notes().len()), (Some("Noted."), n));
    }
    let page = browser.submit_and_follow("/notes", &[("text", "one more")]).await;
    assert!(page.text("flash").unwrap().starts_with("Your session is full"));
    assert_eq!(page.notes().len(), 20);
    let page = browser.submit("/notes", &[("text", &"x".repeat(100_000))]).await;
    assert_eq!((page.status.as_u16(), page.text("error")), (413, Some("That is too much for one session")));
}

#[actix_web::test]
async fn notes_added_at_the_same_time_are_all_kept() {
    let demo = in_memory();
    let browser = Browser::of_ada(&demo).await;
    let texts: Vec<String> = (0..20).map(|n| format!("note {n:02}")).collect();
    join_all(texts.iter().map(|text| async { browser.submit("/notes", &[("text", text)]).await })).await;
    let page = browser.get("/notes").await;
    let mut kept = page.notes();
    kept.sort_unstable();
    assert_eq!(kept, texts);
}
