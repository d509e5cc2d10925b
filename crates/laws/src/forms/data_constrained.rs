//! The data-constrained law: repeated tokens and excess parameters are worth less and less.

use super::chinchilla::allocation;
use crate::form::{Coefficient, Form, Info, Input, LOSS, Variable};
use crate::objective::Objective;
use crate::published::{Of, Preset, Printed, Published};
use crate::real::Real;

/// R_D* and R_N* of Muennighoff et al. 2023, appendix A: what repeated tokens and excess parameters are worth.
pub(crate) const REPETITION: [f64; 2] = [15.387_756, 5.309_743];

const PUBLISHED: Published = Published {
    slug: "fitting-methods",
    tested: "182 runs of Muennighoff et al. 2023 (R2 0.77 as printed, 0.45 without decay); generated tables",
    notes: &[
        "R_D* 15.39 and R_N* 5.31 are hardly identified by their own runs: (95, 1.7) fits slightly better, and bootstrap intervals for R_D* run from about 5 to infinity.",
        "The law only falls with more epochs. Runs of many epochs rise again: the lowest loss at 100M unique tokens comes after 140 epochs for 44M parameters and after 15 for 1.1B (`plan epochs` stops there). Fitted to all 296 runs with the published constants, R2 is below 0.5.",
        "The paper prints 27% fewer parameters (6.34B against 8.67B) as its advice for 9.3e21 FLOP and 25B unique tokens; these are sizes it had. The minimum of the printed law itself is at 6.8B, 23% below its one-epoch optimum of 8.9B.",
        "The paper speaks of about 7M parameters as the one-epoch optimum for 100M tokens; the printed law gives 5.1M.",
    ],
    presets: &[Preset {
        name: "data-constrained/muennighoff",
        source: "Muennighoff et al. 2023 (arXiv 2305.16264), eq. 17, digits of the repository's parametric fit",
        coefficients: &[
            1.869_143_678,
            520.824_951_7,
            1_487.716_094,
            0.352_659_6,
            0.352_659_6,
            REPETITION[0],
            REPETITION[1],
        ],
        ranges: &[(7e6, 8.7e9), (1e8, 9e11), (1e8, 1.78e11)],
        note: "GPT-2 architecture on C4; all parameters counted; loss in nats per token of a 50,257-token vocabulary",
        compat: false,
        printed: &[
            Printed { of: Of::At(&[1e80, 1e80, 1e80]), value: 1.87, tolerance: 0.0027, place: "eq. 17, E" },
            Printed { of: Of::At(&[1.0, 1e80, 1e80]), value: 521.0 + 1.87, tolerance: 1e-3, place: "eq. 17, A + E" },
            Printed { of: Of::Derived("a"), value: 0.5, tolerance: 1e-12, place: "appendix A, alpha = beta" },
        ],
    }],
};

/// L = E + A N'^-alpha + B D'^-beta with effective sizes (Muennighoff et al. 2023, eqs. 5 and 6)
/// D' = U + U R_D* (1 - e^(-R_D/R_D*)), R_D = D/U - 1, and the same for parameters beyond U_N,
/// the compute-optimal model for U unique tokens.
///
/// R_D* and R_N* are usually not identified by a table: see the profile in a fit's output.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("data-constrained").unwrap();
/// let c = [1.869, 520.8, 1487.7, 0.3527, 0.3527, 15.39, 5.31];
/// let fresh = law.predict(&c, &[1e9, 1e10, 1e10]);
/// let repeated = law.predict(&c, &[1e9, 1e10, 1e9]);
/// assert!(repeated > fresh);
/// ```
pub struct DataConstrained {
    info: Info,
}

