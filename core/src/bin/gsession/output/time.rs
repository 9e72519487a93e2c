//! Times as people and programs read them, in UTC.

use std::time::Duration;

use gsession::Timestamp;
use serde::{Serialize, Serializer};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Until then hours say more.
const TWO_DAYS: u64 = 2 * DAY;
/// The beginning of the year 10,000, in seconds: what comes later is not written, and means never.
const NEVER: u64 = 253_402_300_800;

/// A time in JSON: RFC 3339, or null for never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis() % 1000;
        match date_and_time(self.0) {
            Some([date, time]) => serializer.serialize_str(&format!("{date}T{time}.{millis:03}Z")),
            None => serializer.serialize_none(),
        }
    }
}

/// `2026-11-30 11:08:32 UTC (5 minutes ago)`.
pub(crate) fn both(at: Timestamp, now: Timestamp) -> String {
    match date_and_time(at) {
        Some([date, time]) => format!("{date} {time} UTC ({})", relative(at, now)),
        None => "never".to_owned(),
    }
}

/// `5 minutes ago`, `in 23 hours`.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    if at.as_millis() / 1000 >= NEVER {
        return "never".to_owned();
    }
    match (span(now.since(at)), span(at.since(now))) {
        (Some(past), _) => format!("{past} ago"),
        (None, Some(future)) => format!("in {future}"),
        (None, None) => "now".to_owned(),
    }
}

/// A duration in its largest unit, rounded down; `None` if it is less than a second.
fn span(duration: Duration) -> Option<String> {
    let seconds = duration.as_secs();
    let (number, unit) = match seconds {
        0 => return None,
        1..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..TWO_DAYS => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    Some(format!("{number} {unit}{plural}"))
}

/// The date and the time of day in UTC.
fn date_and_time(at: Timestamp) -> Option<[String; 2]> {
    let seconds = at.as_millis() / 1000;
    if seconds >= NEVER {
        return None;
    }
    let (year, month, day) = date(seconds / DAY);
    let [hour, minute, second] = [seconds % DAY / HOUR, seconds % HOUR / MINUTE, seconds % MINUTE];
    Some([format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}")])
}

/// The year, month and day of a number of days since 1970-01-01, by Howard Hinnant's `civil_from_days`. Its years begin in March.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let written = |seconds: u64| date_and_time(Timestamp::from_millis(seconds * 1000)).map(|parts| parts.join(" "));
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_709_164_800, "2024-02-29 00:00:00"),
            (1_735_689_599, "2024-12-31 23:59:59"),
            (1_735_689_600, "2025-01-01 00:00:00"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (NEVER - 1, "9999-12-31 23:59:59"),
        ] {
            assert_eq!(written(seconds).as_deref(), Some(text));
        }
        assert_eq!(written(NEVER), None);
        assert_eq!(
            serde_json::to_string(&Moment(Timestamp::from_millis(951_782_400_007))).unwrap(),
            "\"2000-02-29T00:00:00.007Z\""
        );
        assert_eq!(serde_json::to_string(&Moment(Timestamp::MAX)).unwrap(), "null");
    }

    #[test]
    fn times_are_told_from_now() {
        let now = Timestamp::from_millis(1_750_000_000_000);
        let at = |seconds: i64| Timestamp::from_millis(now.as_millis().checked_add_signed(seconds * 1000).unwrap());
        for (seconds, text) in [
            (0, "now"),
            (-1, "1 second ago"),
            (-59, "59 seconds ago"),
            (-60, "1 minute ago"),
            (-7_199, "1 hour ago"),
            (-86_400, "24 hours ago"),
            (172_799, "in 47 hours"),
            (172_800, "in 2 days"),
            (90 * 86_400, "in 90 days"),
            (3_599, "in 59 minutes"),
        ] {
            assert_eq!(relative(at(seconds), now), text);
        }
        assert_eq!(relative(Timestamp::MAX, now), "never");
        assert_eq!(both(Timestamp::MAX, now), "never");
        assert_eq!(both(now, now), "2025-06-15 15:06:40 UTC (now)");
    }
}
