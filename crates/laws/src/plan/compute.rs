//! The best model size and token count for a budget, or the budget for a loss.

use super::accelerators::accelerator;
use crate::fitted::Estimate;
use crate::forms::REPETITION;
use crate::reason::{Finding, Findings, Reason, Status};
use crate::uncertainty::interval::percentile;
use crate::{Fit, Law, LawError};
use kleiber_core::rng::Rng;
use rayon::prelude::*;
use serde::Serialize;

/// Schema of [`ComputePlan`] as JSON.
pub(super) const SCHEMA: &str = "kleiber.plan/1";
/// Share of peak speed assumed when none is given.
pub(super) const DEFAULT_MFU: f64 = 0.4;
/// Accelerator of a price or a share of peak that comes without a name.
const DEFAULT_GPU: &str = "h100";
/// Beyond the fitted compute by this factor a plan carries a warning.
const FAR: f64 = 100.0;
/// Losses above this many nats per token are no target.
const HIGHEST_LOSS: f64 = 100.0;
/// Points of the scan over ln N before the golden-section search.
const SCAN: usize = 160;

/// What is asked of a plan. Exactly one of `flops` and `loss` is given.
#[derive(Debug, Clone, Default)]
pub struct ComputeRequest {
    /// Total FLOP: training, and serving when `serve_tokens` is given.
    pub flops: Option<f64>,
    /// Loss to reach.
    pub loss: Option<f64>,
    /// Unique training tokens there are; more means epochs.
    pub tokens_max: Option<f64>,
    /// Tokens to be served over the model's life, at 2N FLOP each (Sardana et al. 2024).
    pub serve_tokens: Option<f64>,
    /// Accelerator name.
    pub gpu: Option<String>,
    /// Share of its peak that training reaches.
    pub mfu: Option<f64>,
    /// Price of one accelerator-hour.
    pub price: Option<f64>,
    /// Nominal coverage of the intervals.
    pub level: f64,
    /// Answer even where a refusal is due.
    pub force: bool,
}

/// A plan.
#[derive(Debug, Clone, Serialize)]
pub struct ComputePlan {
    /// Always `kleiber.plan/1`.
    pub schema: &'static str,
    /// `compute`.
    pub plan: &'static str,
    /// The law.
    pub law: String,
    /// Total FLOP.
    pub flops: Estimate,
    /// Parameters, in the counting of the fitted column.
    pub params: Estimate,
    /// Training tokens, repeats counted.
    pub tokens: Estimate,
    /// Loss of a run of that size.
    pub loss: Estimate,
    /// Tokens per parameter.
    pub tokens_per_param: Option<f64>,
    /// Passes over the unique tokens, when they are limited.
    pub epochs: Option<f64>,
    /// FLOP spent serving, when tokens to serve are given.
    pub serve_flops: Option<f64>,
    /// Hours and money.
    pub cost: Option<Cost>,
    /// How many times beyond the fitted compute.
    pub extrapolation: f64,
    /// What was assumed, one sentence each.
    pub assumptions: Vec<String>,
    /// Answer or refusal.
    pub status: Status,
    /// Why refused.
    pub reasons: Vec<Finding>,
    /// What else to know.
    pub warnings: Vec<Finding>,
}

/// What the training FLOP cost on an accelerator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Accelerator.
    pub gpu: String,
    /// Peak FLOP/s used.
    pub peak_flops: f64,
    /// Where the peak is printed.
    pub source: String,
    /// Share of the peak assumed.
    pub mfu: f64,
    /// Accelerator-hours.
    pub gpu_hours: f64,
    /// Accelerator-hours times the price given.
    pub price: Option<f64>,
}

