//! Writes SVG: just the few elements that the charts need.
//!
//! The libraries that draw charts write their colours into every element, so that a picture cannot follow a dark page,
//! and leave out what a screen reader needs.

use std::fmt::Write as _;

/// What an element looks like: its selector, and its declarations.
type Rule = (&'static str, &'static str);

/// Colours on light pages, and fonts. The card has a background of its own, because a page may be dark although the browser says
/// otherwise.
const LIGHT: [Rule; 16] = [
    ("text", "font:13px -apple-system,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif;fill:#1f2328"),
    (".card", "fill:#fff;stroke:#d1d9e0"),
    (".line", "stroke:#d1d9e0"),
    (".track", "fill:#eaeef2"),
    (".title", "font-size:19px;font-weight:600"),
    (".heading", "font-weight:600"),
    (".panel", "font-size:15px;font-weight:600"),
    (".muted", "fill:#59636e"),
    (".small", "font-size:11.5px"),
    (".code", "font-family:ui-monospace,Menlo,Consolas,'Liberation Mono',monospace"),
    (".end", "text-anchor:end"),
    (".bold", "font-weight:600"),
    (".ours", "fill:#0969da"),
    (".peer", "fill:#8c959f"),
    (".baseline", "fill:#c8ced5"),
    (".bad", "fill:#bc4c00"),
];

/// Colours on dark pages.
const DARK: [Rule; 9] = [
    ("text", "fill:#f0f6fc"),
    (".card", "fill:#0d1117;stroke:#3d444d"),
    (".line", "stroke:#3d444d"),
    (".track", "fill:#21262d"),
    (".muted", "fill:#9198a1"),
    (".ours", "fill:#4493f8"),
    (".peer", "fill:#7d8590"),
    (".baseline", "fill:#484f58"),
    (".bad", "fill:#db6d28"),
];

/// The style sheet. It applies to charts alone, since a chart may be part of a page that has other styles.
fn style() -> String {
    let sheet = |rules: &[Rule]| {
        rules.iter().fold(String::new(), |sheet, (selector, look)| sheet + &format!(".chart {selector}{{{look}}}"))
    };
    format!(
        ".chart{{max-width:100%;height:auto}}{}@media(prefers-color-scheme:dark){{{}}}",
        sheet(&LIGHT),
        sheet(&DARK)
    )
}

/// A picture in the making.
#[derive(Debug, Default)]
pub(super) struct Svg(String);

impl Svg {
    /// A text at its baseline.
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(r#" class="{class}""#) };
        let _ = writeln!(self.0, r#"<text{class} x="{}" y="{}">{}</text>"#, number(x), number(y), escape(text));
    }

    /// A filled rectangle with slightly rounded corners.
    pub(super) fn bar(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        let _ = writeln!(self.0, r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>"#);
    }

    /// A thin line from one point to another.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(number);
        let _ = writeln!(self.0, r#"<line class="line" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>"#);
    }

    /// The whole picture on its card, with a name and a description for those who do not see it.
    pub(super) fn finish(self, width: f64, height: f64, title: &str, description: &str) -> String {
        let [inner_width, inner_height] = [width - 1.0, height - 1.0].map(number);
        let [width, height] = [width, height].map(number);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{0}">
<title>{0}</title>
<desc>{1}</desc>
<style>{2}</style>
<rect class="card" x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="8"/>
{3}</svg>
"#,
            escape(title),
            escape(description),
            style(),
            self.0
        )
    }
}

/// A coordinate: to a tenth, which is finer than any screen.
fn number(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A text as the content of an element or an attribute. What XML cannot hold at all is replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            character if character.is_control() => out.push('\u{FFFD}'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_element() {
        assert_eq!(escape("<b> & \"c\"\u{0}\u{1b}\n]]>"), "&lt;b&gt; &amp; &quot;c&quot;\u{FFFD}\u{FFFD} ]]&gt;");
        let mut svg = Svg::default();
        svg.text("bold", 1.0, 2.25, "</text><script>");
        let whole = svg.finish(10.0, 20.5, "a & b", "<desc>");
        assert!(whole.contains(r#"<text class="bold" x="1" y="2.2">&lt;/text&gt;&lt;script&gt;</text>"#), "{whole}");
        assert!(whole.contains("<title>a &amp; b</title>"), "{whole}");
        assert!(whole.contains(r#"viewBox="0 0 10 20.5""#), "{whole}");
    }

    #[test]
    fn a_coordinate_is_short() {
        assert_eq!([0.0, 12.04, 12.05, -3.5].map(number), ["0", "12", "12.1", "-3.5"]);
    }
}
