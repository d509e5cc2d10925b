//! Square roots as in "Teaching Arithmetic to Small Transformers" (Lee et al., 2023).

use super::decimal::{self, FunctionFormat, ONE};
use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "sqrt",
    description: "Square roots of numbers with four decimals, rounded down to four decimals.",
    source: "Lee et al. 2023",
    defaults: defaults::<SquareRoot>,
    build: build_checked::<SquareRoot>,
};

/// Steps of Newton's method that are written.
const STEPS: usize = 4;

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SquareRoot {
    /// The root alone, or four steps of Newton's method before it.
    pub format: FunctionFormat,
    /// Arguments lie from 1 to below this number, up to 1000.
    pub below: u32,
    /// Largest difference that counts as right.
    pub tolerance: f64,
    /// Share of the arguments that are kept for testing.
    pub test_share: f64,
}

impl Default for SquareRoot {
    fn default() -> Self {
        Self { format: FunctionFormat::Plain, below: 10, tolerance: 0.0, test_share: 0.1 }
    }
}

impl SquareRoot {
    /// Writes the square root of `a` / 10,000, which is 1 or more. All steps are whole numbers of units.
    pub fn write(&self, a: u64) -> Example {
        let one = ONE as u64;
        let show = |units: u64| decimal::write(units as i64);
        let mut x = (a / one).isqrt() * one;
        let mut steps = vec![format!("x_0={}", show(x))];
        for n in 1..=STEPS {
            // (x + a / x) / 2 in units, rounded down.
            let next = (x * x + one * a) / (2 * x);
            steps.push(format!(
                "x_{n}: 1/2*({}+{}/{})={}, x_{n}={}",
                show(x),
                show(a),
                show(x),
                show(next),
                show(next)
            ));
            x = next;
        }
        decimal::example("sqrt", a as i64, (a * one).isqrt() as i64, self.format, &steps)
    }
}

impl Checked for SquareRoot {
    fn check(&self) -> Result<(), DataError> {
        super::within("below", self.below, 2, 1000)?;
        super::within("tolerance", self.tolerance, 0.0, 1000.0)?;
        super::within("test_share", self.test_share, 0.0, 0.9)
    }
}

impl Task for SquareRoot {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let range = (ONE, i64::from(self.below) * ONE - 1);
        Ok(self.write(decimal::argument(INFO.name, range, fold, self.test_share, &mut rng)? as u64))
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
        let task = SquareRoot::default();
        assert_eq!(task.write(20_000).text(), "sqrt(2)=1.4142\n");
        let detailed = SquareRoot { format: FunctionFormat::Detailed, ..task };
        assert_eq!(
            detailed.write(20_000).text(),
            "Input:\nsqrt(2)\nTarget:\n<scratch>\nx_0=1\nx_1: 1/2*(1+2/1)=1.5, x_1=1.5\n\
             x_2: 1/2*(1.5+2/1.5)=1.4166, x_2=1.4166\nx_3: 1/2*(1.4166+2/1.4166)=1.4142, x_3=1.4142\n\
             x_4: 1/2*(1.4142+2/1.4142)=1.4142, x_4=1.4142 , END\n</scratch>\n1.4142\n"
        );
    }

    #[test]
    fn roots_are_right_and_the_steps_reach_them() {
        let task = SquareRoot { format: FunctionFormat::Detailed, below: 1000, ..SquareRoot::default() };
        for a in (10_000..10_000_000u64).step_by(97) {
            let answer = task.write(a).answer;
            let root = decimal::stated(&answer, task.format).unwrap();
            // The largest number of units whose square is not above a.
            let (root, a) = (root as u128, u128::from(a) * 10_000);
            assert!(root * root <= a && a < (root + 1) * (root + 1), "{a}");
            let last = answer.split("x_4=").nth(1).unwrap().split(' ').next().unwrap();
            assert!((decimal::read(last).unwrap() - root as i64).abs() <= 1, "{answer}");
        }
    }
}
