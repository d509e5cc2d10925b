//! A task as a line of text: name, parameters, and which examples.

use super::{Fold, Task, build};
use crate::{ContentHash, ContentHasher, DataError, Document};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

/// What a source that is a task begins with.
pub const PREFIX: &str = "task:";
/// Documents of a source that says nothing else.
const COUNT: u64 = 10_000;
/// Most documents of a source; they are held in memory.
const MOST: u64 = 10_000_000;
/// Documents made together.
const BLOCK: u64 = 1024;

/// A task with its parameters and the examples that are meant, `addition?digits=2&spaces.p=0.5&count=20000&seed=3`:
/// `count` and `seed` are of the examples, all else are parameters of the task, written as for [`parameters`].
///
/// ```
/// use kleiber_data::tasks::TaskSpec;
/// # fn main() -> Result<(), kleiber_data::DataError> {
/// let spec = TaskSpec::parse("task:addition?digits=2&format=reverse&count=500&seed=3")?;
/// assert_eq!((spec.name.as_str(), spec.count, spec.seed), ("addition", 500, 3));
/// assert_eq!(spec.documents(1 << 20)?.len(), 500);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSpec {
    /// Name in the registry.
    pub name: String,
    /// Parameters of the task, an object.
    pub parameters: Value,
    /// Number of examples.
    pub count: u64,
    /// Seed of the examples.
    pub seed: u64,
}

impl TaskSpec {
    /// Reads the line; `task:` before it may be left out.
    ///
    /// # Errors
    /// [`DataError::Parameter`] and [`DataError::Option`]; whether the task takes the parameters is for [`Self::task`].
    pub fn parse(text: &str) -> Result<Self, DataError> {
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let (name, rest) = text.split_once('?').unwrap_or((text, ""));
        let mut own = parameters(rest.split('&').filter(|pair| !pair.is_empty()))?;
        let mut whole = |key: &str, usual: u64, most: u64| match own.as_object_mut().and_then(|o| o.shift_remove(key)) {
            None => Ok(usual),
            Some(value) => match value.as_u64().filter(|n| *n <= most) {
                Some(number) => Ok(number),
                None => Err(DataError::option(key, value, format!("a whole number up to {most}"))),
            },
        };
        let (count, seed) = (whole("count", COUNT, MOST)?, whole("seed", 0, u64::MAX)?);
        if count == 0 {
            return Err(DataError::option("count", count, format!("1 to {MOST} examples")));
        }
        Ok(Self { name: name.into(), parameters: own, count, seed })
    }

    /// Puts parameters, an object, over those that are there, parameters inside parameters likewise.
    pub fn set(&mut self, parameters: Value) {
        over(&mut self.parameters, parameters);
    }

    /// The task.
    ///
    /// # Errors
    /// As [`build`].
    pub fn task(&self) -> Result<Box<dyn Task>, DataError> {
        build(&self.name, &self.parameters)
    }

    /// The training examples as documents, as many of them as have at most `bytes` bytes of text together.
    ///
    /// # Errors
    /// As [`Self::task`] and [`Task::sample`].
    pub fn documents(&self, bytes: u64) -> Result<Vec<Document>, DataError> {
        let task = self.task()?;
        let (mut documents, mut room) = (Vec::new(), bytes);
        for first in (0..self.count).step_by(BLOCK as usize) {
            let numbers = first..(first + BLOCK).min(self.count);
            let block: Vec<Result<Document, DataError>> =
                numbers.into_par_iter().map(|index| task.document(self.seed, index)).collect();
            for document in block {
                let document = document?;
                let Some(left) = room.checked_sub(document.text.len() as u64) else { return Ok(documents) };
                room = left;
                documents.push(document);
            }
        }
        Ok(documents)
    }

    /// Bytes of its text, from its first documents.
    pub(crate) fn bytes(&self) -> Result<u64, DataError> {
        let (task, few) = (self.task()?, self.count.min(64));
        let first = task.documents(self.seed, few)?;
        Ok(first.iter().map(|d| d.text.len() as u64).sum::<u64>() * self.count / few)
    }

    /// A hash over what decides its text: name, parameters, seed, count, and the first examples, so that a task that
    /// one day is written differently is another source.
    pub(crate) fn fingerprint(&self) -> Result<ContentHash, DataError> {
        let task = self.task()?;
        let mut hasher = ContentHasher::new();
        hasher.piece(self.name.as_bytes()).piece(self.parameters.to_string().as_bytes());
        hasher.piece(&self.seed.to_le_bytes()).piece(&self.count.to_le_bytes());
        for index in 0..self.count.min(64) {
            hasher.piece(task.sample(self.seed, Fold::Train, index)?.text().as_bytes());
        }
        Ok(hasher.finish())
    }
}

