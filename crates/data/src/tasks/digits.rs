//! Numbers as digits: how operands are drawn and how they are written.

use super::Fold;
use crate::DataError;
use crate::hash::keyed;
use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};

/// How long operands are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lengths {
    /// Nine of ten examples from the longest stage, nine of ten of the rest from the one before, and so on; stage k
    /// draws both operands below 10^k (10,000 three-digit sums: 100, 900 and 9,000).
    #[default]
    Published,
    /// Each operand's number of digits uniform.
    Balanced,
    /// Each operand's value uniform: nine of ten have the most digits.
    Value,
}

/// Which way the digits of an answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerOrder {
    /// Most significant digit first.
    #[default]
    Plain,
    /// The answer least significant digit first.
    ReversedAnswer,
    /// Operands and answer least significant digit first.
    ReversedAll,
}

/// Wrong intermediate results in a scratchpad; the final answer stays right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// All steps right.
    #[default]
    None,
    /// Random digits.
    A,
    /// Random carries.
    C,
    /// Both random.
    Ac,
}

/// Extra spaces between the digits of operands, so that distance says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spaces {
    /// Chance of a gap between two digits.
    pub p: f64,
    /// Most spaces in a gap.
    pub max: u32,
}

/// How a line of arithmetic is written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style {
    pub(super) order: AnswerOrder,
    /// Width that operands are padded to with zeros.
    pub(super) pad: Option<u32>,
    pub(super) spaces: Option<Spaces>,
    /// One space between any two digits.
    pub(super) separate: bool,
}

impl Style {
    pub(super) fn check(&self, digits: u32) -> Result<(), DataError> {
        if let Some(pad) = self.pad {
            super::within("pad", pad, digits, 64)?;
        }
        if let Some(spaces) = self.spaces {
            super::within("spaces.p", spaces.p, 0.0, 1.0)?;
            super::within("spaces.max", spaces.max, 1, 64)?;
        }
        Ok(())
    }

    pub(super) fn operand(&self, value: u128, rng: &mut Rng) -> String {
        let mut digits = padded(value, self.pad.unwrap_or(1));
        if self.order == AnswerOrder::ReversedAll {
            digits.reverse();
        }
        let mut text = String::new();
        for (index, digit) in digits.iter().enumerate() {
            if index > 0 {
                if self.separate {
                    text.push(' ');
                }
                if let Some(spaces) = self.spaces.filter(|s| rng.uniform() < s.p) {
                    text.push_str(&" ".repeat(1 + rng.below(spaces.max as usize)));
                }
            }
            text.push(char::from(b'0' + digit));
        }
        text
    }

    /// The answer, padded to `width` digits when operands are padded.
    pub(super) fn answer(&self, value: u128, width: u32) -> String {
        let mut digits = padded(value, self.pad.map_or(1, |_| width));
        if self.order != AnswerOrder::Plain {
            digits.reverse();
        }
        let texts: Vec<String> = digits.iter().map(u8::to_string).collect();
        texts.join(if self.separate { " " } else { "" })
    }

    /// The number that an answer in this style stands for.
    pub(super) fn read(&self, text: &str) -> Option<u128> {
        let mut digits: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
        if self.order != AnswerOrder::Plain {
            digits.reverse();
        }
        let all_digits = !digits.is_empty() && digits.iter().all(char::is_ascii_digit);
        all_digits.then(|| digits.into_iter().collect::<String>().parse().ok())?
    }

    /// An operator or equals sign, set apart when digits are.
    pub(super) fn sign(&self, sign: char) -> String {
        if self.separate { format!(" {sign} ") } else { sign.to_string() }
    }
}

/// Decimal digits, most significant first, at least `width`.
pub(super) fn padded(value: u128, width: u32) -> Vec<u8> {
    format!("{value:0>width$}", width = width as usize).bytes().map(|b| b - b'0').collect()
}

