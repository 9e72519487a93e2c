//! A chart of horizontal bars: what it shows, and where everything goes.

use super::svg::Svg;

const WIDTH: f64 = 880.0;
const MARGIN: f64 = 24.0;
/// Where the bars begin, right of the names.
const BARS: f64 = 262.0;
/// Kept free behind the longest bar for its text.
const ROOM_FOR_TEXT: f64 = 180.0;
/// Likewise where several columns share the width.
const ROOM_FOR_SHORT_TEXT: f64 = 74.0;
const GAP_OF_COLUMNS: f64 = 24.0;
const ROW: f64 = 20.0;
const BAR: f64 = 13.0;
/// How many characters of small text fit into a line, at the least.
const LINE: usize = 136;

/// A chart.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) subtitle: String,
    pub(super) sections: Vec<Section>,
    /// Paragraphs below the bars.
    pub(super) notes: Vec<String>,
    /// What to type to measure this again.
    pub(super) command: String,
}

/// Bars that are compared with one another.
#[derive(Debug)]
pub(super) struct Section {
    /// Set where a new scale begins.
    pub(super) panel: Option<&'static str>,
    pub(super) heading: &'static str,
    pub(super) explanation: &'static str,
    /// What the columns show; a single one needs no name. Where there are several, any bar is a bad sign.
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One bar for each column.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Peer,
    /// Not a session library, but what one cannot do without.
    Baseline,
}

#[derive(Debug)]
pub(super) struct Cell {
    /// The length of the bar, from 0 to 1.
    pub(super) share: f64,
    pub(super) text: String,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Peer => "peer",
            Self::Baseline => "baseline",
        }
    }
}

impl Chart {
    /// The chart as SVG.
    pub(super) fn draw(&self) -> String {
        let mut svg = Svg::default();
        svg.text("title", MARGIN, 38.0, self.title);
        svg.text("muted", MARGIN, 60.0, &self.subtitle);
        let mut y = 70.0;
        for section in &self.sections {
            y = section.draw(&mut svg, y);
        }
        y += 16.0;
        svg.line((MARGIN, y), (WIDTH - MARGIN, y));
        y += 4.0;
        for line in self.notes.iter().flat_map(|note| wrap(note)) {
            y += 17.0;
            svg.text("small muted", MARGIN, y, &line);
        }
        for line in wrap(&self.command) {
            y += 17.0;
            svg.text("small muted code", MARGIN, y, &line);
        }
        svg.finish(WIDTH, y + 18.0, self.title, &self.in_words())
    }

    /// Everything that the picture says, for those who do not see it.
    fn in_words(&self) -> String {
        let mut words = format!("{}.", self.subtitle.trim_end_matches('.'));
        for section in &self.sections {
            for part in [section.panel, Some(section.heading)].into_iter().flatten().filter(|part| !part.is_empty()) {
                words += &format!(" {part}:");
            }
            let rows: Vec<String> = section.rows.iter().map(|row| row.in_words(&section.columns)).collect();
            words += &format!(" {}.", rows.join("; "));
        }
        words
    }
}

