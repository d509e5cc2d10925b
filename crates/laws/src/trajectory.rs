//! What a law of model size, steps and batch plans: the steps and tokens to a loss at any batch, the size that reaches it with
//! least compute, and the curve of a run before it starts (Su et al. 2024; Kaplan et al. 2020, section 5 and appendix B).

use crate::forms::Trajectory;
use crate::{Fit, Law, LawError};
use kleiber_core::units::format_quantity;
use serde::Serialize;

/// L(N,S,B) = E + (Nc/N)^alphaN + (Sc/S_min)^alphaS, S_min = S / (1 + B_crit(L)/B), B_crit(L) = Bstar L^(-1/alphaB).
/// Parameters without embeddings, losses in nats per token, batches in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TrajectoryLaw {
    /// Loss that nothing reduces; zero in both papers.
    pub floor: f64,
    /// Parameters at which the converged loss is one nat above the floor.
    pub n_c: f64,
    /// Exponent in parameters.
    pub alpha_n: f64,
    /// Steps at which a nat is left to learn.
    pub s_c: f64,
    /// Exponent in steps.
    pub alpha_s: f64,
    /// Critical batch at a loss of one nat, tokens.
    pub b_star: f64,
    /// The critical batch grows as L^(-1/alpha_b).
    pub alpha_b: f64,
}

/// What it takes to reach a loss at one batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BatchPlan {
    /// Tokens of a step.
    pub batch: f64,
    /// Steps.
    pub steps: f64,
    /// Tokens.
    pub tokens: f64,
    /// Training compute, 6 N tokens, FLOP.
    pub flops: f64,
    /// Steps over those of the largest batches.
    pub steps_ratio: f64,
    /// Tokens over those of the smallest batches.
    pub tokens_ratio: f64,
}

impl TrajectoryLaw {
    /// The law of a fit or preset of `trajectory`.
    ///
    /// # Errors
    /// [`LawError::Request`] for other laws.
    pub fn of(fit: &Fit) -> Result<Self, LawError> {
        let c = fit.point();
        let [floor, n_c, alpha_n, s_c, alpha_s, b_star, alpha_b] = c[..] else {
            return Err(LawError::Request(format!("{} is no law of size, steps and batch: fit trajectory", fit.law)));
        };
        if fit.law != "trajectory" {
            return Err(LawError::Request(format!("{} is no law of size, steps and batch: fit trajectory", fit.law)));
        }
        Ok(Self { floor, n_c, alpha_n, s_c, alpha_s, b_star, alpha_b })
    }

    /// Loss of `params` parameters after `steps` steps of `batch` tokens.
    pub fn loss(&self, params: f64, steps: f64, batch: f64) -> f64 {
        let c = [self.floor, self.n_c, self.alpha_n, self.s_c, self.alpha_s, self.b_star, self.alpha_b];
        Law::of_form(Trajectory::new()).predict(&c, &[params, steps, batch])
    }

    /// The curve of a run: `(step, loss)` at these steps.
    pub fn curve(&self, params: f64, batch: f64, steps: &[f64]) -> Vec<(f64, f64)> {
        steps.iter().map(|s| (*s, self.loss(params, *s, batch))).collect()
    }

    /// Loss of unlimited training.
    pub fn converged(&self, params: f64) -> f64 {
        self.floor + (self.n_c / params).powf(self.alpha_n)
    }

    /// The smallest model whose converged loss is `loss`; infinite at the floor, `NaN` below it.
    pub fn smallest(&self, loss: f64) -> f64 {
        self.n_c * (loss - self.floor).powf(-1.0 / self.alpha_n)
    }

    /// Critical batch at a loss, tokens (Su et al. 2024, eq. 3): there training takes twice the fewest steps and twice the
    /// fewest tokens.
    pub fn critical_batch(&self, loss: f64) -> f64 {
        self.b_star * loss.powf(-1.0 / self.alpha_b)
    }

