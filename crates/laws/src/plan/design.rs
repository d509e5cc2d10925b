//! Which runs to make next: those that shrink the interval of a target most for their compute.
//!
//! The bootstrap draws give the covariance V of the search coordinates. A run with log-prediction
//! slopes g and noise s lowers the variance of a target with slopes h by (h'Vg)^2 / (s^2 + g'Vg)
//! (linear Gaussian updating); runs are chosen one after another, each updating V.

use crate::coordinates::Coordinates;
use crate::form::Input;
use crate::reason::{Finding, Status};
use crate::{Fit, Law, LawError, Model};
use nalgebra::{DMatrix, DVector};
use serde::Serialize;

/// Schema of [`DesignPlan`] as JSON.
pub(super) const SCHEMA: &str = "kleiber.plan/1";
/// Model sizes and tokens-per-parameter ratios considered.
const SIZES: usize = 40;
const RATIOS: [f64; 12] = [2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 32.0, 50.0, 80.0, 130.0, 210.0, 340.0];
/// Tokens per parameter may lie beyond those of the fitted runs by this factor.
const BEYOND: f64 = 3.0;
/// A run spends at least this share of its part of the budget: tiny runs promise much only where the law is
/// least to be trusted.
const LEAST_SHARE: f64 = 0.2;
/// A run must give this share of the best reduction on offer before its price counts.
const WORTHWHILE: f64 = 0.5;

/// Fewest bootstrap draws that give a covariance.
const FEWEST_DRAWS: usize = 50;

/// What is asked of a design.
#[derive(Debug, Clone)]
pub struct DesignRequest {
    /// Parameters and tokens of the model whose loss is to be known.
    pub target: (f64, f64),
    /// FLOP for all new runs together.
    pub budget: f64,
    /// How many runs.
    pub runs: usize,
}

/// Proposed runs.
#[derive(Debug, Clone, Serialize)]
pub struct DesignPlan {
    /// Always `kleiber.plan/1`.
    pub schema: &'static str,
    /// `design`.
    pub plan: &'static str,
    /// The law.
    pub law: String,
    /// Parameters of the target.
    pub target_params: f64,
    /// Tokens of the target.
    pub target_tokens: f64,
    /// Relative standard deviation of the law's loss at the target today.
    pub sd_now: f64,
    /// The runs, in the order in which they should be made.
    pub runs: Vec<ProposedRun>,
    /// Always ok: what cannot be designed is an error.
    pub status: Status,
    /// Empty.
    pub reasons: Vec<Finding>,
    /// What else to know.
    pub warnings: Vec<Finding>,
}

/// One proposed run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProposedRun {
    /// Parameters.
    pub params: f64,
    /// Tokens.
    pub tokens: f64,
    /// 6 x params x tokens.
    pub flops: f64,
    /// Relative standard deviation of the law's loss at the target once this run and those before it
    /// are made.
    pub sd_after: f64,
}

/// Proposes runs for the fitted law.
///
/// # Errors
/// [`LawError::Request`] without bootstrap draws, for a law that is not of params and tokens, or for a
/// budget that buys no run.
pub fn plan_design(fit: &Fit, request: &DesignRequest) -> Result<DesignPlan, LawError> {
    let law = Law::of(fit)?;
    let info = law.info();
    let (model, n, d) = designable(fit, &law)?;
    if request.runs == 0 || request.runs > 100 {
        return fail("--runs must be between 1 and 100");
    }
    let at = Coordinates::new(info, &[], &[])?;
    let u = at.coordinates(&fit.point());
    let mut covariance = covariance(&model.draws, &at);
    let sd = fit.residual_sd.unwrap_or(0.01).max(1e-6);
    let slopes = |params: f64, tokens: f64| {
        let mut x = vec![tokens; info.variables.len()];
        x[n] = params;
        x[d] = tokens;
        // Residuals of logarithms are relative; plain ones become so at the size in question.
        let (slopes, value) = log_slopes(&law, &at, &u, &x);
        (slopes, if model.log { sd } else { sd / value })
    };
    let target = slopes(request.target.0, request.target.1).0;
    let (low, high) = model.ranges.get_index(n).map_or((1e6, 1e9), |(_, r)| *r);
    let ratios = model.rows.iter().map(|r| r.1[d] / r.1[n]);
    let (fewest, most) = ratios.fold((f64::INFINITY, 0.0), |(l, h), r| (r.min(l), r.max(h)));
    let sampled = |ratio: &f64| (fewest / BEYOND..=most * BEYOND).contains(ratio);
    let each = request.budget / request.runs as f64;
    let ratios: Vec<f64> = RATIOS.into_iter().filter(sampled).collect();
    let Some(&leanest) = ratios.first() else {
        return fail("no run between 2 and 340 tokens per parameter was fitted");
    };
    let (smallest, largest) = (0.5 * low, (4.0 * high).max((each / (6.0 * leanest)).sqrt()));
    let mut candidates = Vec::new();
    for i in 0..SIZES {
        let params = smallest * (largest / smallest).powf(i as f64 / (SIZES - 1) as f64);
        for &ratio in &ratios {
            let flops = 6.0 * params * params * ratio;
            if flops <= each && flops >= LEAST_SHARE * each {
                candidates.push((params, params * ratio, flops, slopes(params, params * ratio)));
            }
        }
    }
    if candidates.is_empty() {
        let needed = 6.0 * smallest.powi(2) * leanest * request.runs as f64;
        return Err(LawError::Request(format!(
            "the budget buys no run: at least {needed:.1e} FLOP are needed for {} runs",
            request.runs
        )));
    }
    let sd_of = |v: &DMatrix<f64>| target.dot(&(v * &target)).max(0.0).sqrt();
    let sd_now = sd_of(&covariance);
    let mut runs = Vec::new();
    for _ in 0..request.runs {
        let reduction = |(g, noise): &(DVector<f64>, f64)| {
            let vg = &covariance * g;
            target.dot(&vg).powi(2) / (noise * noise + g.dot(&vg))
        };
        let gains: Vec<f64> = candidates.iter().map(|c| reduction(&c.3)).collect();
        let best = gains.iter().copied().fold(0.0, f64::max);
        let per_flop = |i: &usize| gains[*i] / candidates[*i].2;
        let worthwhile = (0..candidates.len()).filter(|&i| gains[i] >= WORTHWHILE * best);
        let Some(chosen) = worthwhile.max_by(|a, b| per_flop(a).total_cmp(&per_flop(b))) else { break };
        let (params, tokens, flops, (g, noise)) = &candidates[chosen];
        let vg = &covariance * g;
        covariance -= &vg * vg.transpose() / (noise * noise + g.dot(&vg));
        runs.push(ProposedRun {
            params: params.round(),
            tokens: tokens.round(),
            flops: *flops,
            sd_after: sd_of(&covariance),
        });
    }
    Ok(DesignPlan {
        schema: SCHEMA,
        plan: "design",
        law: fit.law.clone(),
        target_params: request.target.0,
        target_tokens: request.target.1,
        sd_now,
        runs,
        status: Status::Ok,
        reasons: Vec::new(),
        warnings: fit.inherited_warnings(),
    })
}