impl Section {
    /// Draws the section below `y`; answers where it ends.
    fn draw(&self, svg: &mut Svg, mut y: f64) -> f64 {
        if let Some(panel) = self.panel {
            y += 30.0;
            svg.text("panel", MARGIN, y, panel);
            y += 2.0;
        }
        if !self.heading.is_empty() {
            y += 24.0;
            svg.text("heading end", BARS - 12.0, y, self.heading);
            svg.text("muted", BARS, y, self.explanation);
        }
        let columns = self.columns.len().max(1);
        let (gap, room) = if columns == 1 { (0.0, ROOM_FOR_TEXT) } else { (GAP_OF_COLUMNS, ROOM_FOR_SHORT_TEXT) };
        let width = (WIDTH - MARGIN - BARS - gap * (columns - 1) as f64) / columns as f64;
        let left = |column: usize| BARS + (width + gap) * column as f64;
        if !self.columns.is_empty() {
            y += 24.0;
            for (column, name) in self.columns.iter().enumerate() {
                svg.text("heading", left(column), y, name);
            }
        }
        y += 8.0;
        let top = y;
        for row in &self.rows {
            let (bar, baseline) = (y + (ROW - BAR) / 2.0, y + ROW / 2.0 + 4.5);
            let bold = if row.kind == Kind::Ours { "bold " } else { "" };
            svg.text(&format!("{bold}end"), BARS - 12.0, baseline, &row.name);
            for (column, cell) in row.cells.iter().enumerate() {
                let full = width - room;
                if !self.columns.is_empty() {
                    svg.bar("track", (left(column), bar), (full, BAR));
                }
                let length = full * cell.share.clamp(0.0, 1.0);
                if length > 0.0 {
                    // However short: there is something.
                    let class = if self.columns.is_empty() { row.kind.class() } else { "bad" };
                    svg.bar(class, (left(column), bar), (length.max(1.0), BAR));
                }
                let text = left(column) + if self.columns.is_empty() { length } else { full } + 7.0;
                svg.text(bold.trim_end(), text, baseline, &cell.text);
            }
            y += ROW;
        }
        for column in 0..columns {
            svg.line((left(column), top), (left(column), y));
        }
        y
    }
}

impl Row {
    fn in_words(&self, columns: &[String]) -> String {
        let cells: Vec<String> = if columns.is_empty() {
            self.cells.iter().map(|cell| cell.text.clone()).collect()
        } else {
            self.cells.iter().zip(columns).map(|(cell, column)| format!("{column} {}", cell.text)).collect()
        };
        format!("{}: {}", self.name, cells.join(", "))
    }
}

/// Breaks a paragraph into lines, at its plain spaces only.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(shares: &[f64]) -> String {
        let cells = |share: &f64| vec![Cell { share: *share, text: format!("{share}") }];
        let row = |share| Row { name: "a".to_owned(), kind: Kind::Peer, cells: cells(share) };
        let section = Section {
            panel: None,
            heading: "read",
            explanation: "reads",
            columns: Vec::new(),
            rows: shares.iter().map(row).collect(),
        };
        let (subtitle, command) = ("shorter is better".to_owned(), "command".to_owned());
        Chart { title: "t", subtitle, sections: vec![section], notes: Vec::new(), command }.draw()
    }

    fn lengths(svg: &str) -> Vec<f64> {
        let bars = svg.lines().filter(|line| line.starts_with(r#"<rect class="peer""#));
        bars.filter_map(|line| line.split_once(r#"width=""#)?.1.split('"').next()?.parse().ok()).collect()
    }

    #[test]
    fn bars_are_as_long_as_their_shares_and_stay_inside() {
        let full = WIDTH - MARGIN - BARS - ROOM_FOR_TEXT;
        assert_eq!(lengths(&chart(&[1.0, 0.5, 0.25])), [full, full / 2.0, full / 4.0]);
        // Whatever a file says.
        assert_eq!(lengths(&chart(&[9.0, f64::INFINITY])), [full, full]);
        // Nothing, and less than nothing, has no bar; a little has one that can be seen.
        assert_eq!(lengths(&chart(&[0.0, -1.0, f64::NAN])), [0.0; 0]);
        assert_eq!(lengths(&chart(&[1e-9])), [1.0]);
    }

    #[test]
    fn the_words_say_what_the_picture_says() {
        assert!(chart(&[0.5]).contains(">shorter is better. read: a: 0.5.</desc>"));
    }

    #[test]
    fn a_paragraph_is_broken_between_words() {
        let word = "x".repeat(60);
        let two = format!("{word} {word}");
        assert_eq!(wrap(&format!("{two} {word} y")), [two.clone(), format!("{word} y")]);
        assert_eq!(wrap(&"z".repeat(LINE + 1)).len(), 1);
        assert!(wrap("").is_empty());
        let unbroken = format!("a\u{a0}{}", "1".repeat(14));
        assert_eq!(wrap(&format!("{two} {unbroken}")), [two.clone(), unbroken]);
    }
}