/// Number of carries when adding, for scores by difficulty; `a + b` must fit 128 bits.
///
/// ```
/// assert_eq!(kleiber_data::tasks::carries(128, 367), 1);
/// ```
pub fn carries(a: u128, b: u128) -> u32 {
    let sum = |n: u128| padded(n, 1).iter().map(|&d| u32::from(d)).sum::<u32>();
    (sum(a) + sum(b) - sum(a + b)) / 9
}

/// Which fold an unordered pair belongs to. Pairs of single digits are always for training: there are too few.
pub(super) fn fold_of(task: &str, a: u128, b: u128, test_share: f64) -> Fold {
    let (low, high) = (a.min(b), a.max(b));
    let bytes = [task.as_bytes(), &low.to_le_bytes(), &high.to_le_bytes()].concat();
    let share = keyed(0x7E57, &bytes) as f64 * 2f64.powi(-64);
    if high >= 10 && share < test_share { Fold::Test } else { Fold::Train }
}

/// How operands are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    pub(super) task: &'static str,
    pub(super) min_digits: u32,
    pub(super) digits: u32,
    pub(super) lengths: Lengths,
    pub(super) balance_carries: bool,
    pub(super) test_share: f64,
}

impl Draw {
    pub(super) fn check(&self, most: u32) -> Result<(), DataError> {
        super::within("digits", self.digits, 1, most)?;
        super::within("min_digits", self.min_digits, 1, self.digits)?;
        super::within("test_share", self.test_share, 0.0, 0.9)
    }

    /// Operands of an example of `fold`.
    pub(super) fn operands(&self, fold: Fold, rng: &mut Rng) -> Result<(u128, u128), DataError> {
        if fold == Fold::Test && self.digits == 1 {
            return Err(DataError::option(
                "digits",
                1,
                "2 or more for test examples: single digits are all in training",
            ));
        }
        for _ in 0..10_000 {
            let (a, b) = self.pair(rng);
            if fold_of(self.task, a, b, self.test_share) == fold {
                return Ok((a, b));
            }
        }
        Err(DataError::option("test_share", self.test_share, "a share that leaves examples for this fold"))
    }

    fn pair(&self, rng: &mut Rng) -> (u128, u128) {
        match self.lengths {
            Lengths::Value => (below(10u128.pow(self.digits), rng), below(10u128.pow(self.digits), rng)),
            Lengths::Balanced => (self.exact(rng), self.exact(rng)),
            Lengths::Published => {
                let mut stage = self.digits;
                while stage > self.min_digits && rng.uniform() < 0.1 {
                    stage -= 1;
                }
                if self.balance_carries {
                    let wanted = rng.below(stage as usize + 1);
                    return with_carries(stage, wanted, rng);
                }
                (below(10u128.pow(stage), rng), below(10u128.pow(stage), rng))
            }
        }
    }

    /// A number whose count of digits is uniform; 0 has one digit.
    fn exact(&self, rng: &mut Rng) -> u128 {
        let length = self.min_digits + rng.below((self.digits - self.min_digits + 1) as usize) as u32;
        let low = if length == 1 { 0 } else { 10u128.pow(length - 1) };
        low + below(10u128.pow(length) - low, rng)
    }
}

/// Uniform below `n`, without bias worth naming up to 10^37.
fn below(n: u128, rng: &mut Rng) -> u128 {
    (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())) % n
}

