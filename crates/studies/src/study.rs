//! A study as it is declared: a claim, how it is tested, and what would count for and against it.

use crate::control::Control;
use crate::figure::Figure;
use crate::{StudyError, steps};
use kleiber_core::assertion::Assertion;
use kleiber_core::guard::load_small;
use kleiber_core::table::Selection;
use kleiber_data::ContentHash;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;
use toml::{Table, Value};

/// What "size" can mean.
pub(crate) const AXES: [&str; 13] = [
    "params",
    "tokens",
    "unique-tokens",
    "vocab",
    "context",
    "output",
    "prompt",
    "bits",
    "batch",
    "resolution",
    "datastore",
    "devices",
    "time",
];
/// Longest time of a study with its default steps, in minutes on two cores.
pub(crate) const MOST_MINUTES: f64 = 6.0;

/// Largest declaration.
const MAX_BYTES: u64 = 1 << 20;

/// How much of a study is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// At most two minutes on two cores.
    Quick,
    /// At most six.
    #[default]
    Default,
    /// The whole check.
    Thorough,
}

impl Preset {
    /// The key of a step that holds what is different; nothing for the default.
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Quick => Some("quick"),
            Self::Default => None,
            Self::Thorough => Some("thorough"),
        }
    }
}

/// What a study says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Short name.
    pub title: String,
    /// The question of size.
    pub question: String,
    /// The published claim.
    pub claim: String,
    /// Which sizes it is about, a few words.
    pub axis: Vec<String>,
    /// Who published it.
    pub source: String,
    /// What is seen when it holds.
    pub expectation: String,
    /// What counts against it.
    pub failure: String,
    /// What it must beat.
    pub baseline: String,
    /// What must fail.
    pub negative_control: String,
    /// Minutes on two cores.
    pub minutes: f64,
    /// Rooms that it uses.
    pub rooms: Vec<String>,
    /// Mechanisms that are missing; none when it can run.
    pub needs: Vec<String>,
}

/// A declared study.
#[derive(Debug, Clone)]
pub struct Study {
    /// Name of its folder.
    pub slug: String,
    /// What it says of itself.
    pub header: Header,
    /// Its steps as they are written, in order.
    pub steps: Vec<Table>,
    /// What must be true.
    pub expect: Vec<Assertion>,
    /// What would explain a result that differs from the paper's: judged and reported, no part of the verdict.
    pub further: Vec<Assertion>,
    /// What must fail.
    pub controls: Vec<Control>,
    /// What is drawn.
    pub figures: Vec<Figure>,
    /// Hash of the whole declaration.
    pub hash: ContentHash,
}

/// A step with its name.
pub type NamedStep = (String, Box<dyn steps::Step>);

