//! GoFrame's formats, where the id is the key. It must not be printed, either.

use gsession::{ClientInfo, Delivery, Manager, SessionId};

use crate::{
    program::{Run, command},
    support::redis,
};

struct GoFrame {
    manager: Manager,
    layout: &'static str,
    prefix: String,
}

impl GoFrame {
    fn each() -> [Self; 2] {
        let over = |layout, is_hash| {
            let prefix = redis::prefix();
            let manager = if is_hash {
                Manager::new(redis::goframe_hashes_at(&prefix))
            } else {
                Manager::new(redis::goframe_strings_at(&prefix))
            };
            Self { manager, layout, prefix }
        };
        [over("goframe-strings", false), over("goframe-hashes", true)]
    }

    fn visit(&self) -> SessionId {
        let session = self.manager.begin(None, ClientInfo::default);
        session.set("basket", "apples").unwrap();
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
        id
    }

    fn is_alive(&self, id: &SessionId) -> bool {
        self.manager.begin(Some(id.as_str()), ClientInfo::default).contains_key("basket").unwrap()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let url = redis::url();
        let options = ["--storage", &url, "--layout", self.layout, "--prefix", &self.prefix];
        command(&[&options[..], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }
}

#[test]
fn sessions_are_counted_shown_and_ended_by_their_ids() {
    for goframe in GoFrame::each() {
        let (first, second) = (goframe.visit(), goframe.visit());
        assert_eq!(goframe.run(&["count"]).done(), "2\n", "{}", goframe.layout);
        assert_eq!(goframe.run(&["check"]).done(), "ready\n");
        assert_eq!(goframe.run(&["sweep"]).done(), "0 removed, 0 kept, 0 not sessions\n");
        for shown in [
            goframe.run(&["show", first.as_str()]),
            Run::reading(&mut goframe.command(&["show", "-"]), first.as_str()),
            goframe.run(&["show", first.as_str(), "--json"]),
        ] {
            let shown = shown.done();
            assert!(
                shown.contains("basket") && !shown.contains("apples") && !shown.contains(first.as_str()),
                "{shown}"
            );
        }
        assert_eq!(Run::reading(&mut goframe.command(&["end", "-"]), first.as_str()).done(), "1 session ended\n");
        assert!(!goframe.is_alive(&first) && goframe.is_alive(&second));
        assert!(!goframe.run(&["end", first.as_str()]).failed(1).contains(first.as_str()));
        // An id is at most 32 characters long there.
        let long = "0123456789abcdef0123456789abcdef0";
        let why = goframe.run(&["end", long]).failed(2);
        assert!(why.contains("this is not the id of a GoFrame session") && !why.contains(long), "{why}");
        // A logout follows a renewal there, too.
        let session = goframe.manager.begin(Some(second.as_str()), ClientInfo::default);
        session.renew().unwrap();
        let Delivery::Send { id: renewed, .. } = session.close().unwrap().delivery else { panic!("it was renewed") };
        assert_eq!(goframe.run(&["count"]).done(), "1\n", "{}", goframe.layout);
        assert_eq!(goframe.run(&["end", second.as_str()]).done(), "1 session ended\n");
        assert!(!goframe.is_alive(&renewed));
    }
}

#[test]
fn what_the_formats_do_not_keep_is_said() {
    for goframe in GoFrame::each() {
        for arguments in
            [&["list", "ada"][..], &["list", "--tag", "t"], &["end-all", "ada", "--yes"], &["end-tagged", "t", "--yes"]]
        {
            let why = goframe.run(arguments).failed(1);
            assert!(why.contains("does not support this") && why.contains("does not keep what that needs"), "{why}");
        }
    }
}
