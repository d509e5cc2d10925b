//! JSON Lines: one object per line with `text` or `messages`, and optionally `domain` and `group`.

use super::{BuildOptions, Raw, Read, clean, wanted};
use crate::{DataError, Document, limits};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::{BufRead, Read as _};

/// Longest line.
const MAX_LINE: u64 = 64 << 20;

/// What is taken from a row.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) text: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) group: Option<String>,
}

impl Row {
    /// The row as a document called `name`; `None` when it is not wanted.
    pub(super) fn document(self, name: String, options: &BuildOptions) -> Option<Raw> {
        let text = clean(self.text?);
        let domain = self.domain.unwrap_or_else(|| "other".into());
        let group = self.group.unwrap_or_else(|| name.clone());
        wanted(&text, &domain, options).then(|| Raw { document: Document::new(text, domain, group), name })
    }
}

/// A conversation as text: each message as `role: content` and an empty line. Chat templates belong to models.
pub(super) fn push_message(text: &mut String, role: &str, content: &str) {
    text.push_str(role);
    text.push_str(": ");
    text.push_str(content);
    text.push_str("\n\n");
}

pub(super) fn read(
    shown: &str,
    name: &str,
    reader: &mut impl BufRead,
    options: &BuildOptions,
) -> Result<Read, DataError> {
    let mut read = Read::default();
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line);
        let length = length.map_err(|e| limits::unpack_error(shown, &e))? as u64;
        if length == 0 {
            break;
        }
        if length > MAX_LINE {
            let (found, limit) = (format!("line {number} is longer"), format!("{MAX_LINE} bytes"));
            return Err(DataError::TooLarge { source_name: shown.into(), found, limit });
        }
        let json = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        if json.trim_ascii().is_empty() {
            continue;
        }
        let malformed = |found: String| DataError::Malformed {
            source_name: shown.into(),
            line: number,
            found,
            expected: format!("a JSON object with `{}` or `messages`", options.text_field),
        };
        let mut parser = serde_json::Deserializer::from_slice(json);
        let row = RowSeed(&options.text_field).deserialize(&mut parser).map_err(|e| malformed(e.to_string()))?;
        parser.end().map_err(|e| malformed(e.to_string()))?;
        if row.text.is_none() {
            return Err(malformed("neither of them".into()));
        }
        match row.document(format!("{name}#{number:08}"), options) {
            Some(document) => read.documents.push(document),
            None => read.skipped += 1,
        }
    }
    Ok(read)
}

struct RowSeed<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let mut row = Row::default();
        let mut messages = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                key if key == self.0 => row.text = map.next_value()?,
                "messages" => messages = map.next_value_seed(MessagesSeed)?,
                "domain" => row.domain = map.next_value()?,
                "group" => row.group = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        row.text = row.text.or(messages);
        Ok(row)
    }
}

/// A list of messages, as one text.
struct MessagesSeed;

impl<'de> DeserializeSeed<'de> for MessagesSeed {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessagesSeed {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages with `role` and `content`")
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<String>, A::Error> {
        #[derive(serde::Deserialize)]
        struct Message {
            role: String,
            content: Option<Content>,
        }
        let mut text = String::new();
        while let Some(message) = list.next_element::<Message>()? {
            push_message(&mut text, &message.role, &message.content.map(|c| c.0).unwrap_or_default());
        }
        Ok(Some(text))
    }
}

/// Text, or a list of parts of which the text parts are joined.
struct Content(String);

impl<'de> serde::Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of parts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
                #[derive(serde::Deserialize)]
                struct Part {
                    text: Option<String>,
                }
                let mut all = String::new();
                while let Some(part) = list.next_element::<Part>()? {
                    all.push_str(&part.text.unwrap_or_default());
                }
                Ok(Content(all))
            }
        }
        deserializer.deserialize_any(Parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &str) -> Result<Vec<String>, DataError> {
        let read = read("x.jsonl", "x.jsonl", &mut lines.as_bytes(), &BuildOptions::default())?;
        Ok(read.documents.into_iter().map(|d| d.document.text).collect())
    }

    #[test]
    fn rows_of_text_and_of_messages() {
        let lines = "\u{feff}{\"text\":\"a\\u00e9\",\"meta\":{\"deep\":[1,2]}}\n\n{\"text\":null,\"messages\":[\
            {\"role\":\"user\",\"content\":\"hi\"},\
            {\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"yes\"},{\"type\":\"image\"}]},\
            {\"role\":\"tool\",\"content\":null}]}";
        assert_eq!(texts(lines).unwrap(), ["aé", "user: hi\n\nassistant: yes\n\ntool: \n\n"]);
    }

    #[test]
    fn faults_name_the_line() {
        let fail = |lines: &str| texts(lines).unwrap_err().to_string();
        assert!(fail("{\"text\":\"a\"}\n{\"text\":3}").starts_with("x.jsonl, line 2: found invalid type"));
        assert!(fail("{}").contains("found neither of them, expected a JSON object with `text` or `messages`"));
        assert!(fail("{\"text\":\"a\"} trailing").contains("line 1"));
        assert!(fail(&format!("{{\"x\":{}", "[".repeat(100_000))).contains("line 1"));
        assert!(fail("{\"text\":\"\\ud800\"}").contains("line 1"));
    }
}
