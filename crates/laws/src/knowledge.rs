//! Bits of facts in a model: what a set of facts holds, what a model has learned of it, and how many parameters it takes
//! (Allen-Zhu & Li 2024, "Physics of language models: part 3.3, knowledge capacity scaling laws", arXiv 2404.05405).
//!
//! The paper's result is a constant, two bits per parameter, with factors for training, precision and data; there is no
//! curve to fit, so this is no form of the catalogue.

use crate::LawError;
use serde::Serialize;
use std::f64::consts::LN_2;

/// A synthetic set of facts whose information is known exactly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// People with `attributes` values of `chunks` pieces, each one of `diversity` strings of `length` symbols.
    Random {
        /// People.
        people: f64,
        /// Names that people are drawn from.
        names: f64,
        /// Attributes of a person (K).
        attributes: f64,
        /// Pieces of a value (C).
        chunks: f64,
        /// Strings that a piece is one of, per attribute (D).
        diversity: f64,
        /// Symbols of a string (L).
        length: f64,
        /// Different symbols (T).
        symbols: f64,
    },
    /// Biographies of six attributes: birth date, birth city, university, major, employer and gender.
    Biographies {
        /// People.
        people: f64,
    },
}

/// Names of biographies: first, middle and last.
pub const NAMES: f64 = 400.0 * 400.0 * 1000.0;
/// Combinations of the attributes of a biography; the working city follows the employer.
pub const BIOGRAPHIES: f64 = 2.0 * (12.0 * 28.0 * 200.0) * 200.0 * 300.0 * 100.0 * 263.0;

impl Facts {
    /// Bits of the whole set: who is in it, what holds of them, and which strings there are (definition 2.3 and theorem 3.2).
    ///
    /// # Errors
    /// [`LawError::Request`] when so many different names or strings cannot be drawn.
    pub fn bits(&self) -> Result<f64, LawError> {
        self.checked()?;
        Ok(self.learned_unchecked(self.people().ln(), 0.0, 0.0))
    }

    /// Bits that a model has learned, from sums of token losses in nats over exactly the tokens of a name (`name`), of the
    /// values of a person (`values`, all attributes together for biographies, the mean attribute for random facts) and of
    /// the first piece of a value (`piece`), each a mean over people. Not clamped: an untrained model may be below zero.
    ///
    /// # Errors
    /// As [`Facts::bits`], and for losses that are not finite.
    pub fn learned(&self, name: f64, values: f64, piece: f64) -> Result<f64, LawError> {
        self.checked()?;
        if ![name, values, piece].iter().all(|v| v.is_finite() && *v >= 0.0) {
            return Err(LawError::Request("losses are sums of nats, zero or more".into()));
        }
        Ok(self.learned_unchecked(name, values, piece))
    }

    fn people(&self) -> f64 {
        match *self {
            Self::Random { people, .. } | Self::Biographies { people } => people,
        }
    }

    fn learned_unchecked(&self, name: f64, values: f64, piece: f64) -> f64 {
        match *self {
            Self::Random { people, names, attributes, chunks, diversity, length, symbols } => {
                let strings = length * symbols.log2() - diversity.log2() - piece / LN_2;
                people * (names.log2() - name / LN_2)
                    + people * attributes * (chunks * diversity.log2() - values / LN_2)
                    + attributes * diversity * strings
            }
            Self::Biographies { people } => {
                people * (NAMES.log2() - name / LN_2) + people * (BIOGRAPHIES.log2() - values / LN_2)
            }
        }
    }

    fn checked(&self) -> Result<(), LawError> {
        let wrong = |what: String| Err(LawError::Request(what));
        let names = match *self {
            Self::Biographies { .. } => NAMES,
            Self::Random { names, attributes, chunks, diversity, length, symbols, .. } => {
                if [attributes, chunks, diversity, length, symbols].iter().any(|v| !(*v >= 1.0 && v.is_finite())) {
                    return wrong("attributes, chunks, diversity, length and symbols are one or more".into());
                }
                if diversity.ln() > length * symbols.ln() + 1e-9 {
                    return wrong(format!(
                        "cannot draw {diversity} different strings of {length} of {symbols} symbols"
                    ));
                }
                names
            }
        };
        let people = self.people();
        if !(people >= 1.0 && people < names) {
            return wrong(format!("cannot draw {people} different names from {names}"));
        }
        Ok(())
    }
}

