//! What a server has printed.

/// How much of what its earlier processes have logged is kept, in bytes: one may be started again for days.
const KEPT: usize = 1 << 20;

/// How many of the last lines of its log a failure shows.
const LAST_LINES: usize = 30;

/// What is kept of a log.
pub(crate) fn last_of(log: String) -> String {
    last_bytes_of(log, KEPT)
}

/// The end of a log, for the report of a failure.
pub(crate) fn report(port: u16, log: &str) -> String {
    let mut lines: Vec<&str> = log.lines().rev().take(LAST_LINES).collect();
    lines.reverse();
    format!("The log of the server at {port} ends with:\n{}\n", lines.join("\n"))
}

/// The whole lines at the end of a text that make at most so many bytes.
fn last_bytes_of(mut text: String, bytes: usize) -> String {
    let excess = text.len().saturating_sub(bytes);
    if excess > 0 {
        let end =
            text.as_bytes()[excess..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| excess + at + 1);
        text.drain(..end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_last_lines_are_kept() {
        let log = || "first\nsecönd\nthird\n".to_owned();
        assert_eq!(last_bytes_of(log(), 100), log());
        assert_eq!(last_bytes_of(log(), 20), log());
        assert_eq!(last_bytes_of(log(), 19), "secönd\nthird\n");
        assert_eq!(last_bytes_of(log(), 11), "third\n");
        assert_eq!(last_bytes_of(log(), 3), "");
    }
}
