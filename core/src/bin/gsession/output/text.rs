//! Texts from sessions, which users may have chosen, for a terminal.

/// Without what a terminal takes for a command, what begins another line, and what changes the direction of the text around it.
pub(crate) fn clean(text: &str) -> String {
    let is_command = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if is_command(letter) { '\u{fffd}' } else { letter }).collect()
}

/// The beginning of a clean text, if it is longer than this.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_commands_no_terminal() {
        assert_eq!(clean("Zoë's 電話"), "Zoë's 電話");
        for letter in ['\u{61c}', '\u{200e}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{2069}', '\u{85}'] {
            assert_eq!(clean(&format!("a{letter}b")), "a\u{fffd}b");
        }
        assert_eq!(clean("a\x1b[31mb\u{9b}2J\u{202e}c\nd"), "a\u{fffd}[31mb\u{fffd}2J\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        assert_eq!(cut("Firefox on Ubuntu", 40), "Firefox on Ubuntu");
        assert_eq!(cut("ääää", 4), "ääää");
        assert_eq!(cut("äääää", 4), "äää…");
    }
}