/// How a model is built and trained, as far as the paper measured what it does to the bits it holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Storage {
    /// How often each fact is seen in training.
    pub exposures: f64,
    /// Build of the model.
    pub build: Build,
    /// Bits per stored weight: 32, 16, 8 or 4.
    pub weight_bits: u32,
    /// Seven of eight training tokens are facts that never come back.
    pub junk: bool,
    /// Useful paragraphs begin with a token of their own, such as a domain name.
    pub marked: bool,
}

/// Builds that the paper compares at equal parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Build {
    /// GPT-2 with rotary positions and a plain MLP, also of a quarter of the width.
    Plain,
    /// LLaMA and Mistral: a gated MLP.
    Gated,
    /// Attention alone.
    NoMlp,
    /// 32 experts, one chosen; parameters are all of them.
    Experts,
}

impl Default for Storage {
    fn default() -> Self {
        Self { exposures: 1000.0, build: Build::Plain, weight_bits: 16, junk: false, marked: false }
    }
}

/// Loss factors at so many exposures, between which they are interpolated in logarithms.
type Factors = &'static [(f64, f64)];

const GATED: Factors = &[(100.0, 1.3), (1000.0, 1.0)];
const NO_MLP: Factors = &[(100.0, 1.5), (1000.0, 1.0)];
const EXPERTS: Factors = &[(100.0, 1.5), (1000.0, 1.3)];
const JUNK: Factors = &[(100.0, 20.0), (300.0, 3.0), (600.0, 1.5), (1000.0, 1.3)];
const MARKED: Factors = &[(100.0, 2.0), (300.0, 1.0)];
/// Bits per parameter at 100 and 1,000 exposures, as what is lost against two.
const TRAINING: Factors = &[(100.0, 2.0), (1000.0, 1.0)];
/// Bits per parameter of a model trained for 1,000 exposures.
pub const CAPACITY: f64 = 2.0;
/// Bits per parameter left after quantisation to four bits.
const FOUR_BITS: f64 = 0.7;
/// Bits per parameter up to which a model recalls nearly everything: what to size for.
pub const SAFE: f64 = 1.8;

impl Storage {
    /// Bits of facts per parameter (section 4 to 10 of the paper), from 100 exposures; more than 1,000 add nothing.
    ///
    /// # Errors
    /// [`LawError::Request`] below 100 exposures or for another precision, which the paper did not measure.
    pub fn bits_per_parameter(&self) -> Result<f64, LawError> {
        if !(self.exposures >= 100.0 && self.exposures.is_finite()) {
            let what = "what a fact seen fewer than 100 times leaves was not measured: train longer or use own runs";
            return Err(LawError::Request(what.into()));
        }
        let build = match self.build {
            Build::Plain => 1.0,
            Build::Gated => at(GATED, self.exposures),
            Build::NoMlp => at(NO_MLP, self.exposures),
            Build::Experts => at(EXPERTS, self.exposures),
        };
        let precision = match self.weight_bits {
            8 | 16 | 32 => 1.0,
            4 => CAPACITY / FOUR_BITS,
            other => {
                return Err(LawError::Request(format!("{other} bits per weight were not measured: 32, 16, 8 or 4")));
            }
        };
        let junk = if !self.junk { 1.0 } else { at(if self.marked { MARKED } else { JUNK }, self.exposures) };
        Ok(CAPACITY / (at(TRAINING, self.exposures) * build * precision * junk))
    }

    /// Parameters that hold `bits`, with the margin of [`SAFE`] to [`CAPACITY`] that near-perfect recall takes.
    ///
    /// # Errors
    /// As [`Storage::bits_per_parameter`], and for bits that are not positive.
    pub fn parameters_for(&self, bits: f64) -> Result<f64, LawError> {
        if !(bits > 0.0 && bits.is_finite()) {
            return Err(LawError::Request(format!("{bits} bits are nothing to store")));
        }
        Ok(bits / (self.bits_per_parameter()? * SAFE / CAPACITY))
    }
}