/// Plans a budget (or the budget for a loss) by the fitted law.
///
/// # Errors
/// [`LawError::Request`] for a request the law cannot answer at all, such as a token limit for a law
/// without tokens.
pub fn plan_compute(fit: &Fit, request: &ComputeRequest) -> Result<ComputePlan, LawError> {
    let planner = Planner::new(fit, request)?;
    let mut findings = Findings::default();
    let c = planner.coefficients(&fit.point());
    let total = match (request.flops, request.loss) {
        (Some(flops), None) => Some(flops),
        (None, Some(loss)) => planner.flops_for(&c, loss),
        _ => return Err(LawError::Request("give either --flops or --loss".into())),
    };
    let best = total.and_then(|flops| planner.best(&c, flops));
    if best.is_none() {
        findings.refuse(planner.why_none(&c, request));
    }
    let draws = planner.draws(fit, request, total);
    let column = |pick: fn(&Plan) -> f64| draws.iter().map(pick).collect::<Vec<f64>>();
    let estimate = |value: f64, values: &[f64]| match percentile(values, request.level) {
        Some((low, high)) => Estimate::interval(value, low, high, request.level),
        None => Estimate::point(value, request.level),
    };
    let nothing = Plan { flops: f64::NAN, params: f64::NAN, tokens: f64::NAN, loss: f64::NAN };
    let plan = best.unwrap_or(nothing);
    let extrapolation = fit.model.as_ref().and_then(|m| m.flops_range).map_or(1.0, |(low, high)| {
        let training = planner.training(&plan);
        (training / high).max(low / training).max(1.0)
    });
    if extrapolation > FAR {
        findings.warn(Reason::Extrapolation { quantity: "compute".into(), factor: extrapolation });
    }
    planner.check_repetition(fit, &plan, &mut findings);
    findings.settle(request.force);
    let refused = findings.refused();
    let show = |e: Estimate| if refused { Estimate { value: None, low: None, high: None, ..e } } else { e };
    Ok(ComputePlan {
        schema: SCHEMA,
        plan: "compute",
        law: fit.law.clone(),
        flops: show(if request.flops.is_some() {
            Estimate::point(plan.flops, request.level)
        } else {
            estimate(plan.flops, &column(|p| p.flops))
        }),
        params: show(estimate(plan.params, &column(|p| p.params))),
        tokens: show(estimate(plan.tokens, &column(|p| p.tokens))),
        loss: show(if request.loss.is_some() {
            Estimate::point(plan.loss, request.level)
        } else {
            estimate(plan.loss, &noisy(fit, &column(|p| p.loss)))
        }),
        tokens_per_param: Some(plan.tokens / plan.params).filter(|v| v.is_finite() && !refused),
        epochs: request.tokens_max.map(|u| (plan.tokens / u).max(0.0)).filter(|v| v.is_finite() && !refused),
        serve_flops: request.serve_tokens.map(|t| 2.0 * plan.params * t).filter(|v| v.is_finite() && !refused),
        cost: cost(request, planner.training(&plan)).transpose()?.filter(|c| c.gpu_hours.is_finite() && !refused),
        extrapolation,
        assumptions: planner.assumed(request, &plan),
        status: if refused { Status::Refused } else { Status::Ok },
        reasons: findings.reasons.iter().map(Reason::finding).collect(),
        warnings: findings.warnings.iter().map(Reason::finding).chain(fit.inherited_warnings()).collect(),
    })
}

/// Whether [`plan_compute`] can allocate a budget by this fit.
pub fn plans(fit: &Fit) -> bool {
    Planner::new(fit, &ComputeRequest::default()).is_ok()
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    flops: f64,
    params: f64,
    tokens: f64,
    loss: f64,
}

struct Planner {
    law: Law,
    /// From the fitted law's coefficients to those of the law that plans.
    convert: fn(&[f64]) -> Vec<f64>,
    params: Option<usize>,
    unique: Option<usize>,
    tokens_max: f64,
    serve_tokens: f64,
    /// Whether R_D* and R_N* are those of the paper and not of the fit.
    borrowed: bool,
    assumptions: Vec<String>,
}

