//! Times as the pages show them: when, and how long ago or ahead.

use gsession::Timestamp;

/// A time as a page shows it.
pub(crate) struct DisplayTime {
    /// For the `datetime` attribute.
    pub(crate) iso: String,
    /// For readers, in UTC.
    pub(crate) utc: String,
    /// Relative to now: "in 3 h 20 min".
    pub(crate) relative: String,
}

impl DisplayTime {
    /// `None` for a time that the calendar cannot represent.
    pub(crate) fn of(at: Timestamp, now: Timestamp) -> Option<Self> {
        let time = jiff::Timestamp::from_millisecond(i64::try_from(at.as_millis()).ok()?).ok()?;
        let seconds = at.as_millis().abs_diff(now.as_millis()) / 1000;
        let relative = match (seconds, at >= now) {
            (0, _) => "just now".to_owned(),
            (_, true) => format!("in {}", span(seconds)),
            (_, false) => format!("{} ago", span(seconds)),
        };
        Some(Self {
            iso: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            utc: time.strftime("%-d %B %Y, %H:%M:%S UTC").to_string(),
            relative,
        })
    }
}

/// The two largest units are enough.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        (1, ..) => format!("1 day {} h", hours % 24),
        _ => format!("{days} days {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_when_and_how_far_from_now() {
        let now = Timestamp::from_millis(1_000_000_000_000);
        let at = |seconds: i64| {
            let millis = now.as_millis().checked_add_signed(seconds * 1000).unwrap();
            DisplayTime::of(Timestamp::from_millis(millis), now).unwrap()
        };
        assert_eq!(at(0).iso, "2001-09-09T01:46:40Z");
        assert_eq!(at(0).utc, "9 September 2001, 01:46:40 UTC");
        for (seconds, relative) in [
            (0, "just now"),
            (59, "in 59 s"),
            (-61, "1 min 1 s ago"),
            (3 * 3600 + 1200, "in 3 h 20 min"),
            (86_400, "in 1 day 0 h"),
            (-7 * 86_400 + 1, "6 days 23 h ago"),
        ] {
            assert_eq!(at(seconds).relative, relative);
        }
        assert!(DisplayTime::of(Timestamp::from_millis(u64::MAX), now).is_none());
    }
}
