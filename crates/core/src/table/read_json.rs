//! JSON Lines, or one JSON array, of objects; nested objects become columns `outer.inner`.

use super::Table;
use super::read::{
    Builder, Interner, MAX_COLUMNS, checked_text, finish, header_names, load, name_of, too_many_columns,
};
use crate::CoreError;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

/// Longest name of a column, in bytes.
const MAX_NAME: usize = 1024;

pub(super) fn json(path: &Path) -> Result<Table, CoreError> {
    json_text(&name_of(path), &load(path)?)
}

/// Reads JSON that is already in memory.
pub(super) fn json_text(source: &str, bytes: &[u8]) -> Result<Table, CoreError> {
    let bytes = checked_text(source, bytes)?;
    let malformed = |line: u64, found: String| CoreError::Malformed {
        source_name: source.into(),
        line,
        found,
        expected: "one JSON object per line, or one array of objects".into(),
    };
    let mut rows: Vec<(u64, &[u8], Node)> = Vec::new();
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        let array: Vec<Node> = serde_json::from_slice(bytes).map_err(|e| malformed(e.line() as u64, why(&e)))?;
        rows.extend(array.into_iter().map(|v| (0, &b""[..], v)));
    } else {
        for (index, line) in bytes.split(|&b| b == b'\n').enumerate() {
            if !line.trim_ascii().is_empty() {
                let number = index as u64 + 1;
                let node = serde_json::from_slice(line).map_err(|e| malformed(number, why(&e)))?;
                rows.push((number, line.trim_ascii(), node));
            }
        }
    }
    let mut names: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut builders: Vec<Builder> = Vec::new();
    let mut texts = Interner::default();
    let count = rows.len();
    for (row, (line, raw, node)) in rows.into_iter().enumerate() {
        if let Node::Leaf(text) = node {
            let text = if raw.is_empty() { text.into() } else { String::from_utf8_lossy(raw) };
            return Err(malformed(line, format!("`{}`", text.chars().take(60).collect::<String>())));
        }
        let mut fields = Vec::new();
        if !node.flatten(String::new(), &mut fields) {
            return Err(malformed(line, format!("a name longer than the limit of {MAX_NAME} bytes")));
        }
        for (name, text) in fields {
            let place = *places.entry(name).or_insert_with_key(|name| {
                names.push(name.clone());
                let mut builder = Builder::default();
                (0..row).for_each(|_| builder.push("", &mut texts));
                builders.push(builder);
                builders.len() - 1
            });
            if place >= MAX_COLUMNS {
                return Err(too_many_columns(source));
            }
            if builders[place].rows > row {
                return Err(malformed(line, format!("the key `{}` twice", names[place])));
            }
            builders[place].push(&text, &mut texts);
        }
        for builder in builders.iter_mut().filter(|b| b.rows <= row) {
            builder.push("", &mut texts);
        }
    }
    let names = header_names(source, &names)?;
    finish(source, names, builders, count as u64)
}

/// The parser's reason without its place: the line it counts is not that of the file.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_string()
}

/// A JSON value as a table sees it: an object, or the text of a cell. Keys keep their order and repetitions.
enum Node {
    Object(Vec<(String, Node)>),
    Leaf(String),
}

impl Node {
    /// Collects the leaves of nested objects as `outer.inner`; false when a name grows too long.
    fn flatten(self, prefix: String, out: &mut Vec<(String, String)>) -> bool {
        if prefix.len() > MAX_NAME {
            return false;
        }
        match self {
            Self::Leaf(text) => {
                out.push((prefix, text));
                true
            }
            Self::Object(fields) => fields.into_iter().all(|(key, inner)| {
                let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                inner.flatten(name, out)
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(String::new()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Leaf(text.into()))
    }

    /// Lists stand for themselves only as a mark: no law reads them.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut count = 0;
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Node::Leaf(format!("[list of {count}]")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_and_arrays_flatten() {
        let lines = "{\"run\":\"a\",\"loss\":3.5,\"config\":{\"lr\":1e-3}}\n{\"run\":\"b\",\"loss\":null,\"late\":1}\n";
        let table = json_text("t.jsonl", lines.as_bytes()).unwrap();
        assert_eq!(table.numbers("config.lr").unwrap()[0], 1e-3);
        assert!(table.numbers("loss").unwrap()[1].is_nan());
        assert_eq!(table.numbers("late").unwrap()[1], 1.0);
        assert_eq!(json_text("t.json", b"[{\"a\":1},{\"a\":2}]").unwrap().numbers("a").unwrap(), [1.0, 2.0]);
        let error = json_text("t.jsonl", b"{\"a\":1}\n[1]\n").unwrap_err().to_string();
        assert!(error.contains("line 2: found `[1]`"), "{error}");
        for twice in ["{\"a\":1,\"a\":2}", "{\"a\":1}\n{\"a.b\":1,\"a\":{\"b\":2}}", "[{\"a\":{\"b\":1,\"b\":2}}]"] {
            let error = json_text("t.jsonl", twice.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("the key `a") && error.contains("twice"), "{error}");
        }
    }
}
