//! Addition in the formats of "Teaching Arithmetic to Small Transformers" (Lee et al., 2023) with the variants of
//! "Positional Description Matters for Transformers Arithmetic" (Shen et al., 2023).

use super::digits::{AnswerOrder, Draw, Lengths, Noise, Spaces, Style};
use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng, scratchpad};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "addition",
    description: "Sums of two numbers, plain, reversed or written out step by step.",
    source: "Lee et al. 2023 (formats, balanced sampling); Shen et al. 2023 (padding, spaces, recursive scratchpad)",
    defaults: defaults::<Addition>,
    build: build_checked::<Addition>,
};

/// How an addition is written; 128 + 367 as example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `128+367=495`
    #[default]
    Plain,
    /// `$128+367=495$`
    Plain2,
    /// `$128+367=594$`: the answer least significant digit first.
    Reverse,
    /// A line per digit with digit and carry, then the sum.
    Simplified,
    /// The remaining operands, partial answer and carry at every step.
    Detailed,
    /// Each step repeats the remaining operands in one line.
    Recursive,
}

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Addition {
    /// Most digits of an operand, up to 37.
    pub digits: u32,
    /// Least digits of an operand: raise it to ask for lengths beyond the trained ones.
    pub min_digits: u32,
    /// How lengths are drawn.
    pub lengths: Lengths,
    /// With published lengths: every number of carries is equally likely.
    pub balance_carries: bool,
    /// How the sum is written.
    pub format: Format,
    /// Wrong steps in scratchpads.
    pub noise: Noise,
    /// Digit order in one-line formats; `reverse` reverses the answer anyway.
    pub order: AnswerOrder,
    /// Zero-padding of operands in one-line formats; the answer gets one digit more.
    pub pad: Option<u32>,
    /// Random spaces in operands of one-line formats.
    pub spaces: Option<Spaces>,
    /// A space between any two symbols of one-line formats.
    pub separate: bool,
    /// Share of the pairs that are kept for testing.
    pub test_share: f64,
}

impl Default for Addition {
    fn default() -> Self {
        Self {
            digits: 3,
            min_digits: 1,
            lengths: Lengths::Published,
            balance_carries: true,
            format: Format::Plain,
            noise: Noise::None,
            order: AnswerOrder::Plain,
            pad: None,
            spaces: None,
            separate: false,
            test_share: 0.1,
        }
    }
}

impl Addition {
    fn draw(&self) -> Draw {
        Draw {
            task: INFO.name,
            min_digits: self.min_digits,
            digits: self.digits,
            lengths: self.lengths,
            balance_carries: self.balance_carries,
            test_share: self.test_share,
        }
    }

    fn style(&self) -> Style {
        let order = match (self.format, self.order) {
            (Format::Reverse, AnswerOrder::Plain) => AnswerOrder::ReversedAnswer,
            (_, order) => order,
        };
        Style { order, pad: self.pad, spaces: self.spaces, separate: self.separate }
    }

    fn one_line(&self) -> bool {
        matches!(self.format, Format::Plain | Format::Plain2 | Format::Reverse)
    }

    /// Writes `a + b` as this task writes it; `rng` draws spaces and noise.
    pub fn write(&self, a: u128, b: u128, rng: &mut kleiber_core::rng::Rng) -> Example {
        let (prompt, answer) = match self.format {
            Format::Simplified => scratchpad::simplified(a, b, self.noise, rng),
            Format::Detailed => scratchpad::detailed(a, b, self.noise, rng),
            Format::Recursive => scratchpad::recursive(a, b, self.noise, rng),
            _ => {
                let style = self.style();
                let mark = if self.format == Format::Plain { "" } else { "$" };
                let (left, right) = (style.operand(a, rng), style.operand(b, rng));
                let answer = style.answer(a + b, self.pad.unwrap_or(0) + 1);
                let (plus, equals) = (style.sign('+'), style.sign('='));
                (format!("{mark}{left}{plus}{right}{equals}"), format!("{answer}{mark}\n"))
            }
        };
        Example { prompt, answer }
    }