impl DataConstrained {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "data-constrained".into(),
                title: "the Chinchilla law with decaying value of repeated tokens and excess parameters".into(),
                paper: "Muennighoff et al. 2023 (arXiv 2305.16264), eqs. 5-6".into(),
                equation: "L = E + A*(U_N*(1 + R_N*(1-e^(-r_N/R_N))))^-alpha + B*(U*(1 + R_D*(1-e^(-r_D/R_D))))^-beta"
                    .into(),
                variables: vec![Variable::params(), Variable::named("tokens"), Variable::named("unique_tokens")],
                response: LOSS,
                coefficients: vec![
                    Coefficient::positive("E", "irreducible loss, nats per token").linear(),
                    Coefficient::positive("A", "model term at one parameter, nats per token")
                        .starting_at(&[4.0, 6.0, 8.0]),
                    Coefficient::positive("B", "data term at one token, nats per token").starting_at(&[5.0, 7.0, 9.0]),
                    Coefficient::plain("alpha", "exponent in model size", 0.01, 5.0).starting_at(&[0.3, 0.5]),
                    Coefficient::plain("beta", "exponent in data size", 0.01, 5.0).starting_at(&[0.3, 0.5]),
                    Coefficient::positive("R_D", "repetitions after which repeated tokens are worth little")
                        .doubtful()
                        .within(1e-3, 1e6)
                        .starting_at(&[0.0, 1.5, 3.0, 4.5]),
                    Coefficient::positive("R_N", "the same for parameters beyond the optimum for the unique tokens")
                        .doubtful()
                        .within(1e-3, 1e6)
                        .starting_at(&[-0.5, 0.5, 1.5, 2.5]),
                ],
                objective: Objective::LOG_HUBER,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for DataConstrained {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for DataConstrained {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, a, b, alpha, beta, r_d, r_n] = [c[0], c[1], c[2], c[3], c[4], c[5], c[6]];
        let [params, tokens, unique] = [row[0], row[1], row[2]];
        // From D* = (C/6)^b / G and N* = G (C/6)^a: N*(U) = G^(1 + a/b) U^(a/b), with a/b = beta/alpha.
        let ln_g = ((alpha * a) / (beta * b)).ln() / (alpha + beta);
        let ln_optimal = ln_g * (T::constant(1.0) + beta / alpha) + (beta / alpha).scale(unique.ln);
        let ln_params = if ln_optimal.value() < params.ln {
            let excess = (T::constant(params.ln) - ln_optimal).exp_m1();
            ln_optimal + (T::constant(1.0) + saturating(excess, r_n)).ln()
        } else {
            T::constant(params.ln)
        };
        let repeats = (tokens.value / unique.value - 1.0).max(0.0);
        let ln_unique = unique.ln.min(tokens.ln);
        let ln_tokens = T::constant(ln_unique) + (T::constant(1.0) + saturating(T::constant(repeats), r_d)).ln();
        floor + a * (-alpha * ln_params).exp() + b * (-beta * ln_tokens).exp()
    }

    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        allocation(c[1], c[2], c[3], c[4])
    }
}

/// limit (1 - e^(-amount/limit)): equal to `amount` when small, to `limit` when large.
fn saturating<T: Real>(amount: T, limit: T) -> T {
    -(limit * (-(amount / limit)).exp_m1())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::chinchilla::Chinchilla;

    const C: [f64; 7] = [1.869, 520.8, 1487.7, 0.3527, 0.3527, 15.39, 5.31];

    fn at(n: f64, d: f64, u: f64) -> f64 {
        DataConstrained::new().predict(&C, &[Input::new(n), Input::new(d), Input::new(u)])
    }

    #[test]
    fn one_epoch_of_a_small_model_is_chinchilla() {
        let plain = Chinchilla::new().predict(&C[..5], &[Input::new(1e8), Input::new(1e10)]);
        assert!((at(1e8, 1e10, 1e10) - plain).abs() < 1e-12);
        // More unique tokens than are seen: only those seen count.
        assert!((at(1e8, 1e10, 1e12) - plain).abs() < 1e-12);
    }

    #[test]
    fn repeats_saturate_at_the_paper_s_limit() {
        // 1e7 parameters, 1e9 unique tokens, endless epochs: D' = U (1 + R_D).
        let limit = at(1e7, 1e16, 1e9);
        let effective = Chinchilla::new().predict(&C[..5], &[Input::new(1e7), Input::new(1e9 * 16.39)]);
        assert!((limit - effective).abs() < 1e-9);
        assert!(at(1e7, 4e9, 1e9) < at(1e7, 2e9, 1e9));
    }

    #[test]
    fn excess_parameters_count_from_the_optimum_for_the_unique_tokens() {
        // alpha = beta: N*(U) = G^2 U with G = (A/B)^(1/(2 alpha)).
        let optimal = (520.8f64 / 1487.7).powf(1.0 / 0.3527) * 1e9;
        let slightly = at(optimal * 1.01, 1e9, 1e9);
        let plain = Chinchilla::new().predict(&C[..5], &[Input::new(optimal * 1.01), Input::new(1e9)]);
        assert!(slightly > plain && slightly - plain < 1e-4);
    }
}
