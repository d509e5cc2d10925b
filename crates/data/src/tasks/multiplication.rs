//! Multiplication in the formats of "Positional Description Matters for Transformers Arithmetic" (Shen et al., 2023).

use super::digits::{AnswerOrder, Draw, Lengths, Spaces, Style};
use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "multiplication",
    description: "Products of two numbers, with padding and reversed products.",
    source: "Shen et al. 2023",
    defaults: defaults::<Multiplication>,
    build: build_checked::<Multiplication>,
};

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Multiplication {
    /// Most digits of a factor, up to 18.
    pub digits: u32,
    /// Least digits of a factor.
    pub min_digits: u32,
    /// How lengths are drawn.
    pub lengths: Lengths,
    /// Digit order.
    pub order: AnswerOrder,
    /// Zero-padding of factors; the product gets twice as many digits.
    pub pad: Option<u32>,
    /// Random spaces in factors.
    pub spaces: Option<Spaces>,
    /// A space between any two symbols.
    pub separate: bool,
    /// Share of the pairs that are kept for testing.
    pub test_share: f64,
}

impl Default for Multiplication {
    fn default() -> Self {
        Self {
            digits: 3,
            min_digits: 1,
            lengths: Lengths::Balanced,
            order: AnswerOrder::Plain,
            pad: None,
            spaces: None,
            separate: false,
            test_share: 0.1,
        }
    }
}

impl Multiplication {
    fn draw(&self) -> Draw {
        Draw {
            task: INFO.name,
            min_digits: self.min_digits,
            digits: self.digits,
            lengths: self.lengths,
            balance_carries: false,
            test_share: self.test_share,
        }
    }

    fn style(&self) -> Style {
        Style { order: self.order, pad: self.pad, spaces: self.spaces, separate: self.separate }
    }

    /// Writes `a * b` as this task writes it; `rng` draws spaces.
    pub fn write(&self, a: u128, b: u128, rng: &mut kleiber_core::rng::Rng) -> Example {
        let style = self.style();
        let (left, right) = (style.operand(a, rng), style.operand(b, rng));
        let prompt = format!("{left}{}{right}{}", style.sign('*'), style.sign('='));
        Example { prompt, answer: format!("{}\n", style.answer(a * b, 2 * self.pad.unwrap_or(0))) }
    }

    /// The product that a completion states.
    pub fn read(&self, completion: &str) -> Option<u128> {
        self.style().read(completion.lines().next()?.trim())
    }
}

impl Checked for Multiplication {
    fn check(&self) -> Result<(), DataError> {
        // Products of 18 digits each fit 128 bits.
        self.draw().check(18)?;
        self.style().check(self.digits)
    }
}

impl Task for Multiplication {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let (a, b) = self.draw().operands(fold, &mut rng)?;
        Ok(self.write(a, b, &mut rng))
    }

    fn answer_of(&self, completion: &str) -> Option<String> {
        self.read(completion).map(|product| product.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    #[test]
    fn published_formats() {
        let write = |task: Multiplication, a, b| task.write(a, b, &mut Rng::new(0, "x", 0)).text();
        let basic = Multiplication { separate: true, ..Multiplication::default() };
        assert_eq!(write(basic.clone(), 4321, 1234), "4 3 2 1 * 1 2 3 4 = 5 3 3 2 1 1 4\n");
        let reversed = Multiplication { order: AnswerOrder::ReversedAnswer, ..basic };
        assert_eq!(write(reversed.clone(), 4321, 1234), "4 3 2 1 * 1 2 3 4 = 4 1 1 2 3 3 5\n");
        let padded = Multiplication { pad: Some(2), ..reversed };
        assert_eq!(write(padded, 12, 3), "1 2 * 0 3 = 6 3 0 0\n");
    }

    #[test]
    fn products_of_many_digits_read_back() {
        let order = AnswerOrder::ReversedAll;
        let task = Multiplication { digits: 18, pad: Some(18), order, ..Multiplication::default() };
        task.check().unwrap();
        for index in 0..2000 {
            let mut rng = Rng::new(1, "cases", index);
            let (a, b) = task.draw().operands(Fold::Test, &mut rng).unwrap();
            assert_eq!(task.read(&task.write(a, b, &mut rng).answer), Some(a * b));
        }
    }
}