impl Planner {
    fn new(fit: &Fit, request: &ComputeRequest) -> Result<Self, LawError> {
        let mut law = Law::of(fit)?;
        let mut assumptions = vec!["training costs 6 FLOP per parameter and token".to_string()];
        let mut convert: fn(&[f64]) -> Vec<f64> = <[f64]>::to_vec;
        let mut borrowed = false;
        if request.tokens_max.is_some() && law.info().variable("unique_tokens").is_none() {
            convert = match fit.law.as_str() {
                "chinchilla" => |c| [c, &REPETITION].concat(),
                "over-training" => |c| {
                    let six = 6f64.powf(-c[3]);
                    [&[c[0], c[1] * six, c[2] * six, 2.0 * c[3], 2.0 * c[3]], &REPETITION[..]].concat()
                },
                other => {
                    return Err(LawError::Request(format!(
                        "{other} says nothing about repeated tokens: use chinchilla, over-training or data-constrained with --tokens-max"
                    )));
                }
            };
            law = Law::named("data-constrained")?;
            borrowed = true;
        }
        if request.serve_tokens.is_some() {
            assumptions
                .push("serving costs 2 FLOP per parameter and token; the budget covers training and serving".into());
        }
        let info = law.info();
        let params = info.variables.iter().position(|v| v.name.starts_with("params"));
        let planned = params.is_some() && info.variable("tokens").is_some();
        if !planned && fit.law != "allocation" {
            return Err(LawError::Request(format!(
                "{} is not a law of params and tokens, so it allocates nothing",
                fit.law
            )));
        }
        if fit.law == "allocation" && (request.tokens_max.is_some() || request.serve_tokens.is_some()) {
            return Err(LawError::Request(
                "an IsoFLOP or envelope fit has no (N, D) surface: fit chinchilla for --tokens-max or --serve-tokens"
                    .into(),
            ));
        }
        let known = info
            .variables
            .iter()
            .all(|v| v.name.starts_with("params") || ["tokens", "unique_tokens", "flops"].contains(&v.name.as_str()));
        if !known {
            return Err(LawError::Request(
                "the formula has variables besides params and tokens, which a plan cannot choose".into(),
            ));
        }
        Ok(Self {
            convert,
            params: params.filter(|_| planned),
            unique: info.variable("unique_tokens"),
            tokens_max: request.tokens_max.unwrap_or(f64::INFINITY),
            serve_tokens: request.serve_tokens.unwrap_or(0.0),
            law,
            borrowed,
            assumptions,
        })
    }

    fn coefficients(&self, c: &[f64]) -> Vec<f64> {
        (self.convert)(c)
    }

    fn training(&self, plan: &Plan) -> f64 {
        plan.flops - 2.0 * plan.params * self.serve_tokens
    }

    /// Tokens that a total budget leaves for a model of this size.
    fn tokens(&self, flops: f64, params: f64) -> f64 {
        (flops - 2.0 * params * self.serve_tokens) / (6.0 * params)
    }

    fn loss(&self, c: &[f64], params: f64, tokens: f64) -> f64 {
        let info = self.law.info();
        let mut x = vec![0.0; info.variables.len()];
        for (slot, variable) in x.iter_mut().zip(&info.variables) {
            *slot = match variable.name.as_str() {
                "tokens" => tokens,
                "unique_tokens" => tokens.min(self.tokens_max),
                "flops" => 6.0 * params * tokens,
                _ => params,
            };
        }
        self.law.predict(c, &x)
    }

    /// The lowest loss within a total budget; `None` when it lies at the edge of all sizes.
    fn best(&self, c: &[f64], flops: f64) -> Option<Plan> {
        if self.params.is_none() {
            let params = c[0] * flops.powf(c[1]);
            let loss = if c[4].is_nan() { c[5] * flops.powf(-c[6]) } else { self.law.predict(c, &[flops]) };
            return params.is_finite().then_some(Plan { flops, params, tokens: flops / (6.0 * params), loss });
        }
        // From one parameter to one token (or to where serving eats the budget).
        let (low, high) = (0.0, (flops / (6.0 + 2.0 * self.serve_tokens)).ln());
        let loss_at = |ln_n: f64| {
            let params = ln_n.exp();
            let value = self.loss(c, params, self.tokens(flops, params));
            if value.is_finite() { value } else { f64::INFINITY }
        };
        let at = |i: usize| low + (high - low) * i as f64 / SCAN as f64;
        let losses: Vec<f64> = (0..=SCAN).map(|i| loss_at(at(i))).collect();
        let lowest = (0..=SCAN).min_by(|&a, &b| losses[a].total_cmp(&losses[b]))?;
        if lowest == 0 || lowest == SCAN || !losses[lowest].is_finite() {
            return None;
        }
        let ln_n = golden(at(lowest - 1), at(lowest + 1), loss_at);
        let params = ln_n.exp();
        Some(Plan { flops, params, tokens: self.tokens(flops, params), loss: loss_at(ln_n) })
    }