/// A factor at so many exposures, straight between its points in logarithms and level beyond them.
fn at(points: Factors, exposures: f64) -> f64 {
    let after = points.iter().position(|p| p.0 >= exposures);
    match after {
        None => points[points.len() - 1].1,
        Some(0) => points[0].1,
        Some(i) => {
            let (low, high) = (points[i - 1], points[i]);
            let share = (exposures / low.0).ln() / (high.0 / low.0).ln();
            (low.1.ln() + share * (high.1 / low.1).ln()).exp()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPACT: Facts = Facts::Random {
        people: 2000.0,
        names: 16_777_216.0,
        attributes: 4.0,
        chunks: 1.0,
        diversity: 64.0,
        length: 1.0,
        symbols: 64.0,
    };

    #[test]
    fn a_biography_is_47_6_bits() {
        assert!((BIOGRAPHIES.log2() - 47.592).abs() < 5e-4, "{}", BIOGRAPHIES.log2());
        // 160M names: log2(160e6 / 1e5) more for each of 100,000 people.
        let bits = Facts::Biographies { people: 1e5 }.bits().unwrap();
        assert!((bits / 1e5 - (47.592 + 10.643_856)).abs() < 1e-3, "{}", bits / 1e5);
    }

    #[test]
    fn perfect_and_ignorant_models() {
        // 24 - log2 2000 + 4 * 6 bits a person; the strings hold nothing, as there are only 64.
        let all = COMPACT.bits().unwrap();
        assert!((all / 2000.0 - 37.034_216).abs() < 1e-6, "{}", all / 2000.0);
        let perfect = COMPACT.learned(2000f64.ln(), 0.0, 0.0).unwrap();
        assert!((perfect / all - 1.0).abs() < 1e-12);
        // Uniform over names and values: nothing.
        let ignorant = COMPACT.learned(16_777_216f64.ln(), 64f64.ln(), 0.0).unwrap();
        assert!(ignorant.abs() < 1e-6, "{ignorant}");
        // Averages in place of sums would count too much: refused only when they are no losses at all.
        assert!(COMPACT.learned(-1.0, 0.0, 0.0).is_err() && COMPACT.learned(f64::NAN, 0.0, 0.0).is_err());
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        assert!(Facts::Biographies { people: 2e8 }.bits().is_err());
        let Facts::Random { people, names, attributes, chunks, length, symbols, .. } = COMPACT else { return };
        let many = Facts::Random { people, names, attributes, chunks, diversity: 65.0, length, symbols };
        assert!(many.bits().unwrap_err().to_string().contains("cannot draw 65 different strings"));
    }

    #[test]
    fn published_factors() {
        let plain = Storage::default();
        let bits = |s: Storage| s.bits_per_parameter().unwrap();
        let at = |exposures: f64| Storage { exposures, ..plain };
        assert_eq!((bits(plain), bits(at(100.0)), bits(at(1e5))), (2.0, 1.0, 2.0));
        assert!((bits(Storage { build: Build::Gated, ..at(100.0) }) - 1.0 / 1.3).abs() < 1e-12);
        assert!((bits(Storage { build: Build::Experts, ..plain }) - 2.0 / 1.3).abs() < 1e-12);
        assert_eq!(bits(Storage { weight_bits: 8, ..plain }), 2.0);
        assert!((bits(Storage { weight_bits: 4, ..plain }) - 0.7).abs() < 1e-12);
        let junk = Storage { junk: true, ..at(100.0) };
        assert!((bits(junk) - 0.05).abs() < 1e-12 && (bits(Storage { marked: true, ..junk }) - 0.5).abs() < 1e-12);
        assert!((bits(Storage { junk: true, marked: true, ..at(300.0) }) - bits(at(300.0))).abs() < 1e-12);
        assert!(
            at(50.0).bits_per_parameter().is_err() && Storage { weight_bits: 2, ..plain }.bits_per_parameter().is_err()
        );
    }

    #[test]
    fn more_training_never_holds_less_and_sizes_invert() {
        let mut last = 0.0;
        for e in [100.0, 150.0, 300.0, 450.0, 600.0, 1000.0, 2000.0] {
            let storage = Storage { exposures: e, junk: true, ..Storage::default() };
            let now = storage.bits_per_parameter().unwrap();
            assert!(now >= last && now <= CAPACITY);
            last = now;
        }
        // 14 Gbit in 7.8B parameters at 1.8 bits each.
        assert!((Storage::default().parameters_for(1.4e10).unwrap() / 7.777_8e9 - 1.0).abs() < 1e-4);
        assert!(Storage::default().parameters_for(0.0).is_err());
    }
}
