//! Translation loss of one task of a mixture.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// L(N,p) = E + beta (f(p) N)^-alpha with f(p) = p + c1 p^c2 (1-p)^c3 (Fernandes et al. 2023, eq. 11 and 12): a task that is
/// sampled with probability p has f(p) N effective parameters, those of a model of its own that is as good. f(p) = p (hold
/// c1 = 0, c2 = 1 and c3 = 1) fits translation out of English; f(p) > p is transfer, f(p) < p interference.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("multilingual").unwrap();
/// // f(0.5) = 0.5 + 0.5 * 0.25 = 0.625; 0.625 * 160 = 100.
/// assert!((law.predict(&[1.0, 20.0, 0.5, 0.5, 1.0, 1.0], &[160.0, 0.5]) - 3.0).abs() < 1e-12);
/// ```
pub struct Multilingual {
    info: Info,
}

impl Multilingual {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "multilingual".into(),
                title: "loss of one task of a mixture, of model size and the task's sampling weight".into(),
                paper: "Fernandes et al. 2023 (arXiv 2302.09650), eq. 11 and 12".into(),
                equation: "L = E + beta * (f*params)^-alpha, f = p + c1*p^c2*(1-p)^c3, p = task_weight".into(),
                variables: vec![Variable::params(), Variable::named("task_weight")],
                response: POSITIVE_LOSS,
                coefficients: vec![
                    Coefficient::positive("E", "irreducible loss of the task, nats per token").linear(),
                    Coefficient::positive("beta", "height above it of a model of this task alone, at one parameter")
                        .linear(),
                    Coefficient::plain("alpha", "exponent in model size, the same for every weight", 0.0, 5.0)
                        .starting_at(&[0.1, 0.2, 0.4, 0.8])
                        .scanned(0.02, 1.2),
                    Coefficient::plain("c1", "how much more than its share a task gets", -5.0, 20.0)
                        .starting_at(&[0.0, 0.3, 1.0])
                        .scanned(-0.2, 1.5),
                    Coefficient::plain("c2", "power of the weight in what is shared", 0.01, 10.0)
                        .starting_at(&[0.5, 1.0, 2.0])
                        .scanned(0.3, 2.5),
                    Coefficient::plain("c3", "power of the rest of the mixture", 0.01, 10.0)
                        .starting_at(&[0.5, 1.0, 2.0])
                        .scanned(0.3, 2.5),
                ],
                objective: Objective::LogMse,
                curve: false,
                published: Published {
                    slug: "multilingual-nmt-scaling",
                    tested: "generated tables of known f",
                    notes: &[
                        "The paper gives its coefficients in figures only, so there is no preset. What it reports: alpha and E do not depend on \
                         the weight (10 instead of 24 coefficients for eight weights), f(p) is about p out of English whatever the language \
                         pair, and clearly above p into English.",
                        "f inherits the error of the loss to the power 1/alpha: with alpha 0.2 one percent of reducible loss is five of f.",
                        "Two tasks were tested. With more, what is left of the mixture may be split in many ways, of which f knows nothing.",
                    ],
                    presets: &[],
                },
            },
        }
    }
}

impl Default for Multilingual {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for Multilingual {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, beta, alpha, c1, c2, c3] = [c[0], c[1], c[2], c[3], c[4], c[5]];
        let (weight, rest) = (row[1], 1.0 - row[1].value);
        let mut share = T::constant(weight.value);
        if rest > 0.0 {
            share = share + c1 * weight.pow(c2) * Input::new(rest).pow(c3);
        }
        floor + beta * (-(alpha * (share.ln() + T::constant(row[0].ln)))).exp()
    }

    /// Effective share of the parameters at equal weights of two tasks.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("f_half", 0.5 + c[3] * 0.5f64.powf(c[4] + c[5]))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_alone_has_all_parameters() {
        let at = |p: f64, c1: f64| {
            let c = [1.5, 30.0, 0.25, c1, 0.7, 1.3];
            Multilingual::new().predict(&c, &[Input::new(1e8), Input::new(p)])
        };
        // 1.5 + 30 * 1e8^-0.25 = 1.8
        assert!((at(1.0, 0.4) - 1.8).abs() < 1e-12 && (at(1.0, 0.0) - 1.8).abs() < 1e-12);
        assert!((at(1e-4, 0.0) - 4.5).abs() < 1e-9 && at(0.3, 0.4) < at(0.3, 0.0) && at(0.3, -5.0).is_nan());
    }
}
