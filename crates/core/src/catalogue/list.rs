//! The catalogue as a table, for conditions and sorting.

use super::{Catalogue, Entry};
use crate::CoreError;
use crate::expr::Expr;
use crate::table::{Cells, Column, Table, nearest};

type Get = fn(&Entry) -> Option<f64>;
type Say = fn(&Entry) -> String;

/// Columns of numbers: name and value of an entry, where it is known.
const NUMBERS: &[(&str, Get)] = &[
    ("params", |e| Some(e.shape().ok()?.parts().ok()?.params().ok()? as f64)),
    ("params_matmul", |e| Some(e.shape().ok()?.parts().ok()?.params_matmul().ok()? as f64)),
    ("params_total", |e| Some(e.shape().ok()?.parts().ok()?.params_total().ok()? as f64)),
    ("params_nominal", |e| Some(e.params_nominal.value())),
    ("tokens", |e| e.train.tokens),
    ("multiplier", |e| Some(e.train.tokens? / e.shape().ok()?.parts().ok()?.params_total().ok()? as f64)),
    ("batch_tokens", |e| e.train.batch_tokens),
    ("lr", |e| e.train.lr),
    ("layers", |e| e.arch.layers.map(|n| n as f64)),
    ("encoder_layers", |e| e.arch.encoder_layers.map(|n| n as f64)),
    ("width", |e| e.arch.width.map(|n| n as f64)),
    ("heads", |e| e.arch.heads.map(|n| n as f64)),
    ("head_width", |e| e.arch.head_width.map(|n| n as f64)),
    ("groups", |e| e.arch.groups.map(|n| n as f64)),
    ("hidden", |e| e.arch.hidden.map(|n| n as f64)),
    ("vocab", |e| e.arch.vocab.map(|n| n as f64)),
    ("context", |e| e.arch.context.map(|n| n as f64)),
    ("aspect", |e| e.shape().ok().map(|s| s.aspect())),
    ("year", |e| Some(e.year())),
    ("open", |e| Some(f64::from(u8::from(e.open)))),
    ("verified", |e| Some(f64::from(u8::from(e.verified)))),
    ("gated", |e| e.arch.gated.map(|b| f64::from(u8::from(b)))),
    ("tied", |e| e.arch.tied.map(|b| f64::from(u8::from(b)))),
];

/// Columns of words.
const WORDS: &[(&str, Say)] = &[
    ("name", |e| e.name.clone()),
    ("family", |e| e.family.clone()),
    ("released", |e| e.released.clone()),
    ("kind", |e| word(&e.arch.kind)),
    ("positions", |e| word(&e.arch.positions)),
    ("norm", |e| word(&e.arch.norm)),
    ("bias", |e| word(&e.arch.bias)),
];

/// The word by which a file names a choice; empty when it is missing.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Names of every column that conditions and sorting know.
pub fn columns() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(name, _)| *name).chain(NUMBERS.iter().map(|(name, _)| *name))
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy)]
pub enum SortKey {
    /// A column of numbers, the smallest first.
    Number(Get),
    /// A column of words.
    Word(Say),
}

impl SortKey {
    /// The key of a column.
    ///
    /// # Errors
    /// [`CoreError::UnknownField`] with the nearest name.
    pub fn named(name: &str) -> Result<Self, CoreError> {
        let number = NUMBERS.iter().find(|(n, _)| *n == name).map(|(_, get)| Self::Number(*get));
        let word = || WORDS.iter().find(|(n, _)| *n == name).map(|(_, get)| Self::Word(*get));
        number.or_else(word).ok_or_else(|| {
            let names: Vec<&'static str> = columns().collect();
            let (nearest, available) = (nearest(name, &names), names.join(", "));
            CoreError::UnknownField { column: name.chars().take(60).collect(), nearest, available }
        })
    }

    /// Puts entries in order; those without a value come last.
    pub fn sort(self, entries: &mut [&Entry]) {
        match self {
            Self::Number(get) => {
                entries.sort_by(|a, b| get(a).unwrap_or(f64::INFINITY).total_cmp(&get(b).unwrap_or(f64::INFINITY)));
            }
            Self::Word(get) => entries.sort_by_key(|e| get(e)),
        }
    }
}

impl Catalogue {
    /// The catalogue as a table with a row for each entry; what is not known is an empty cell.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn table(&self) -> Result<Table, CoreError> {
        let words = WORDS.iter().map(|(name, get)| Column {
            name: (*name).into(),
            cells: Cells::Text(self.entries().iter().map(|e| get(e).into()).collect()),
        });
        let numbers = NUMBERS.iter().map(|(name, get)| Column {
            name: (*name).into(),
            cells: Cells::Number(self.entries().iter().map(|e| get(e).unwrap_or(f64::NAN)).collect()),
        });
        Table::new("the catalogue", words.chain(numbers).collect())
    }

    /// The entries for which `condition` is true. A value that is not known is neither smaller nor larger than anything.
    ///
    /// # Errors
    /// [`CoreError::Expression`] or [`CoreError::UnknownField`].
    ///
    /// ```
    /// use kleiber_core::catalogue::Catalogue;
    /// let small = Catalogue::builtin().select("params < 2e8 && family == \"gpt2\"").unwrap();
    /// assert_eq!(small[0].name, "gpt2-124m");
    /// ```
    pub fn select(&self, condition: &str) -> Result<Vec<&Entry>, CoreError> {
        Expr::parse(condition)?.names().into_iter().try_for_each(|name| SortKey::named(name).map(drop))?;
        let (inside, _) = self.table()?.partition(condition)?;
        Ok((0..inside.rows())
            .filter_map(|row| self.entries().get(usize::try_from(inside.origin(row)).ok()?.checked_sub(1)?))
            .collect())
    }

    /// Entries whose `params_total` is nearest to `params`, the nearest first, by the logarithm of the ratio.
    pub fn near(&self, params: f64) -> Vec<&Entry> {
        let total = |e: &Entry| Some(e.shape().ok()?.parts().ok()?.params_total().ok()? as f64);
        let known = self.entries().iter().filter_map(|e| Some(((total(e)? / params).ln().abs(), e)));
        let mut known: Vec<(f64, &Entry)> = known.collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        known.into_iter().map(|(_, e)| e).collect()
    }
}
