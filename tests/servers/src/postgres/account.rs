//! As which user the servers run.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
    process::Command,
    sync::OnceLock,
};

use rustix::process::geteuid;

/// An account of the system, of `/etc/passwd`.
#[derive(Debug, Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// A command that runs as the servers do: as the user who runs the tests, or, as PostgreSQL refuses to run as root, as
/// the user that Debian's package has made for it, or as `nobody`.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some(Account { uid, gid }) = other_than_root() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Hands a file or folder to the user as whom the servers run.
pub(super) fn hand_over(path: &Path) {
    if let Some(Account { uid, gid }) = other_than_root() {
        chown(path, Some(uid), Some(gid)).expect("root may give files away");
    }
}

/// `None` if the tests do not run as root.
fn other_than_root() -> Option<Account> {
    static ACCOUNT: OnceLock<Option<Account>> = OnceLock::new();
    *ACCOUNT.get_or_init(|| {
        geteuid().is_root().then(|| {
            let accounts = fs::read_to_string("/etc/passwd").expect("reading the accounts of this system");
            let account = find("postgres", &accounts).or_else(|| find("nobody", &accounts));
            account.expect("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`")
        })
    })
}

fn find(name: &str, accounts: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        // The second one once held passwords.
        Some(Account { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts =
            "root:x:0:0:root:/root:/bin/bash\npostgres-old:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/:/bin/sh\n";
        let Account { uid, gid } = find("postgres", accounts).unwrap();
        assert_eq!((uid, gid), (101, 104));
        assert!(find("nobody", accounts).is_none());
    }
}
