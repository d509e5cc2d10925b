//! Bits of knowledge in synthetic biographies and in a model that learned them, after "Knowledge Capacity Scaling Laws"
//! (Allen-Zhu and Li, 2024).
//!
//! Losses are sums over exactly the tokens of a name or a value, in nats, averaged over people (and attributes); not
//! averages per token. Terms of an untrained model may be slightly negative; they are reported as they are.

use std::f64::consts::LN_2;

/// Names that `biographies` draws from: 400 first, 400 middle and 1000 last names.
pub const NAMES_S: f64 = 400.0 * 400.0 * 1000.0;
/// Combinations of the attributes of one person in `biographies`: gender, day of birth, birth city, university,
/// major, employer (the city of work follows the employer).
pub const VALUES_S: f64 = 2.0 * (12.0 * 28.0 * 200.0) * 200.0 * 300.0 * 100.0 * 263.0;

/// Bits by what they are about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bits {
    /// Which of all names exist.
    pub names: f64,
    /// Attributes given the names.
    pub values: f64,
    /// Which strings are values at all.
    pub diversity: f64,
}

impl Bits {
    /// All bits.
    pub fn total(&self) -> f64 {
        self.names + self.values + self.diversity
    }
}

/// Bits that all facts of `biographies` hold: 47.592 for the values of each of `people`, and their names.
///
/// ```
/// let bits = kleiber_data::tasks::knowledge::bio_s(1000.0);
/// assert!((bits.values / 1000.0 - 47.592).abs() < 5e-4);
/// ```
pub fn bio_s(people: f64) -> Bits {
    bio_s_learned(people, people.ln(), 0.0)
}

/// Bits that a model has learned of `biographies`. `p1`: mean loss of a name at the beginning of a text; `p2`: mean
/// loss of the values of all six attributes of a person.
pub fn bio_s_learned(people: f64, p1: f64, p2: f64) -> Bits {
    let names = people * (NAMES_S.log2() - p1 / LN_2);
    Bits { names, values: people * (VALUES_S.log2() - p2 / LN_2), diversity: 0.0 }
}

/// The size of a `bio-d` data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizeD {
    /// People (N).
    pub people: f64,
    /// Possible names (N0).
    pub names: f64,
    /// Attributes (K).
    pub attributes: f64,
    /// Chunks per value (C).
    pub chunks: f64,
    /// Possible chunks per attribute (D).
    pub diversity: f64,
    /// Symbols per chunk (L).
    pub length: f64,
    /// Different symbols (T).
    pub symbols: f64,
}

/// Bits that all facts of a `bio-d` data set hold.
pub fn bio_d(size: &SizeD) -> Bits {
    bio_d_learned(size, size.people.ln(), 0.0, 0.0)
}

/// Bits that a model has learned of a `bio-d` data set. `p1`: mean loss of a name; `p2`: mean loss of a value; `p3`:
/// mean loss of its first chunk alone.
pub fn bio_d_learned(size: &SizeD, p1: f64, p2: f64, p3: f64) -> Bits {
    let all_chunks = size.length * size.symbols.log2();
    Bits {
        names: size.people * (size.names.log2() - p1 / LN_2),
        values: size.people * size.attributes * (size.chunks * size.diversity.log2() - p2 / LN_2),
        diversity: size.attributes * size.diversity * (all_chunks - size.diversity.log2() - p3 / LN_2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_model_has_all_bits_and_a_uniform_one_no_values() {
        assert!((VALUES_S.log2() - 47.592).abs() < 5e-4, "{}", VALUES_S.log2());
        let people = 2000.0;
        let perfect = bio_s_learned(people, people.ln(), 0.0);
        assert!((perfect.total() - bio_s(people).total()).abs() < 1e-9 * perfect.total());
        assert!(bio_s_learned(people, NAMES_S.ln(), VALUES_S.ln()).total().abs() < 1e-6);
    }

    #[test]
    fn the_small_data_set_has_37_bits_per_person() {
        let size = SizeD {
            people: 2000.0,
            names: 2f64.powi(24),
            attributes: 4.0,
            chunks: 1.0,
            diversity: 64.0,
            length: 1.0,
            symbols: 64.0,
        };
        let bits = bio_d(&size);
        assert_eq!(bits.diversity, 0.0);
        // 24 - log2 2000 + 24.
        assert!((bits.total() / 2000.0 - 37.034_215_7).abs() < 1e-6, "{}", bits.total() / 2000.0);
        let uniform = bio_d_learned(&size, size.names.ln(), 64f64.ln(), 0.0);
        assert!(uniform.values.abs() < 1e-9 && uniform.names.abs() < 1e-6);
    }
}