    /// Steps to a loss in the limit of large batches.
    ///
    /// # Errors
    /// [`LawError::Request`] when this size never reaches the loss.
    pub fn min_steps(&self, params: f64, loss: f64) -> Result<f64, LawError> {
        if !(params > 0.0 && params.is_finite() && loss.is_finite()) {
            return Err(LawError::Request(format!(
                "{params} parameters and a loss of {loss} are nothing to plan: give positive numbers"
            )));
        }
        let left = loss - self.converged(params);
        if left > 0.0 {
            return Ok(self.s_c * left.powf(-1.0 / self.alpha_s));
        }
        let cure = if loss > self.floor {
            format!("the smallest model that does has {}", format_quantity(self.smallest(loss)))
        } else {
            format!("no model does, the floor is {}", self.floor)
        };
        Err(LawError::Request(format!(
            "{} parameters never reach a loss of {loss} (they converge to {:.4}): {cure}",
            format_quantity(params),
            self.converged(params)
        )))
    }

    /// Steps, tokens and compute to a loss at a batch (Su et al. 2024, eq. 4 and 5).
    ///
    /// # Errors
    /// As [`Self::min_steps`], and for a batch that is not positive.
    pub fn to_loss(&self, params: f64, loss: f64, batch: f64) -> Result<BatchPlan, LawError> {
        if !(batch > 0.0 && batch.is_finite()) {
            return Err(LawError::Request(format!("a batch of {batch} tokens is none: give tokens per step")));
        }
        let (least, critical) = (self.min_steps(params, loss)?, self.critical_batch(loss));
        let (steps_ratio, tokens_ratio) = (1.0 + critical / batch, 1.0 + batch / critical);
        let steps = least * steps_ratio;
        let tokens = steps * batch;
        Ok(BatchPlan { batch, steps, tokens, flops: 6.0 * params * tokens, steps_ratio, tokens_ratio })
    }

    /// The size that reaches a loss with least compute at any batch: the one whose converged loss above the floor is
    /// 1/(1 + alphaN/alphaS) of the wanted one (Kaplan et al. 2020, eq. B.5, here with a floor).
    ///
    /// # Errors
    /// [`LawError::Request`] at or below the floor.
    pub fn efficient(&self, loss: f64) -> Result<f64, LawError> {
        if loss.is_nan() || loss <= self.floor {
            return Err(LawError::Request(format!(
                "a loss of {loss} is not above the floor of {}: ask for more",
                self.floor
            )));
        }
        Ok(self.smallest(self.floor + (loss - self.floor) / (1.0 + self.alpha_n / self.alpha_s)))
    }

    /// Compute and steps to the same loss over those of the efficient size, for a model `ratio` times that size (Kaplan et al.
    /// 2020, eq. B.16 and B.17); `None` when it is too small to get there.
    pub fn excess(&self, ratio: f64) -> Option<(f64, f64)> {
        let left = 1.0 + self.alpha_s / self.alpha_n * (1.0 - ratio.powf(-self.alpha_n));
        let steps = left.powf(-1.0 / self.alpha_s);
        (left > 0.0).then_some((ratio * steps, steps))
    }

