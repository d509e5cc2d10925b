//! From loss to pass rate: where a small model never passes, its loss on the right answer still says how likely it is.

use super::PassCount;
use crate::LawError;
use crate::counts::{CountFit, Counted, Link};
use kleiber_core::stats::normal_quantile;

/// `ln(p / (1 - p)) = a - b L`: the pass rate over the loss L on the right answer, nats for the whole answer. For rare passes
/// this is `p = e^(a - b L)`, with b near 1 when the one right answer dominates; and it never passes 1. Fitted by the
/// likelihood of counts, so that instances without a pass count for what they are.
#[derive(Debug, Clone)]
pub struct Skill {
    fit: CountFit,
    losses: (f64, f64),
}

impl Skill {
    /// The relation over instances (or checkpoints): loss and count of each.
    ///
    /// # Errors
    /// [`LawError::Request`] for fewer than three, for losses that do not vary, and when the pass rate does not fall with the
    /// loss: then the loss says nothing about the skill.
    pub fn of(points: &[(f64, PassCount)]) -> Result<Self, LawError> {
        if points.len() < 3 {
            return Err(LawError::Request(format!(
                "{} instances do not relate loss to passes; at least 3 are needed",
                points.len()
            )));
        }
        let row = |(i, (loss, count)): (usize, &(f64, PassCount))| Counted {
            x: vec![1.0, -loss],
            passes: count.passes as f64,
            draws: count.draws as f64,
            cluster: i as u32,
        };
        let rows: Vec<Counted> = points.iter().enumerate().map(row).collect();
        let mut fit = CountFit::of(&rows, Link::Logit, None)?;
        // Instances differ beyond their loss, so they count as the clusters they are.
        if let Some(wide) = fit.clustered(&rows) {
            fit.covariance = wide;
        }
        let deviation = fit.deviation(1);
        if fit.coefficients[1] <= normal_quantile(0.95) * deviation {
            return Err(LawError::Request(format!(
                "passes do not become rarer with loss (slope {:.3} with a standard deviation of {deviation:.3}): this loss does not predict this skill",
                fit.coefficients[1]
            )));
        }
        let losses = points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |s, p| (s.0.min(p.0), s.1.max(p.0)));
        Ok(Self { fit, losses })
    }

    /// The pass rate at a loss, with an interval.
    pub fn at(&self, loss: f64, level: f64) -> (f64, f64, f64) {
        let (line, deviation) = self.fit.line(&[1.0, -loss]);
        let half = normal_quantile(0.5 + 0.5 * level) * deviation;
        let p = |line| Link::Logit.probability(line);
        (p(line), p(line - half), p(line + half))
    }

    /// `b`: how much the log odds fall with a nat of loss.
    pub fn per_nat(&self) -> f64 {
        self.fit.coefficients[1]
    }

    /// Whether a loss is inside those that were seen.
    pub fn seen(&self, loss: f64) -> bool {
        (self.losses.0..=self.losses.1).contains(&loss)
    }

    /// The pass rate at a size, through a law of the loss over size: the chain from loss to skill.
    pub fn chained(&self, loss_law: impl Fn(f64) -> f64, size: f64, level: f64) -> (f64, f64, f64) {
        self.at(loss_law(size), level)
    }
}
