//! Text from users made safe for each output format.

/// Characters that no output format should receive: C0 and C1 controls other than newline and
/// tab, and the direction overrides that can make text lie about its order.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}')
}

/// `text` on one line without control characters, for terminals and labels.
#[must_use]
pub(super) fn line(text: &str) -> String {
    let text: String = text.chars().filter(|c| !is_unsafe(*c)).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` for HTML and XML, both between tags and inside double or single quotes.
#[must_use]
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_unsafe(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// `text` for labels that plotly.js reads as its own small HTML; it knows fewer entities than
/// HTML, so quotes stay as they are.
#[must_use]
pub(super) fn plotly(text: &str) -> String {
    line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// JSON text made unable to end the `<script>` element that holds it.
#[must_use]
pub(super) fn script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// `text` as one line of Markdown that shows every character as it is, in a paragraph or in a
/// table cell.
#[must_use]
pub(super) fn markdown(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len());
    let mut previous = ' ';
    for (index, c) in text.char_indices() {
        let next = text[index + c.len_utf8()..].chars().next().unwrap_or(' ');
        let inside_word = previous.is_alphanumeric() && next.is_alphanumeric();
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', c]),
            // An underscore inside a word is no emphasis, and names like params_total are common.
            '_' if !inside_word => out.extend(['\\', c]),
            '>' if index == 0 => out.extend(['\\', c]),
            '#' | '+' | '-' if index == 0 && (next == ' ' || next == c) => out.extend(['\\', c]),
            '.' | ')' if next == ' ' && !out.is_empty() && out.chars().all(|d| d.is_ascii_digit()) => {
                out.extend(['\\', c]);
            }
            _ => out.push(c),
        }
        previous = c;
    }
    out
}

/// `text` as one CSV field: quoted when it has to be, otherwise as it is.
#[must_use]
pub(super) fn csv(text: &str) -> String {
    let quote = text.contains([',', '"', '\n', '\r']) || text.trim() != text;
    if quote { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// `bytes` percent-encoded for a `data:` URI inside a quoted attribute.
#[must_use]
pub(super) fn percent(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3 / 2);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~,:/=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_closes_no_tag_and_no_quote() {
        let expected = "&lt;/script&gt;&lt;b a=&quot;&#39;&quot;&gt;&amp;";
        assert_eq!(html("</script><b a=\"'\">&\u{1b}"), expected);
    }

    #[test]
    fn script_json_holds_no_angle_bracket() {
        assert_eq!(script(r#"["</script>"]"#), r#"["\u003c/script\u003e"]"#);
    }

    #[test]
    fn markdown_shows_pipes_and_stars() {
        assert_eq!(markdown("a|b *c*\nd"), "a\\|b \\*c\\* d");
        assert_eq!(markdown("<img src=x> & co"), "&lt;img src=x> &amp; co");
        assert_eq!(markdown("params_total _x_"), "params_total \\_x\\_");
        assert_eq!(markdown("# no heading"), "\\# no heading");
        assert_eq!(markdown("12. no list"), "12\\. no list");
        assert_eq!(markdown("- no list"), "\\- no list");
        assert_eq!(markdown("-1.69"), "-1.69");
    }

    #[test]
    fn terminal_text_cannot_move_the_cursor() {
        assert_eq!(line("a\u{1b}[2Jb\r\nc\u{202e}d"), "a[2Jb cd");
    }

    #[test]
    fn csv_quotes_only_where_needed() {
        assert_eq!(csv("plain"), "plain");
        assert_eq!(csv("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(csv(" x"), "\" x\"");
    }

    #[test]
    fn percent_encodes_what_a_uri_cannot_hold() {
        assert_eq!(percent("a,b\n\"é".as_bytes()), "a,b%0A%22%C3%A9");
    }

    #[test]
    fn plotly_text_is_no_markup() {
        assert_eq!(plotly("<b>x</b> & \"y\""), "&lt;b&gt;x&lt;/b&gt; &amp; \"y\"");
    }
}