/// Whether [`plan_design`] can propose runs for this fit.
pub fn designs(fit: &Fit) -> bool {
    Law::of(fit).is_ok_and(|law| designable(fit, &law).is_ok())
}

fn fail<T>(what: &str) -> Result<T, LawError> {
    Err(LawError::Request(what.to_string()))
}

/// The model and the places of params and tokens among the law's variables.
fn designable<'a>(fit: &'a Fit, law: &Law) -> Result<(&'a Model, usize, usize), LawError> {
    let variables = &law.info().variables;
    let model = fit.model.as_ref().filter(|m| m.draws.len() >= FEWEST_DRAWS);
    let Some(model) = model else { return fail("a design needs a law fitted with at least 50 bootstrap draws") };
    let size = variables.iter().position(|v| v.name.starts_with("params"));
    let (Some(n), Some(d)) = (size, law.info().variable("tokens")) else {
        return fail("a design needs a law of params and tokens");
    };
    if variables.iter().enumerate().any(|(i, v)| i != n && i != d && v.name != "unique_tokens") {
        return fail("the formula has variables besides params and tokens, which a design cannot choose");
    }
    Ok((model, n, d))
}

/// Slopes of the log prediction along the search coordinates, and the prediction.
fn log_slopes(law: &Law, at: &Coordinates, u: &[f64], x: &[f64]) -> (DVector<f64>, f64) {
    let row: Vec<Input> = x.iter().map(|&v| Input::new(v)).collect();
    let (mut value, mut slopes) = ([0.0], vec![0.0; u.len()]);
    law.form().gradients(at, u, &row, &mut value, &mut slopes);
    (DVector::from_iterator(u.len(), slopes.iter().map(|s| s / value[0])), value[0])
}

fn covariance(draws: &[Vec<f64>], at: &Coordinates) -> DMatrix<f64> {
    let rows: Vec<Vec<f64>> =
        draws.iter().map(|d| at.coordinates(d)).filter(|u| u.iter().all(|x| x.is_finite())).collect();
    let n = at.free();
    let mean = DVector::from_fn(n, |k, _| rows.iter().map(|r| r[k]).sum::<f64>() / rows.len() as f64);
    let mut sum = DMatrix::zeros(n, n);
    for row in &rows {
        let e = DVector::from_row_slice(row) - &mean;
        sum += &e * e.transpose();
    }
    sum / (rows.len() as f64 - 1.0).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, simulate::Design};

    #[test]
    fn proposed_runs_shrink_the_interval_of_the_target() {
        let law = Law::named("chinchilla").unwrap();
        let truth = [1.8, 480.0, 2000.0, 0.35, 0.37];
        let design = Design::grid(6, 4);
        let fit =
            law.fit(&design.table(&law, &truth, 0.01, 3), &Options { bootstrap: 200, ..Options::default() }).unwrap();
        let request = DesignRequest { target: (7e10, 1.4e12), budget: 3e22, runs: 4 };
        let plan = plan_design(&fit, &request).unwrap();
        assert_eq!(plan.runs.len(), 4);
        assert!(plan.runs.iter().map(|r| r.flops).sum::<f64>() <= 3e22);
        assert!(plan.runs[0].sd_after < plan.sd_now && plan.runs[3].sd_after < plan.runs[0].sd_after);
        // Make the runs: the interval at the target shrinks about as promised.
        let runs = [design.runs.clone(), plan.runs.iter().map(|r| (r.params, r.tokens)).collect()].concat();
        let after = law
            .fit(&Design { runs }.table(&law, &truth, 0.01, 4), &Options { bootstrap: 200, ..Options::default() })
            .unwrap();
        let sd = |fit: &Fit| {
            let model = fit.model.as_ref().unwrap();
            let values: Vec<f64> = model.draws.iter().map(|c| law.predict(c, &[7e10, 1.4e12]).ln()).collect();
            kleiber_core::stats::standard_deviation(&values)
        };
        let promised = plan.runs[3].sd_after / plan.sd_now;
        let got = sd(&after) / sd(&fit);
        assert!(got < 0.95 && (got / promised - 1.0).abs() < 0.5, "promised {promised}, got {got}");
        assert!(plan_design(&fit, &DesignRequest { budget: 1e10, ..request }).is_err());
    }
}