    /// Least steps before early stopping pays, when data ends: `limited` is the loss with the data there is, `unlimited` that of
    /// the same size with all data (Kaplan et al. 2020, eq. 5.7).
    pub fn earliest_stop(&self, limited: f64, unlimited: f64) -> f64 {
        self.s_c * (limited - unlimited).max(0.0).powf(-1.0 / self.alpha_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kaplan() -> TrajectoryLaw {
        TrajectoryLaw::of(&Fit::published("paper:trajectory/kaplan").unwrap()).unwrap()
    }

    #[test]
    fn plans_and_losses_agree() {
        for floor in [0.0, 1.2] {
            let law = TrajectoryLaw { floor, ..kaplan() };
            for batch in [1e3, 1e5, 5e6] {
                let loss = law.converged(1e8) + 0.3;
                let plan = law.to_loss(1e8, loss, batch).unwrap();
                assert!((law.loss(1e8, plan.steps, batch) / loss - 1.0).abs() < 1e-12);
                // (S/S_min - 1)(E/E_min - 1) = 1
                assert!(((plan.steps_ratio - 1.0) * (plan.tokens_ratio - 1.0) - 1.0).abs() < 1e-12);
                assert!((plan.flops - 6e8 * plan.tokens).abs() < 1e-6 * plan.flops);
            }
            let critical = law.critical_batch(3.5);
            let plan = law.to_loss(1e8, 3.5 + floor, law.critical_batch(3.5 + floor)).unwrap();
            assert!(
                (plan.steps_ratio - 2.0).abs() < 1e-12 && (plan.tokens_ratio - 2.0).abs() < 1e-12 && critical > 0.0
            );
        }
    }

    #[test]
    fn the_efficient_size_needs_the_least_compute() {
        for floor in [0.0, 1.2] {
            let law = TrajectoryLaw { floor, ..kaplan() };
            let best = law.efficient(3.0).unwrap();
            let flops = |n: f64| law.to_loss(n, 3.0, 1e6).unwrap().flops;
            assert!(flops(best) < flops(1.02 * best) && flops(best) < flops(best / 1.02));
            for ratio in [0.6, 2.2, 10.0] {
                let (compute, steps) = law.excess(ratio).unwrap();
                assert!((flops(ratio * best) / flops(best) / compute - 1.0).abs() < 1e-9);
                let min_steps = |n: f64| law.min_steps(n, 3.0).unwrap();
                assert!((min_steps(ratio * best) / min_steps(best) / steps - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn printed_consequences_follow() {
        let law = kaplan();
        // Between 0.6 and 2.2 times the best size: 20% more compute; 2.2 times: 45% fewer steps (appendix B.4).
        let excess = |ratio: f64| law.excess(ratio).unwrap();
        assert!(
            (excess(0.6).0 - 1.2).abs() < 0.06 && (excess(2.2).0 - 1.2).abs() < 0.03,
            "{:?} {:?}",
            excess(0.6),
            excess(2.2)
        );
        assert!((1.0 - excess(2.2).1 - 0.45).abs() < 0.01);
        // Training to 10% above convergence instead of 2%: 2.7 times the parameters, 0.13 of the steps, 0.35 of the compute.
        let (far, near) = (0.1, 0.02);
        let size = |f: f64| law.smallest(3.0 / (1.0 + f));
        let steps = |f: f64| law.min_steps(size(f), 3.0).unwrap();
        assert!((size(far) / size(near) - 2.7).abs() < 0.05, "{}", size(far) / size(near));
        assert!((steps(far) / steps(near) - 0.13).abs() < 0.005, "{}", steps(far) / steps(near));
        let compute = size(far) * steps(far) / (size(near) * steps(near));
        assert!((compute - 0.35).abs() < 0.01, "{compute}");
        // B ~ L^-4.8, and L(C) ~ C^-alpha_C along efficient runs at the critical batch.
        assert!(((law.critical_batch(2.0) / law.critical_batch(4.0)).log2() - 4.8).abs() < 0.05);
        let spent =
            |loss: f64| law.to_loss(law.efficient(loss).unwrap(), loss, law.critical_batch(loss)).unwrap().flops;
        let power = (3.0f64 / 2.0).ln() / (spent(2.0) / spent(3.0)).ln();
        assert!((power - 0.052).abs() < 0.001, "{power}");
    }

    #[test]
    fn losses_out_of_reach_are_explained() {
        let law = TrajectoryLaw { floor: 1.5, ..kaplan() };
        let message = law.to_loss(1e6, 3.5, 1e5).unwrap_err().to_string();
        let smallest = law.smallest(3.5);
        assert!(message.contains("never reach") && message.contains(&format_quantity(smallest)), "{message}");
        assert!(law.min_steps(1.001 * smallest, 3.5).is_ok());
        assert!(law.to_loss(1e6, 1.4, 1e5).unwrap_err().to_string().contains("floor"));
        assert!(
            law.efficient(1.5).is_err() && law.to_loss(1e12, 3.5, 0.0).is_err() && law.min_steps(-1.0, 3.0).is_err()
        );
        assert!(law.excess(1e-3).is_none() && law.earliest_stop(3.0, 3.0) == f64::INFINITY);
        assert!(TrajectoryLaw::of(&Fit::published("chinchilla/besiroglu").unwrap()).is_err());
    }
}