impl Study {
    /// Reads a declaration.
    ///
    /// # Errors
    /// [`StudyError::Declaration`] with the first thing that is wrong.
    pub fn parse(slug: &str, text: &str) -> Result<Self, StudyError> {
        let fail = |why: String| StudyError::Declaration { slug: slug.into(), why };
        let mut table: Table = toml::from_str(text).map_err(|e| fail(e.to_string().trim_end().to_string()))?;
        let hash = ContentHash::of(table.to_string().as_bytes());
        let mut list = |key: &str| match table.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| match item {
                    Value::Table(item) => Ok(item),
                    other => Err(fail(format!("`{key}` holds {}, expected [[{key}]] tables", other.type_str()))),
                })
                .collect::<Result<Vec<Table>, _>>(),
            Some(other) => Err(fail(format!("`{key}` is {}, expected [[{key}]] tables", other.type_str()))),
        };
        let (steps, controls, figures) = (list("step")?, list("control")?, list("figure")?);
        let (expect, further) = (list("expect")?, list("further")?);
        let read = |e: toml::de::Error| fail(e.to_string().trim_end().to_string());
        let header: Header = table.try_into().map_err(read)?;
        let claims = |written: &[Table]| {
            let read = written.iter().map(Assertion::from_toml).collect::<Result<Vec<_>, _>>();
            read.map_err(|e| fail(e.to_string()))
        };
        let (expect, further) = (claims(&expect)?, claims(&further)?);
        let controls = controls.into_iter().map(|c| c.try_into().map_err(read)).collect::<Result<_, _>>()?;
        let figures = figures.into_iter().map(|f| f.try_into().map_err(read)).collect::<Result<_, _>>()?;
        let study = Self { slug: slug.into(), header, steps, expect, further, controls, figures, hash };
        study.check()?;
        Ok(study)
    }

    /// Reads a declaration from a file; the study is named by its folder.
    ///
    /// # Errors
    /// [`StudyError::Core`] for a file that cannot be read, [`StudyError::Declaration`].
    pub fn load(path: &Path) -> Result<Self, StudyError> {
        let bytes = load_small(path, MAX_BYTES)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| kleiber_core::CoreError::Encoding { source_name: path.display().to_string(), line: 0 })?;
        // A bare name lies in a folder, too.
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let folder = whole.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        Self::parse(folder.as_deref().unwrap_or("study"), &text)
    }

    /// Whether it can run.
    pub fn is_runnable(&self) -> bool {
        self.header.needs.is_empty()
    }

    /// Name and table of each step for a preset.
    ///
    /// # Errors
    /// [`StudyError::Declaration`].
    pub fn steps(&self, preset: Preset) -> Result<Vec<NamedStep>, StudyError> {
        self.steps.iter().map(|step| self.step(step, preset)).collect()
    }

    fn step(&self, written: &Table, preset: Preset) -> Result<NamedStep, StudyError> {
        let fail = |why: String| StudyError::Declaration { slug: self.slug.clone(), why };
        let mut step = written.clone();
        let mut text = |key: &str| match step.remove(key) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(fail(format!("a step has no `{key}`"))),
        };
        let (name, kind) = (text("name")?, text("do")?);
        for key in ["quick", "thorough"] {
            let other = step.remove(key);
            if preset.key() == Some(key) {
                match other {
                    Some(Value::Table(other)) => over(&mut step, other),
                    Some(_) => return Err(fail(format!("step `{name}`: `{key}` is no table"))),
                    None => {}
                }
            }
        }
        let kind = steps::kind(&kind).map_err(|why| fail(format!("step `{name}`: {why}")))?;
        let step = (kind.read)(step).map_err(|why| fail(format!("step `{name}`: {why}")))?;
        Ok((name, step))
    }

    fn check(&self) -> Result<(), StudyError> {
        let fail = |why: String| Err(StudyError::Declaration { slug: self.slug.clone(), why });
        if let Some(axis) = self.header.axis.iter().find(|a| !AXES.contains(&a.as_str())) {
            return fail(format!("no axis `{axis}`; the axes are {}", AXES.join(", ")));
        }
        if !(self.header.minutes > 0.0 && self.header.minutes <= MOST_MINUTES) {
            return fail(format!("{} minutes, at most {MOST_MINUTES} are allowed", self.header.minutes));
        }
        if self.is_runnable() == self.steps.is_empty() {
            return fail("a study has steps, or needs something".into());
        }
        if !self.is_runnable() {
            return Ok(());
        }
        let mut names = HashSet::new();
        for (name, _) in self.steps(Preset::Default)? {
            // Tables are files of this name.
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') || name.is_empty() {
                return fail(format!("a step `{name}`; names are letters, digits, - and _"));
            }
            if !names.insert(name.clone()) {
                return fail(format!("two steps `{name}`"));
            }
        }
        self.steps(Preset::Quick)?;
        self.steps(Preset::Thorough)?;
        if !self.expect.iter().any(|e| !e.gate) || self.controls.is_empty() {
            return fail("a study has an [[expect]] that is no gate, and a [[control]]".into());
        }
        let mut expected = HashSet::new();
        for assertion in self.expect.iter().chain(&self.further) {
            if !names.contains(&assertion.table) {
                return fail(format!("`{}` is about `{}`, and there is no such step", assertion.name, assertion.table));
            }
            if !expected.insert(assertion.name.as_str()) {
                return fail(format!("two expectations `{}`", assertion.name));
            }
            if let Err(e) = assertion.filter.iter().try_fold(Selection::new(), |s, condition| s.filter(condition)) {
                return fail(format!("`{}`: {e}", assertion.name));
            }
        }
        let expected: HashSet<&str> = self.expect.iter().map(|e| e.name.as_str()).collect();
        for control in &self.controls {
            if let Some(other) = control.expect.iter().find(|name| !expected.contains(name.as_str())) {
                return fail(format!("a control is about `{other}`, and no [[expect]] has this name"));
            }
            let tables = std::iter::once(&control.table).chain(&control.instead);
            if let Some(table) = tables.into_iter().find(|table| !names.contains(*table)) {
                return fail(format!("a control is about the table `{table}`, and there is no such step"));
            }
            control.check().or_else(fail)?;
        }
        match self.figures.iter().find(|f| !names.contains(&f.table)) {
            Some(figure) => fail(format!("a figure shows `{}`, and there is no such step", figure.table)),
            None => Ok(()),
        }
    }
}