fn over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            above.into_iter().for_each(|(key, value)| over(below.entry(key).or_insert(Value::Null), value));
        }
        (below, above) => *below = above,
    }
}

/// Assignments such as `digits=3` and `spaces.p=0.5` (a parameter inside another) as an object; values are JSON where they
/// can be read as such, and text otherwise.
///
/// ```
/// let parameters = kleiber_data::tasks::parameters(["digits=3", "spaces.p=0.5", "format=plain"])?;
/// assert_eq!(parameters, serde_json::json!({ "digits": 3, "spaces": { "p": 0.5 }, "format": "plain" }));
/// # Ok::<(), kleiber_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Parameter`].
pub fn parameters<'a>(assignments: impl IntoIterator<Item = &'a str>) -> Result<Value, DataError> {
    let mut root = Map::new();
    for text in assignments {
        let bad = |why| DataError::Parameter { text: text.into(), why };
        let (key, value) = text.split_once('=').ok_or_else(|| bad("is not KEY=VALUE"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().unwrap_or_default();
        if last.is_empty() || parts.iter().any(|p| p.is_empty()) {
            return Err(bad("has an empty name"));
        }
        let mut object = &mut root;
        for part in parts {
            let entry = object.entry(part).or_insert_with(|| json!({}));
            object = entry.as_object_mut().ok_or_else(|| bad("is inside a parameter that has a value"))?;
        }
        if object.insert(last.into(), value).is_some() {
            return Err(bad("is set twice"));
        }
    }
    Ok(Value::Object(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        let spec = TaskSpec::parse(text).and_then(|spec| spec.documents(1 << 20).map(|_| ()));
        let error = spec.unwrap_err();
        format!("{error}; {}", error.hint())
    }

    #[test]
    fn a_line_names_task_parameters_and_examples() {
        let spec = TaskSpec::parse("task:multiplication?digits=2&spaces.p=0.5&spaces.max=2&count=3&seed=9").unwrap();
        assert_eq!(spec.parameters, json!({ "digits": 2, "spaces": { "p": 0.5, "max": 2 } }));
        let documents = spec.documents(1 << 20).unwrap();
        assert_eq!(documents, spec.task().unwrap().documents(9, 3).unwrap());
        assert_eq!((&*documents[2].domain, &*documents[2].group), ("multiplication", "multiplication#00000002"));
        let mut other = spec.clone();
        other.set(json!({ "digits": 3, "spaces": { "p": 0.1 }, "pad": 4 }));
        assert_eq!(other.parameters, json!({ "digits": 3, "spaces": { "p": 0.1, "max": 2 }, "pad": 4 }));
        let plain = TaskSpec::parse("copy").unwrap();
        assert_eq!((plain.parameters, plain.count, plain.seed), (json!({}), 10_000, 0));
    }

    #[test]
    fn the_text_ends_at_its_limit() {
        let spec = TaskSpec::parse("addition?count=5000").unwrap();
        let all = spec.documents(u64::MAX).unwrap();
        let few = spec.documents(20_000).unwrap();
        assert_eq!((all.len(), &all[..few.len()]), (5000, &few[..]));
        let bytes = |documents: &[Document]| documents.iter().map(|d| d.text.len()).sum::<usize>();
        assert!((19_980..=20_000).contains(&bytes(&few)), "{}", bytes(&few));
        let guessed = spec.bytes().unwrap() as f64 / bytes(&all) as f64;
        assert!((0.9..1.1).contains(&guessed), "{guessed}");
    }

    #[test]
    fn slips_are_named() {
        assert!(why("task:adition").contains("no task `adition`; the tasks are addition"));
        assert!(why("task:addition?digit=2").contains("unknown field `digit`, expected one of `digits`"));
        assert!(why("task:addition?digits=99").contains("digits is 99, expected 1 to 37"));
        assert!(why("task:addition?digits").contains("parameter `digits` is not KEY=VALUE; write digits=3"));
        assert!(why("task:addition?count=0").contains("count is 0, expected 1 to 10000000 examples"));
        assert!(why("task:addition?count=1e3").contains("count is 1000.0, expected a whole number"));
        assert!(why("task:addition?seed=-1").contains("seed is -1, expected a whole number"));
    }

    #[test]
    fn whatever_changes_the_text_changes_the_fingerprint() {
        let of = |text: &str| TaskSpec::parse(text).unwrap().fingerprint().unwrap();
        let texts = ["copy", "copy?seed=1", "copy?count=5", "copy?count=6", "copy?reversed=true", "brackets"];
        let hashes: std::collections::HashSet<_> = texts.iter().map(|text| of(text)).collect();
        assert_eq!(hashes.len(), texts.len());
        assert_eq!(of("copy?count=5&symbols=4"), of("task:copy?symbols=4&count=5"));
    }
}
