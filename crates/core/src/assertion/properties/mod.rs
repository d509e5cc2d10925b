//! What can be claimed: one file per property.

mod bound;
mod converged;
mod crosses;
mod difference;
mod exponent;
mod finite;
mod gap;
mod interior_minimum;
mod monotone;
mod not_worse;
mod plateau;
mod rank_correlation;
mod ratio;
mod spike_free;
mod within;

pub use bound::{Bound, Stat};
pub use converged::Converged;
pub use crosses::Crosses;
pub use difference::Difference;
pub use exponent::Exponent;
pub use finite::{Columns, Finite};
pub use gap::Gap;
pub use interior_minimum::InteriorMinimum;
pub use monotone::{Direction, Monotone};
pub use not_worse::{Better, NotWorse};
pub use plateau::Plateau;
pub use rank_correlation::RankCorrelation;
pub use ratio::Ratio;
pub use spike_free::SpikeFree;
pub use within::{Edge, Within};

use super::finding::{Finding, Stop};
use super::range::Range;
use crate::table::Table;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use std::fmt::Debug;
use std::sync::Arc;

/// Something that can be claimed of a table, with its columns and numbers.
pub trait Property: Debug + Send + Sync {
    /// Its entry in the registry.
    fn info(&self) -> PropertyInfo;

    /// The accepted values of what is measured.
    fn accepted(&self) -> Range;

    /// Whether it is a claim about the rows alone, not about what they are a sample of: it has no interval and cannot be
    /// wrong by chance.
    fn exact(&self) -> bool {
        false
    }

    /// Measures it, with an interval of coverage 1 - `alpha`.
    ///
    /// # Errors
    /// [`Stop::Error`] for a table without the columns, [`Stop::Undecided`] for one that holds too little.
    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop>;

    /// Its keys and values in TOML.
    fn keys(&self) -> toml::Table;
}

/// An entry of the registry.
#[derive(Debug, Clone, Copy)]
pub struct PropertyInfo {
    /// Name in TOML.
    pub name: &'static str,
    /// What it claims, in a sentence.
    pub about: &'static str,
    /// Its keys, as declared.
    pub keys: fn() -> &'static [&'static str],
    /// Reads it from its keys; says what is wrong with them.
    pub read: fn(toml::Table) -> Result<Arc<dyn Property>, String>,
}

/// All properties.
pub fn registry() -> &'static [PropertyInfo] {
    &[
        bound::INFO,
        finite::INFO,
        within::INFO,
        difference::INFO,
        ratio::INFO,
        not_worse::INFO,
        monotone::INFO,
        rank_correlation::INFO,
        exponent::INFO,
        crosses::INFO,
        interior_minimum::INFO,
        converged::INFO,
        plateau::INFO,
        spike_free::INFO,
        gap::INFO,
    ]
}

/// A property that is read from its keys.
trait Declared: Property + Serialize + DeserializeOwned {
    /// Says what is wrong with its numbers.
    fn check(&self) -> Result<(), String>;
}

fn read<T: Declared + 'static>(keys: toml::Table) -> Result<Arc<dyn Property>, String> {
    let property = T::deserialize(keys).map_err(|e| e.to_string().split_whitespace().collect::<Vec<_>>().join(" "))?;
    property.check()?;
    Ok(Arc::new(property))
}

fn written<T: Serialize>(property: &T) -> toml::Table {
    // Fields are texts, numbers and lists of texts: serialisation cannot fail.
    toml::Table::try_from(property).expect("a property is a table of keys")
}

/// Field names of a struct, asked of its own deserialiser.
fn keys<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Fields<'a>(&'a mut &'static [&'static str]);
    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("not a struct"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(Self::Error::custom("only the names were asked for"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(Fields(&mut fields));
    fields
}

/// Refuses a claim on each of no replicates.
fn check_each(each: bool, by: Option<&str>) -> Result<(), String> {
    match each && by.is_none() {
        true => Err("`each` needs `by`, the column that names the replicates".into()),
        false => Ok(()),
    }
}

/// Refuses a share of a curve outside of 0 to one half.
fn check_share(share: f64) -> Result<(), String> {
    match share > 0.0 && share <= 0.5 {
        true => Ok(()),
        false => Err(format!("`share` is more than 0 and at most 0.5, found {share}")),
    }
}
