//! The result of the IsoFLOP and envelope methods: how the best size and loss move with compute.

use crate::form::{Coefficient, Form, Info, Input, LOSS, Variable};
use crate::forms::single_axis;
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// N* = N0 C^a, D* = D0 C^b and L* = E + K C^-gamma along the compute-optimal frontier
/// (Hoffmann et al. 2022, approaches 1 and 2). Made by `--method isoflop` and `--method envelope`,
/// never fitted row by row; the prediction is the frontier loss at a budget.
pub struct Allocation {
    info: Info,
}

impl Allocation {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "allocation".into(),
                title: "compute-optimal model size, tokens and loss as power laws of compute".into(),
                paper: "Hoffmann et al. 2022 (arXiv 2203.15556), approaches 1 and 2".into(),
                equation: "params = N0*flops^a, tokens = D0*flops^b, L = E + K*flops^-gamma".into(),
                variables: vec![Variable::named("flops")],
                response: LOSS,
                coefficients: vec![
                    Coefficient::positive("N0", "optimal parameters at one FLOP"),
                    Coefficient::plain("a", "exponent of the optimal parameters", -5.0, 5.0),
                    Coefficient::positive("D0", "optimal tokens at one FLOP"),
                    Coefficient::plain("b", "exponent of the optimal tokens", -5.0, 5.0),
                    Coefficient::positive("E", "frontier loss at infinite compute, nats per token").within(0.0, 1e80),
                    Coefficient::positive("K", "frontier loss above E at one FLOP, nats per token"),
                    Coefficient::plain("gamma", "exponent of the frontier loss", -5.0, 5.0),
                ],
                objective: Objective::LogMse,
                curve: false,
                published: Published {
                    slug: "autoregressive-scaling",
                    tested: "published isoFLOP points; the printed tables of Henighan et al. 2020",
                    notes: &[
                        "N_opt ~ C^0.7 of Henighan et al. 2020 rests on untuned schedules and on sizes without embeddings; tuned again, text \
                         gives 0.5 (Hoffmann et al. 2022, Porian et al. 2024). Measure before spending a budget by it.",
                        "Presets take D = C/(6N); their law of N_opt(C) is a fit of its own and not the minimum of L(C).",
                    ],
                    presets: single_axis::FRONTIERS,
                },
            },
        }
    }
}

impl Default for Allocation {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for Allocation {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        c[4] + c[5] * row[0].pow(-c[6])
    }

    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("a", c[1]), ("b", c[3])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let loss = Allocation::new().predict(&[1.0, 0.5, 1.0, 0.5, 1.7, 4.0, 0.1], &[Input::new(1e20)]);
        assert!((loss - 1.74).abs() < 1e-12);
    }
}
