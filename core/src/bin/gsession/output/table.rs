//! Aligned columns.

use unicode_width::UnicodeWidthStr as _;

/// A line for the titles, and one for each row. The last column may be of any width.
pub(crate) fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let titles = titles.map(str::to_owned);
    let mut widths = [0; N];
    for row in [&titles].into_iter().chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    [&titles].into_iter().chain(rows).map(line).collect()
}

/// Names with values, one a line.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> Vec<String> {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    pairs.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["ä".to_owned(), "1".to_owned()], ["abc".to_owned(), "22".to_owned()]];
        assert_eq!(table(["A", "BYTES"], &rows), ["A    BYTES", "ä    1", "abc  22"]);
        // Chinese and Japanese letters take two columns, and an accent of its own none.
        let rows = [["電話", "1"], ["e\u{301}", "22"], ["abcd", "3"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(["A", "B"], &rows), ["A     B", "電話  1", "e\u{301}     22", "abcd  3"]);
        assert_eq!(pairs(&[("Key", "1".into()), ("Created", "2".into())]), ["Key      1", "Created  2"]);
    }
}