    /// The smallest total budget whose best loss is `loss`.
    fn flops_for(&self, c: &[f64], loss: f64) -> Option<f64> {
        let reached = |ln_c: f64| self.best(c, ln_c.exp()).map(|p| p.loss);
        let (mut low, mut high) = (1e6f64.ln(), 1e40f64.ln());
        if reached(high)? > loss || loss > HIGHEST_LOSS {
            return None;
        }
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if reached(middle).is_none_or(|l| l > loss) { low = middle } else { high = middle }
        }
        Some((0.5 * (low + high)).exp())
    }

    fn why_none(&self, c: &[f64], request: &ComputeRequest) -> Reason {
        match request.loss {
            Some(_) => {
                let floor = self.best(c, 1e40).map_or(f64::NAN, |p| p.loss);
                Reason::OutsideRange { what: "the loss to reach".into(), low: floor, high: HIGHEST_LOSS }
            }
            None => Reason::NoOptimum,
        }
    }

    fn draws(&self, fit: &Fit, request: &ComputeRequest, total: Option<f64>) -> Vec<Plan> {
        let draws = fit.model.as_ref().map(|m| m.draws.as_slice()).unwrap_or_default();
        let one = |draw: &Vec<f64>| {
            let c = self.coefficients(draw);
            let flops = match request.loss {
                Some(loss) => self.flops_for(&c, loss)?,
                None => total?,
            };
            self.best(&c, flops)
        };
        draws.par_iter().filter_map(one).collect()
    }

    /// What this plan takes for granted.
    fn assumed(&self, request: &ComputeRequest, plan: &Plan) -> Vec<String> {
        let mut assumptions = self.assumptions.clone();
        if self.borrowed && plan.tokens > self.tokens_max {
            assumptions.push(
                "repeated tokens lose value with R_D* = 15.39 and R_N* = 5.31 (paper:data-constrained/muennighoff), which their own table hardly \
                 identifies; fit data-constrained to runs with repetition to replace them"
                    .into(),
            );
        }
        if request.gpu.is_none() && (request.price.is_some() || request.mfu.is_some()) {
            assumptions.push(format!("the accelerator is {DEFAULT_GPU}, as --gpu names none"));
        }
        assumptions
    }

    /// A plan that repeats tokens rests on R_D and R_N: refuse when the rows do not bound them.
    fn check_repetition(&self, fit: &Fit, plan: &Plan, findings: &mut Findings) {
        if self.unique.is_none() || plan.tokens <= self.tokens_max {
            return;
        }
        let open: Vec<String> = ["R_D", "R_N"]
            .iter()
            .filter(|n| {
                let open = |p: &crate::Profile| p.low.is_none() || p.high.is_none();
                fit.profiles.get(**n).is_some_and(open) || fit.bound_hits.iter().any(|hit| hit == **n)
            })
            .map(|n| (*n).to_string())
            .collect();
        if !open.is_empty() {
            let direction = open.iter().map(|n| (n.clone(), 1.0)).collect();
            findings.refuse(Reason::Unidentified { coefficients: open, direction });
        }
    }
}

fn golden(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    let (mut a, mut b) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut fa, mut fb) = (f(a), f(b));
    for _ in 0..60 {
        if fa < fb {
            (high, b, fb) = (b, a, fa);
            a = high - ratio * (high - low);
            fa = f(a);
        } else {
            (low, a, fa) = (a, b, fb);
            b = low + ratio * (high - low);
            fb = f(b);
        }
    }
    0.5 * (low + high)
}

fn noisy(fit: &Fit, losses: &[f64]) -> Vec<f64> {
    let Some(model) = fit.model.as_ref().filter(|m| !m.residuals.is_empty()) else { return losses.to_vec() };
    let mut rng = Rng::new(fit.seed, "plan noise", 0);
    let shaken = |l: &f64| {
        let r = model.residuals[rng.below(model.residuals.len())];
        if model.log { l * (-r).exp() } else { l - r }
    };
    losses.iter().map(shaken).collect()
}

fn cost(request: &ComputeRequest, training: f64) -> Option<Result<Cost, LawError>> {
    let name = request.gpu.as_deref().or_else(|| request.price.or(request.mfu).map(|_| DEFAULT_GPU))?;
    let Some(gpu) = accelerator(name) else {
        let known: Vec<&str> = super::accelerators::ACCELERATORS.iter().map(|a| a.name).collect();
        return Some(Err(LawError::Option {
            option: "gpu",
            found: name.into(),
            expected: format!("one of {}", known.join(", ")),
        }));
    };
    let mfu = request.mfu.unwrap_or(DEFAULT_MFU);
    let gpu_hours = training / (gpu.peak_flops * mfu) / 3600.0;
    Some(Ok(Cost {
        gpu: gpu.name.into(),
        peak_flops: gpu.peak_flops,
        source: gpu.source.into(),
        mfu,
        gpu_hours,
        price: request.price.map(|p| p * gpu_hours),
    }))
}