/// A uniform pair among those of `stage` digits with exactly `wanted` carries.
fn with_carries(stage: u32, wanted: usize, rng: &mut Rng) -> (u128, u128) {
    // Pairs of digits by carry in and carry out.
    const PAIRS: [[f64; 2]; 2] = [[55.0, 45.0], [45.0, 55.0]];
    let stage = stage as usize;
    // ways[i][c][carry]: completions of digits i.. with c carries still to come.
    let mut ways = vec![vec![[0.0f64; 2]; wanted + 2]; stage + 1];
    ways[stage][0] = [1.0, 1.0];
    for i in (0..stage).rev() {
        for c in 0..=wanted {
            for carry in 0..2 {
                let with = if c > 0 { PAIRS[carry][1] * ways[i + 1][c - 1][1] } else { 0.0 };
                ways[i][c][carry] = PAIRS[carry][0] * ways[i + 1][c][0] + with;
            }
        }
    }
    let (mut a, mut b, mut unit) = (0, 0, 1u128);
    let (mut left, mut carry) = (wanted, 0);
    for i in 0..stage {
        let with = if left > 0 { PAIRS[carry][1] * ways[i + 1][left - 1][1] } else { 0.0 };
        let out = usize::from(rng.uniform() * ways[i][left][carry] < with);
        let (x, y) = loop {
            let (x, y) = (rng.below(10), rng.below(10));
            if usize::from(x + y + carry >= 10) == out {
                break (x, y);
            }
        };
        a += x as u128 * unit;
        b += y as u128 * unit;
        unit *= 10;
        left -= out;
        carry = out;
    }
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_are_counted_right() {
        for a in 0..100u128 {
            for b in 0..100u128 {
                let units = u32::from(a % 10 + b % 10 >= 10);
                let tens = u32::from(a / 10 + b / 10 + u128::from(units) >= 10);
                assert_eq!(carries(a, b), units + tens, "{a}+{b}");
            }
        }
    }

    #[test]
    fn drawn_pairs_have_the_carries_asked_for() {
        let mut rng = Rng::new(1, "carries", 0);
        let mut equal = 0;
        for stage in 1..=20 {
            for wanted in 0..=stage as usize {
                let (a, b) = with_carries(stage, wanted, &mut rng);
                assert_eq!(carries(a, b), wanted as u32);
                assert!(a < 10u128.pow(stage) && b < 10u128.pow(stage));
                equal += u32::from(a == b);
            }
        }
        assert!(equal < 20);
    }

    #[test]
    fn lengths_are_as_announced() {
        let draw = |lengths, balance_carries| Draw {
            task: "addition",
            min_digits: 1,
            digits: 3,
            lengths,
            balance_carries,
            test_share: 0.1,
        };
        let mut rng = Rng::new(2, "lengths", 0);
        let mut classes = [0; 4];
        for _ in 0..20_000 {
            let (a, b) = draw(Lengths::Published, true).operands(Fold::Train, &mut rng).unwrap();
            classes[carries(a, b) as usize] += 1;
        }
        // 90% of the third stage: a quarter each; shorter stages add to the low classes.
        assert!(classes.iter().all(|&c| (4000..6000).contains(&c)), "{classes:?}");
        let mut short = 0;
        for _ in 0..3000 {
            let (a, _) = draw(Lengths::Balanced, false).operands(Fold::Train, &mut rng).unwrap();
            short += u32::from(a < 10);
        }
        assert!((900..1100).contains(&short), "{short}");
    }

    #[test]
    fn folds_share_no_pair() {
        let draw = Draw {
            task: "addition",
            min_digits: 1,
            digits: 2,
            lengths: Lengths::Value,
            balance_carries: false,
            test_share: 0.2,
        };
        let pairs = |fold, stream: &str| {
            let mut rng = Rng::new(3, stream, 0);
            let pair = |_| draw.operands(fold, &mut rng).map(|(a, b)| (a.min(b), a.max(b))).unwrap();
            (0..5000).map(pair).collect::<std::collections::HashSet<_>>()
        };
        let (train, test) = (pairs(Fold::Train, "a"), pairs(Fold::Test, "b"));
        assert!(train.is_disjoint(&test) && test.len() > 500, "{}", test.len());
    }

    #[test]
    fn a_reversed_padded_answer_is_padded_behind() {
        let style = Style { order: AnswerOrder::ReversedAnswer, pad: Some(2), separate: true, spaces: None };
        let mut rng = Rng::new(0, "x", 0);
        assert_eq!((style.operand(3, &mut rng).as_str(), style.answer(36, 4).as_str()), ("0 3", "6 3 0 0"));
        assert_eq!(style.read("6 3 0 0"), Some(36));
        assert_eq!(style.read("6 x"), None);
    }
}