/// Puts `above` over `below`, tables into tables.
fn over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(place)), Value::Table(value)) => over(place, value),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
title = "t"
question = "q"
claim = "c"
axis = ["params"]
source = "s"
expectation = "e"
failure = "f"
baseline = "b"
negative_control = "n"
minutes = 1
rooms = ["laws"]
needs = []
[[step]]
name = "rows"
do = "table"
columns = { x = [1, 2, 3, 4], y = [4, 3, 2, 1] }
quick = { columns = { x = [1, 2, 3, 5] } }
[[expect]]
name = "falls"
table = "rows"
property = "rank_correlation"
x = "x"
y = "y"
at_most = -0.9
because = "it does"
[[control]]
because = "in another order it does not"
table = "rows"
shuffle = "y"
expect = ["falls"]
"#;

    fn refusal(from: &str, to: &str) -> String {
        assert!(TEXT.contains(from));
        Study::parse("s", &TEXT.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn declarations_say_what_is_wrong_with_them() {
        let study = Study::parse("s", TEXT).unwrap();
        assert!(study.is_runnable() && study.expect.len() == 1);
        assert!(refusal("[\"params\"]", "[\"parms\"]").contains("no axis `parms`; the axes are params"));
        assert!(refusal("minutes = 1", "minutes = 9").contains("9 minutes, at most 6"));
        assert!(refusal("needs = []", "needs = [\"x\"]").contains("has steps, or needs something"));
        assert!(refusal("do = \"table\"", "do = \"tabel\"").contains("did you mean `table`?"));
        assert!(
            refusal("table = \"rows\"\nproperty", "table = \"raws\"\nproperty").contains("`falls` is about `raws`")
        );
        assert!(refusal("expect = [\"falls\"]", "expect = [\"fall\"]").contains("no [[expect]] has this name"));
        assert!(refusal("name = \"rows\"", "name = \"../rows\"").contains("a step `../rows`; names are letters"));
        assert!(refusal("table = \"rows\"\nshuffle", "table = \"raws\"\nshuffle").contains("the table `raws`"));
        let filter = "because = \"it does\"\nwhere = [\"x >\"]";
        assert!(refusal("because = \"it does\"", filter).contains("`falls`: "));
        assert!(refusal("title = \"t\"", "titel = \"t\"").contains("titel"));
    }

    #[test]
    fn presets_change_steps_and_every_change_changes_the_hash() {
        let study = Study::parse("s", TEXT).unwrap();
        let mut step = study.steps[0].clone();
        over(&mut step, "columns = { x = [9] }\nmore = 1".parse().unwrap());
        assert_eq!(step["columns"]["x"].as_array().unwrap().len(), 1);
        assert_eq!(step["columns"]["y"].as_array().unwrap().len(), 4);
        assert_ne!(study.hash, Study::parse("s", &TEXT.replace("-0.9", "-0.8")).unwrap().hash);
        assert_eq!(study.hash, Study::parse("s", &format!("# remark\n{TEXT}")).unwrap().hash);
    }
}