    /// The sum that a completion states, if it states one in this format.
    pub fn read(&self, completion: &str) -> Option<u128> {
        match self.format {
            Format::Simplified => scratchpad::read_simplified(completion),
            Format::Detailed => scratchpad::read_detailed(completion),
            Format::Recursive => scratchpad::read_recursive(completion),
            _ => self.style().read(completion.lines().next()?.split('$').next()?.trim()),
        }
    }
}

impl Checked for Addition {
    fn check(&self) -> Result<(), DataError> {
        self.draw().check(37)?;
        self.style().check(self.digits)?;
        let styled = self.pad.is_some() || self.spaces.is_some() || self.separate || self.order != AnswerOrder::Plain;
        if styled && !self.one_line() {
            return Err(DataError::option(
                "format",
                "a scratchpad with pad, spaces, order or separate",
                "plain, plain2 or reverse",
            ));
        }
        if self.noise != Noise::None && self.one_line() {
            return Err(DataError::option("noise", "in a format without steps", "none"));
        }
        Ok(())
    }
}

impl Task for Addition {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let (a, b) = self.draw().operands(fold, &mut rng)?;
        Ok(self.write(a, b, &mut rng))
    }

    fn answer_of(&self, completion: &str) -> Option<String> {
        self.read(completion).map(|sum| sum.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    fn write(task: &Addition, a: u128, b: u128) -> String {
        task.write(a, b, &mut Rng::new(0, "x", 0)).text()
    }

    #[test]
    fn one_line_formats_are_the_published_ones() {
        let of = |format| Addition { format, ..Addition::default() };
        assert_eq!(write(&of(Format::Plain), 128, 367), "128+367=495\n");
        assert_eq!(write(&of(Format::Plain2), 128, 367), "$128+367=495$\n");
        assert_eq!(write(&of(Format::Reverse), 128, 367), "$128+367=594$\n");
        let separate = Addition { separate: true, ..Addition::default() };
        assert_eq!(write(&separate, 239, 821), "2 3 9 + 8 2 1 = 1 0 6 0\n");
        let padded = Addition { pad: Some(4), order: AnswerOrder::ReversedAll, ..Addition::default() };
        assert_eq!(write(&padded, 12, 3), "2100+3000=51000\n");
    }

    #[test]
    fn every_format_reads_back_to_the_sum() {
        let formats =
            [Format::Plain, Format::Plain2, Format::Reverse, Format::Simplified, Format::Detailed, Format::Recursive];
        for format in formats {
            let spaces = Some(Spaces { p: 0.3, max: 3 }).filter(|_| (format as usize) < 3);
            let pad = Some(12).filter(|_| (format as usize) < 3);
            let task = Addition { format, digits: 12, lengths: Lengths::Balanced, spaces, pad, ..Addition::default() };
            task.check().unwrap();
            for index in 0..2000 {
                let mut rng = Rng::new(1, "cases", index);
                let (a, b) = task.draw().operands(Fold::Train, &mut rng).unwrap();
                let example = task.write(a, b, &mut rng);
                assert_eq!(task.read(&example.answer), Some(a + b), "{example:?}");
            }
        }
    }

    #[test]
    fn combinations_without_meaning_are_refused() {
        let build = |json| build_checked::<Addition>(&json).unwrap_err().to_string();
        assert_eq!(build(serde_json::json!({ "digits": 40 })), "digits is 40, expected 1 to 37");
        assert!(build(serde_json::json!({ "format": "detailed", "pad": 4 })).contains("plain, plain2 or reverse"));
        assert!(build(serde_json::json!({ "noise": "ac" })).contains("noise"));
        assert!(build(serde_json::json!({ "pad": 2 })).contains("pad is 2, expected 3 to 64"));
    }
}
