//! Which law extrapolates best: every law is fitted to the smaller runs and judged on the larger ones.

use crate::holdout::holdout;
use crate::objective::Objective;
use crate::options::Options;
use crate::prepare::{prepare, reduce};
use crate::reason::{Finding, Findings, Reason, Status};
use crate::{Fit, Law, LawError};
use kleiber_core::table::{Table, recognise};
use serde::Serialize;

/// Schema of [`Comparison`] as JSON.
pub const SCHEMA: &str = "kleiber.compare/1";
/// Shares of the rows, smallest first, that the rolling comparison fits.
const CUTS: [f64; 3] = [0.5, 0.65, 0.8];

/// Laws ranked by held-out error.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Rows of the table.
    pub rows: usize,
    /// How rows were held out.
    pub holdout: String,
    /// The objective, the same for every law.
    pub objective: String,
    /// Best first; refused laws last.
    pub laws: Vec<Candidate>,
    /// Refused when no law could be judged.
    pub status: Status,
    /// Why refused.
    pub reasons: Vec<Finding>,
    /// What else to know.
    pub warnings: Vec<Finding>,
}

/// One law in a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// Name or formula.
    pub law: String,
    /// Mean of |predicted - observed| / observed over held-out rows.
    pub holdout_mean_abs_rel_error: Option<f64>,
    /// Largest of the same.
    pub holdout_max_abs_rel_error: Option<f64>,
    /// Held-out predictions behind the two.
    pub holdout_rows: usize,
    /// Corrected Akaike criterion of the fit to all rows; differences are comparable within one table.
    pub aicc: Option<f64>,
    /// Free coefficients.
    pub coefficients: usize,
    /// Answer or refusal.
    pub status: Status,
    /// Why refused.
    pub reasons: Vec<Finding>,
}

/// Fits every law and ranks them. With `options.holdout` the rows of that condition are held out; without
/// it, the larger runs are, at three cuts by compute (or the law's axis).
///
/// # Errors
/// [`LawError`] when the table cannot be worked with. A law whose columns are missing is listed as refused.
pub fn compare(table: &Table, laws: &[Law], options: &Options) -> Result<Comparison, LawError> {
    let objective = options.objective.unwrap_or(Objective::LOG_HUBER);
    let options = Options { objective: Some(objective), bootstrap: 0, influence: false, ..options.clone() };
    // Which rows count depends on the law: a law of curves is judged on checkpoints, any other on whole runs.
    let rows_of = |law: &Law| reduce(table, law.info().curve, &options, &mut Findings::default());
    let mut candidates: Vec<Candidate> = Vec::new();
    for law in laws {
        let table = rows_of(law);
        candidates.push(judge(&table, law, &splits(&table, &options)?, &options));
    }
    let rank = |c: &Candidate| (c.status == Status::Refused, c.holdout_mean_abs_rel_error.unwrap_or(f64::INFINITY));
    candidates.sort_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal));
    let mut findings = Findings::default();
    let any = candidates.iter().any(|c| c.status == Status::Ok);
    let reasons = if any { Vec::new() } else { candidates.first().map(|c| c.reasons.clone()).unwrap_or_default() };
    if let [best, second, ..] = candidates.as_slice()
        && let (Some(a), Some(b)) = (best.holdout_mean_abs_rel_error, second.holdout_mean_abs_rel_error)
        && a > 0.8 * b
    {
        let what = format!(
            "{} and {} are too close to call on {} held-out predictions",
            best.law, second.law, best.holdout_rows
        );
        findings.warn(Reason::Assumed { what });
    }
    Ok(Comparison {
        schema: SCHEMA,
        rows: table.rows(),
        holdout: options.holdout.clone().unwrap_or_else(|| "rolling by size: largest 50%, 35% and 20% of rows".into()),
        objective: objective.to_string(),
        laws: candidates,
        status: if any { Status::Ok } else { Status::Refused },
        reasons,
        warnings: findings.warnings.iter().map(Reason::finding).collect(),
    })
}

/// Pairs of (fitted, held-out) tables.
fn splits(table: &Table, options: &Options) -> Result<Vec<(Table, Table)>, LawError> {
    if let Some(condition) = &options.holdout {
        let (held, kept) = table.partition(condition)?;
        if held.rows() == 0 {
            return Err(LawError::Request("no row satisfies --holdout: nothing is held out".into()));
        }
        return Ok(vec![(kept, held)]);
    }
    let size = size(table)?;
    let mut order: Vec<usize> = (0..table.rows()).filter(|&i| size[i].is_finite()).collect();
    order.sort_by(|&a, &b| size[a].total_cmp(&size[b]));
    let mut splits = Vec::new();
    for cut in CUTS {
        // Rows of equal size stay on one side.
        let mut at = ((order.len() as f64) * cut).round() as usize;
        while at > 0 && at < order.len() && size[order[at]] == size[order[at - 1]] {
            at += 1;
        }
        if at > 0 && at < order.len() {
            let (mut small, mut large) = (order[..at].to_vec(), order[at..].to_vec());
            small.sort_unstable();
            large.sort_unstable();
            splits.push((table.take(&small), table.take(&large)));
        }
    }
    splits.dedup_by(|a, b| a.1.rows() == b.1.rows());
    Ok(splits)
}

