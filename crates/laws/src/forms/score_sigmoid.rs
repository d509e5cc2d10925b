//! A benchmark score as a sigmoid of loss.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

const PUBLISHED: Published = Published {
    slug: "densing-law",
    tested: "104 runs of Gadre et al. 2024; generated tables",
    notes: &[
        "The fitted c, gamma, l and d are not printed, so there is no preset.",
        "In the paper's letters a score falls with loss when gamma is negative; here gamma is the steepness and positive, and the ceiling top = c + d is searched instead of c, so that no score exceeds 1.",
    ],
    presets: &[],
};

/// S(L) = d + (top - d) / (1 + e^(gamma (L - l))) (Xiao et al. 2024, eq. 3, with top = c + d and the sign of gamma turned):
/// a score rises from near chance `d` to its ceiling as loss falls through `l`.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("score-sigmoid").unwrap();
/// assert_eq!(law.predict(&[0.75, 0.25, 4.0, 1.5], &[1.5]), 0.5);
/// ```
pub struct ScoreSigmoid {
    info: Info,
}

impl ScoreSigmoid {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "score-sigmoid".into(),
                title: "a benchmark score as a sigmoid of loss, between chance and ceiling".into(),
                paper: "Xiao et al. 2024 (arXiv 2412.04315), eq. 3".into(),
                equation: "S = d + (top - d) / (1 + exp(gamma*(loss - l)))".into(),
                variables: vec![Variable { name: "loss".into(), alternatives: &["loss_answer"] }],
                response: Response { name: Cow::Borrowed("score"), unit: "fraction", domain: (0.0, 1.0) },
                coefficients: vec![
                    Coefficient::positive("top", "largest score, c + d in the paper").linear().within(1e-12, 1.0),
                    Coefficient::positive("d", "score of a model that knows nothing").linear().within(1e-12, 1.0),
                    Coefficient::positive("gamma", "steepness, per nat of loss")
                        .within(1e-2, 200.0)
                        .starting_at(&[0.0, 1.0, 2.0, 3.0])
                        .scanned(-1.0, 4.0),
                    Coefficient::positive("l", "loss at which half of top - d is gained")
                        .within(1e-3, 15.0)
                        .starting_at(&[-1.5, -0.5, 0.3, 1.1])
                        .scanned(-2.5, 2.2),
                ],
                objective: Objective::Mse,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for ScoreSigmoid {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for ScoreSigmoid {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [top, floor, gamma, middle] = [c[0], c[1], c[2], c[3]];
        // 1 / (1 + e^x) = e^-softplus(x), which never overflows.
        let x = gamma * (T::constant(row[0].value) - middle);
        floor + (top - floor) * (-x.softplus()).exp()
    }

    /// The paper's c, and the slope of the score at `l`.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("c", c[0] - c[1]), ("steepest_slope", -(c[0] - c[1]) * c[2] / 4.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_middle_and_ceiling() {
        let form = ScoreSigmoid::new();
        let at = |loss: f64| form.predict(&[0.85, 0.25, 5.0, 1.2], &[Input::new(loss)]);
        // 0.25 + 0.6 / (1 + e^-5) at a loss of 0.2.
        assert!((at(0.2) - 0.845_984_289_445_429_1).abs() < 1e-12, "{}", at(0.2));
        assert!((at(1.2) - 0.55).abs() < 1e-15 && (at(400.0) - 0.25).abs() < 1e-15);
        let derived = form.derived(&[0.85, 0.25, 5.0, 1.2]);
        assert!((derived[0].1 - 0.6).abs() < 1e-15 && (derived[1].1 + 0.75).abs() < 1e-15);
        let slope = (at(1.2 + 1e-6) - at(1.2 - 1e-6)) / 2e-6;
        assert!((slope - derived[1].1).abs() < 1e-6);
    }
}
