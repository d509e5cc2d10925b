//! Subtraction in the formats of "Teaching Arithmetic to Small Transformers" (Lee et al., 2023).

use super::digits::{Draw, Lengths, padded};
use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "subtraction",
    description: "Differences of two numbers, negative ones too, plain, reversed or written out step by step.",
    source: "Lee et al. 2023",
    defaults: defaults::<Subtraction>,
    build: build_checked::<Subtraction>,
};

/// How a subtraction is written; 128 - 367 as example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubtractionFormat {
    /// `128-367=-239`
    #[default]
    Plain,
    /// `$128-367=-239$`
    Plain2,
    /// `$128-367=932-$`: the answer from behind, its sign last.
    Reverse,
    /// A line per digit with digit and borrow, how the digits join, then the difference.
    Simplified,
    /// The remaining operands, partial answer and borrow at every step.
    Detailed,
}

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subtraction {
    /// Most digits of an operand, up to 37.
    pub digits: u32,
    /// Least digits of an operand.
    pub min_digits: u32,
    /// How lengths are drawn.
    pub lengths: Lengths,
    /// How the difference is written.
    pub format: SubtractionFormat,
    /// Share of the unordered pairs that are kept for testing.
    pub test_share: f64,
}

impl Default for Subtraction {
    fn default() -> Self {
        let format = SubtractionFormat::Plain;
        Self { digits: 3, min_digits: 1, lengths: Lengths::Published, format, test_share: 0.1 }
    }
}

/// One digit of a difference.
struct Step {
    left: u8,
    right: u8,
    /// Borrow into the step, 0 or -1.
    borrow_in: i8,
    /// Digit as written: 0 to 9, at the top whatever remains.
    digit: i8,
    borrow: i8,
}

impl Step {
    /// `left - right` less what was borrowed.
    fn value(&self) -> i8 {
        self.left as i8 - self.right as i8 + self.borrow_in
    }
}

/// From the right; the top digit keeps its sign.
fn steps(a: u128, b: u128) -> Vec<Step> {
    let width = padded(a, 1).len().max(padded(b, 1).len());
    let (x, y) = (padded(a, width as u32), padded(b, width as u32));
    let mut steps: Vec<Step> = Vec::new();
    for i in (0..width).rev() {
        let borrow_in = steps.last().map_or(0, |step| step.borrow);
        let mut step = Step { left: x[i], right: y[i], borrow_in, digit: 0, borrow: 0 };
        step.borrow = if step.value() < 0 { -1 } else { 0 };
        step.digit = if i == 0 { step.value() } else { step.value().rem_euclid(10) };
        steps.push(step);
    }
    steps
}

/// How the top digit and the rest join: `-300+61=-239`.
fn joined(steps: &[Step], difference: i128) -> String {
    let below = steps.len() as u32 - 1;
    let top = i128::from(steps[steps.len() - 1].digit) * 10i128.pow(below);
    format!("{top}+{}={difference}", difference - top)
}

impl Subtraction {
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

    /// Writes `a - b`, both below 10^37.
    pub fn write(&self, a: u128, b: u128) -> Example {
        let difference = a as i128 - b as i128;
        let pad = format!("Input:\n{a}-{b}\nTarget:\n");
        let (prompt, answer) = match self.format {
            SubtractionFormat::Plain => (format!("{a}-{b}="), format!("{difference}\n")),
            SubtractionFormat::Plain2 => (format!("${a}-{b}="), format!("{difference}$\n")),
            SubtractionFormat::Reverse => {
                (format!("${a}-{b}="), format!("{}$\n", difference.to_string().chars().rev().collect::<String>()))
            }
            SubtractionFormat::Simplified => {
                let steps = steps(a, b);
                let lines: Vec<String> = steps.iter().map(|s| format!("A->{} , C->{}", s.digit, s.borrow)).collect();
                (pad, format!("{}\n{}.\n{difference}\n", lines.join("\n"), joined(&steps, difference)))
            }
            SubtractionFormat::Detailed => (pad, detailed(a, b, difference)),
        };
        Example { prompt, answer }
    }

    /// The difference that a completion states.
    pub fn read(&self, completion: &str) -> Option<i128> {
        let (text, reversed) = match self.format {
            SubtractionFormat::Simplified => (completion.split_once(".\n")?.1, false),
            SubtractionFormat::Detailed => (completion.split_once("</scratch>\n")?.1, false),
            format => (completion, format == SubtractionFormat::Reverse),
        };
        let line: String = text.lines().next()?.split('$').next()?.chars().filter(|c| *c != ' ').collect();
        let line = if reversed { line.chars().rev().collect() } else { line };
        let digits = line.strip_prefix('-').unwrap_or(&line);
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| line.parse().ok())?
    }
}

