//! Sines as in "Teaching Arithmetic to Small Transformers" (Lee et al., 2023).

use super::decimal::{self, FunctionFormat, ONE};
use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "sine",
    description: "Sines of numbers between -pi/2 and pi/2, rounded down to four decimals.",
    source: "Lee et al. 2023",
    defaults: defaults::<Sine>,
    build: build_checked::<Sine>,
};

/// Largest argument below pi/2, in units.
const LARGEST: i64 = 15_707;
/// Terms of the series behind x, until they no longer change an `f64`.
const TERMS: usize = 12;
/// Terms that are written.
const WRITTEN: usize = 4;

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sine {
    /// The value alone, or four terms of the Taylor series before it.
    pub format: FunctionFormat,
    /// Largest difference that counts as right.
    pub tolerance: f64,
    /// Share of the arguments that are kept for testing.
    pub test_share: f64,
}

impl Default for Sine {
    fn default() -> Self {
        Self { format: FunctionFormat::Plain, tolerance: 0.0, test_share: 0.1 }
    }
}

/// Partial sums of the Taylor series of the sine, the first is `x`. Only sums, products and quotients, so that they
/// are the same on every machine.
fn partial_sums(x: f64) -> [f64; TERMS + 1] {
    let mut sums = [x; TERMS + 1];
    let mut term = x;
    for n in 1..=TERMS {
        term *= -x * x / ((2 * n) as f64 * (2 * n + 1) as f64);
        sums[n] = sums[n - 1] + term;
    }
    sums
}

fn floor(value: f64) -> i64 {
    (value * ONE as f64).floor() as i64
}

impl Sine {
    /// Writes the sine of `x` / 10,000.
    pub fn write(&self, x: i64) -> Example {
        let sums = partial_sums(x as f64 / ONE as f64);
        let mut steps = vec![format!("x_0={}", decimal::write(x))];
        for (n, &sum) in sums.iter().enumerate().take(WRITTEN + 1).skip(1) {
            let (sign, power) = (if n % 2 == 1 { '-' } else { '+' }, 2 * n + 1);
            let value = decimal::write(floor(sum));
            steps.push(format!("x_{n}: x_{} {sign} 1/{power}! * (x^{power}) , x_{n}={value}", n - 1));
        }
        let value = if x == 0 { 0 } else { floor(sums[TERMS]) };
        decimal::example("sin", x, value, self.format, &steps)
    }
}

impl Checked for Sine {
    fn check(&self) -> Result<(), DataError> {
        super::within("tolerance", self.tolerance, 0.0, 1.0)?;
        super::within("test_share", self.test_share, 0.0, 0.9)
    }
}

impl Task for Sine {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let x = decimal::argument(INFO.name, (-LARGEST, LARGEST), fold, self.test_share, &mut rng)?;
        Ok(self.write(x))
    }

    fn answer_of(&self, completion: &str) -> Option<String> {
        decimal::stated(completion, self.format).map(decimal::write)
    }

    fn grade(&self, example: &Example, completion: &str) -> bool {
        decimal::close(self.answer_of(&example.answer), self.answer_of(completion), self.tolerance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_look_like_this() {
        let task = Sine::default();
        assert_eq!(task.write(ONE).text(), "sin(1)=0.8414\n");
        assert_eq!(task.write(-3400).text(), "sin(-0.34)=-0.3335\n");
        let detailed = Sine { format: FunctionFormat::Detailed, ..task };
        assert_eq!(
            detailed.write(ONE).text(),
            "Input:\nsin(1)\nTarget:\n<scratch>\nx_0=1\nx_1: x_0 - 1/3! * (x^3) , x_1=0.8333\n\
             x_2: x_1 + 1/5! * (x^5) , x_2=0.8416\nx_3: x_2 - 1/7! * (x^7) , x_3=0.8414\n\
             x_4: x_3 + 1/9! * (x^9) , x_4=0.8414 , END\n</scratch>\n0.8414\n"
        );
    }

    #[test]
    fn every_value_is_the_sine_of_the_standard_library() {
        for format in [FunctionFormat::Plain, FunctionFormat::Detailed] {
            let task = Sine { format, ..Sine::default() };
            for x in -LARGEST..=LARGEST {
                let expected = ((x as f64 / 1e4).sin() * 1e4).floor() as i64;
                let example = task.write(x);
                assert_eq!(decimal::stated(&example.answer, format), Some(expected), "{x}");
                assert!(task.grade(&example, &example.answer));
            }
        }
    }

    #[test]
    fn a_tolerance_forgives_the_last_digit() {
        let strict = Sine::default();
        let example = strict.write(ONE);
        assert!(strict.grade(&example, "0.8414") && !strict.grade(&example, "0.8415"));
        let kind = Sine { tolerance: 0.0005, ..strict };
        assert!(kind.grade(&example, "0.8419") && !kind.grade(&example, "0.8420") && !kind.grade(&example, "sin"));
    }
}
