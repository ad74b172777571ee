//! Text in a picture: escaped, measured and wrapped.

/// Text as it may stand between tags and in attributes of SVG and HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            // XML has no way to write these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Width of a text of that size, in the units of the size.
///
/// Nobody knows the reader's font here; these are widths of DejaVu Sans, one of the widest, so that
/// a text takes no more room than this in any usual one.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let ems = |c: char| match c {
        'i' | 'j' | 'l' | '\'' | '|' => 0.29,
        'I' | '.' | ',' | ':' | ';' | '!' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | ' ' | '·'
        | '/' => 0.40,
        'm' | 'M' | 'w' | 'W' | '@' | '%' => 0.98,
        'A'..='Z' => 0.72,
        '0'..='9' => 0.64,
        '\0'..='\u{24f}' => 0.62,
        _ => 1.0,
    };
    text.chars().map(ems).sum::<f64>() * size
}

/// Lines of a text that are no wider than `room`; words that are wider themselves are cut.
pub(super) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = shorten(word, size, room);
        match lines.last_mut() {
            Some(line) if width(line, size) + width(" ", size) + width(&word, size) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// The text, or its start and an ellipsis if it is wider than `room`.
pub(super) fn shorten(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let room = room - width("…", size);
    let mut used = 0.0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += width(c.encode_utf8(&mut [0; 4]), size);
            used <= room
        })
        .collect();
    kept.trim_end().to_owned() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_xml_is_escaped() {
        assert_eq!(
            escape("<a href=\"x\">&'\u{1b}"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{fffd}"
        );
    }

    #[test]
    fn lines_stay_within_their_room() {
        let text =
            "tokens per day that the fleet can serve inside the SLO against tokens asked for";
        let lines = wrap(text, 14.0, 200.0);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| width(line, 14.0) <= 200.0));
        assert_eq!(lines.join(" "), text);
        assert!(wrap(&"W".repeat(100), 14.0, 200.0)[0].ends_with('…'));
        assert!(wrap("", 14.0, 200.0).is_empty());
    }
}