fn detailed(a: u128, b: u128, difference: i128) -> String {
    let list = |digits: &[i8]| format!("[{}]", digits.iter().map(i8::to_string).collect::<Vec<_>>().join(","));
    let digits = |n: u128| padded(n, 1).iter().map(|&d| d as i8).collect::<Vec<i8>>();
    let (x, y) = (digits(a), digits(b));
    let steps = steps(a, b);
    let mut text = String::from("<scratch>\n");
    for operand in [&x, &y] {
        text += &format!("{} has {} digits.\n", list(operand), operand.len());
    }
    let mut written: Vec<i8> = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        let left = |digits: &[i8]| list(&digits[..digits.len().saturating_sub(i)]);
        text += &format!("{} - {} , A={} , C={} , ", left(&x), left(&y), list(&written), step.borrow_in);
        let borrowed = -step.borrow_in;
        text += &format!("{}-{}-{borrowed}={} , ", step.left, step.right, step.value());
        text += &format!("A->{} , C->{}\n", step.digit, step.borrow);
        written.insert(0, step.digit);
    }
    text += &format!("[] - [] , A={}\n{} , END\n</scratch>\n", list(&written), joined(&steps, difference));
    let spaced: Vec<String> = difference.unsigned_abs().to_string().chars().map(String::from).collect();
    text + &format!("{}{}\n", if difference < 0 { "-" } else { "" }, spaced.join(" "))
}

impl Checked for Subtraction {
    fn check(&self) -> Result<(), DataError> {
        self.draw().check(37)
    }
}

impl Task for Subtraction {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let (a, b) = self.draw().operands(fold, &mut rng)?;
        Ok(self.write(a, b))
    }

    fn answer_of(&self, completion: &str) -> Option<String> {
        self.read(completion).map(|difference| difference.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    const FORMATS: [SubtractionFormat; 5] = [
        SubtractionFormat::Plain,
        SubtractionFormat::Plain2,
        SubtractionFormat::Reverse,
        SubtractionFormat::Simplified,
        SubtractionFormat::Detailed,
    ];

    fn of(format: SubtractionFormat) -> Subtraction {
        Subtraction { format, digits: 37, ..Subtraction::default() }
    }

    #[test]
    fn formats_look_like_this() {
        let write = |format| of(format).write(128, 367).text();
        assert_eq!(write(SubtractionFormat::Plain), "128-367=-239\n");
        assert_eq!(write(SubtractionFormat::Plain2), "$128-367=-239$\n");
        assert_eq!(write(SubtractionFormat::Reverse), "$128-367=932-$\n");
        let simplified = "A->1 , C->0\nA->6 , C->-1\nA->-3 , C->-1\n-300+61=-239.\n-239\n";
        assert_eq!(write(SubtractionFormat::Simplified), format!("Input:\n128-367\nTarget:\n{simplified}"));
        assert_eq!(
            write(SubtractionFormat::Detailed),
            "Input:\n128-367\nTarget:\n<scratch>\n[1,2,8] has 3 digits.\n[3,6,7] has 3 digits.\n\
             [1,2,8] - [3,6,7] , A=[] , C=0 , 8-7-0=1 , A->1 , C->0\n\
             [1,2] - [3,6] , A=[1] , C=0 , 2-6-0=-4 , A->6 , C->-1\n\
             [1] - [3] , A=[6,1] , C=-1 , 1-3-1=-3 , A->-3 , C->-1\n\
             [] - [] , A=[-3,6,1]\n-300+61=-239 , END\n</scratch>\n-2 3 9\n"
        );
    }

    #[test]
    fn every_difference_reads_back() {
        for format in FORMATS {
            let task = of(format);
            let check = |a: u128, b: u128| {
                let example = task.write(a, b);
                assert_eq!(task.read(&example.answer), Some(a as i128 - b as i128), "{example:?}");
            };
            (0..120).for_each(|a| (0..120).for_each(|b| check(a, b)));
            for index in 0..2000 {
                let mut rng = Rng::new(1, "cases", index);
                let (a, b) = task.draw().operands(Fold::Test, &mut rng).unwrap();
                check(a, b);
            }
            for bad in ["", "\n", "12x", "--5", "- ", "+3"] {
                assert_eq!(task.read(bad), None, "{format:?} {bad:?}");
            }
        }
    }

    #[test]
    fn steps_add_up_to_the_difference() {
        for index in 0..2000 {
            let mut rng = Rng::new(2, "steps", index);
            let (a, b) = of(SubtractionFormat::Plain).draw().operands(Fold::Train, &mut rng).unwrap();
            let sum: i128 = steps(a, b).iter().rev().fold(0, |sum, step| 10 * sum + i128::from(step.digit));
            assert_eq!(sum, a as i128 - b as i128);
        }
    }
}