fn size(table: &Table) -> Result<Vec<f64>, LawError> {
    let column = |name: &str| recognise(table, name).map(|c| table.numbers(c)).transpose();
    if let Some(flops) = column("flops")? {
        return Ok(flops);
    }
    if let (Some(n), Some(d)) = (column("params")?, column("tokens")?) {
        return Ok(n.iter().zip(d).map(|(n, d)| n * d).collect());
    }
    for name in ["x", "tokens", "params", "step"] {
        if let Some(values) = column(name)? {
            return Ok(values);
        }
    }
    Err(LawError::Request("no size column to hold the larger runs out by: name the rows with --holdout".into()))
}

fn judge(table: &Table, law: &Law, splits: &[(Table, Table)], options: &Options) -> Candidate {
    let mut candidate = Candidate {
        law: law.info().name.clone(),
        holdout_mean_abs_rel_error: None,
        holdout_max_abs_rel_error: None,
        holdout_rows: 0,
        aicc: None,
        coefficients: law.info().coefficients.len(),
        status: Status::Ok,
        reasons: Vec::new(),
    };
    let plain = Options { holdout: None, ..options.clone() };
    let refuse = |candidate: &mut Candidate, reasons: Vec<Finding>| {
        candidate.status = Status::Refused;
        candidate.reasons = reasons;
    };
    let failed = |error: LawError| vec![Finding { code: "unusable".into(), message: error.to_string() }];
    // A fit that was forced against reasons may still have no coefficients.
    let usable = |fit: &Fit| fit.is_ok() && fit.point().len() == law.info().coefficients.len();
    let against = |fit: Fit| if fit.reasons.is_empty() { fit.forced } else { fit.reasons };
    match law.fit(table, &plain) {
        Ok(fit) if usable(&fit) => candidate.aicc = aicc(&fit, options),
        Ok(fit) => refuse(&mut candidate, against(fit)),
        Err(error) => {
            refuse(&mut candidate, failed(error));
            return candidate;
        }
    }
    let mut errors: Vec<(f64, f64, usize)> = Vec::new();
    for (small, large) in splits {
        let judged = law.fit(small, &plain).and_then(|fit| {
            let held = prepare(
                law.info(),
                large.clone(),
                &plain,
                options.objective.unwrap_or(Objective::LOG_HUBER),
                &mut Findings::default(),
            )?;
            Ok((fit, held.data))
        });
        match judged {
            Ok((fit, held)) if usable(&fit) && held.rows() > 0 => {
                let h = holdout(law.form(), &fit.point(), &held);
                errors.push((h.mean_abs_rel_error * h.rows as f64, h.max_abs_rel_error, h.rows));
            }
            Ok((fit, _)) if !usable(&fit) && candidate.status == Status::Ok => refuse(&mut candidate, against(fit)),
            Err(error) if candidate.status == Status::Ok => refuse(&mut candidate, failed(error)),
            _ => {}
        }
    }
    candidate.holdout_rows = errors.iter().map(|e| e.2).sum();
    if candidate.holdout_rows > 0 && candidate.status == Status::Ok {
        candidate.holdout_mean_abs_rel_error =
            Some(errors.iter().map(|e| e.0).sum::<f64>() / candidate.holdout_rows as f64);
        candidate.holdout_max_abs_rel_error = Some(errors.iter().map(|e| e.1).fold(0.0, f64::max));
    }
    candidate
}

/// n-scaled log likelihood of the residuals, Laplace for robust objectives and Gaussian for squares, plus
/// the small-sample penalty (Hurvich & Tsai 1989).
fn aicc(fit: &Fit, options: &Options) -> Option<f64> {
    let model = fit.model.as_ref()?;
    let (n, k) = (fit.rows as f64, fit.coefficients.len() as f64 + 1.0);
    if n <= k + 1.0 {
        return None;
    }
    // Stored residuals are inflated by sqrt(n / (n - p)); take that back.
    let deflate = ((n - (k - 1.0)).max(1.0) / n).sqrt();
    let residuals = model.residuals.iter().map(|r| r * deflate);
    let count = model.residuals.len() as f64;
    let deviance = if options.objective.is_some_and(Objective::is_robust) {
        let scale = residuals.map(f64::abs).sum::<f64>() / count;
        2.0 * n * ((2.0 * scale).ln() + 1.0)
    } else {
        let variance = residuals.map(|r| r * r).sum::<f64>() / count;
        n * ((std::f64::consts::TAU * variance).ln() + 1.0)
    };
    Some(deviance + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0))
}
