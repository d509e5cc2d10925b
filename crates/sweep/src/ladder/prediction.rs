//! What is said of the target before it is trained: from the small runs alone, with a hash and a time.

use super::{Rung, baseline, trajectory};
use crate::SweepError;
use indexmap::IndexMap;
use kleiber_core::CoreError;
use kleiber_core::stats::{mean, normal_quantile};
use kleiber_core::table::Table;
use kleiber_data::ContentHash;
use kleiber_laws::compare::{Candidate, Comparison, compare};
use kleiber_laws::{Fit, Law, Options, Status};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Laws that may predict, by how well they extrapolate among the rungs.
const LAWS: [&str; 3] = ["chinchilla", "over-training", "kaplan"];
/// Laws whose errors are within this factor of the best one's are too close to call.
const CLOSE: f64 = 0.8;
/// Nominal coverage of intervals.
const LEVEL: f64 = 0.95;

/// What is said of the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Always `kleiber.ladder-prediction/1`.
    pub schema: String,
    /// Seconds since 1970 when it was made.
    pub made: u64,
    /// Hash of the time and everything below: whoever has it can tell that nothing was changed later.
    pub hash: String,
    /// The claim itself.
    #[serde(flatten)]
    pub claim: Claim,
}

/// A prediction without its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The law.
    pub law: String,
    /// Its coefficients.
    pub coefficients: IndexMap<String, f64>,
    /// Hash of the rows it was fitted to.
    pub rows: String,
    /// The run that is predicted.
    pub target: Rung,
    /// FLOP of that run.
    pub flops: f64,
    /// Times the most expensive run that was fitted.
    pub times_beyond: f64,
    /// Loss in nats per token.
    pub value: f64,
    /// Lower end of the interval: that of the law with the scatter of a run, and no nearer than the law's errors when
    /// fitted to cheaper rungs and judged on dearer ones.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Nominal coverage of the interval.
    pub level: f64,
    /// Standard deviation of the loss between runs that differ in their seed alone, from the repeated rungs.
    pub noise: Option<f64>,
    /// What simpler rules say, by their name.
    pub baselines: IndexMap<String, f64>,
    /// Loss on the way: pairs of tokens and nats per token.
    pub trajectory: Vec<(f64, f64)>,
}

/// A prediction with the fit behind it.
#[derive(Debug)]
pub struct Forecast {
    /// Laws by how well they extrapolate.
    pub comparison: Comparison,
    /// The fit of the law that predicts.
    pub fit: Fit,
    /// What it says.
    pub claim: Claim,
}

/// Predicts the target from the rows of rungs; `curves` holds their losses on the way and `at` the tokens at which the
/// target's are wanted.
///
/// # Errors
/// [`SweepError::Law`]; [`SweepError::Ladder`] when no law can be fitted.
pub(super) fn forecast(
    rows: &Table,
    curves: &trajectory::Curves,
    (target, flops): (Rung, f64),
    seed: u64,
) -> Result<Forecast, SweepError> {
    let laws = LAWS.map(Law::named).into_iter().collect::<Result<Vec<_>, _>>()?;
    let options = Options { seed, ..Options::default() };
    // A coefficient that half the rungs leave open does not keep a law from extrapolating.
    let comparison = compare(rows, &laws, &Options { force: true, ..options.clone() })?;
    let mut refused = Vec::new();
    let ranked = ranking(&comparison.laws);
    let ranked = ranked.into_iter().filter_map(|c| laws.iter().find(|law| law.info().name == c.law));
    let mut found = None;
    for law in ranked {
        let fit = law.fit(rows, &options)?;
        if fit.status == Status::Ok {
            found = Some(fit);
            break;
        }
        refused.extend(fit.reasons.iter().map(|r| format!("{}: {}", fit.law, r.message)));
    }
    let Some(fit) = found else {
        return Err(SweepError::Ladder {
            why: refused.join("; "),
            hint: "add rungs with --add-rungs, or give more tokens",
        });
    };
    let point: IndexMap<String, f64> =
        [("params".to_string(), target.params as f64), ("tokens".to_string(), target.tokens as f64)].into();
    let predicted = fit.predict(&[point], LEVEL, true)?.predictions.remove(0);
    let unusable = || SweepError::Ladder {
        why: format!("{} gives no number for the target", fit.law),
        hint: "add rungs with --add-rungs",
    };
    let value = predicted.value.ok_or_else(unusable)?;
    let (low, high) = predicted.low.zip(predicted.high).ok_or_else(unusable)?;
    let judged = comparison.laws.iter().find(|c| c.law == fit.law).and_then(|c| c.holdout_mean_abs_rel_error);
    let (low, high) = no_narrower((low, value, high), judged.unwrap_or(0.0));
    let (fitted, losses) = (rows.numbers("flops")?, rows.numbers("loss")?);
    let largest = fitted.iter().copied().fold(0.0, f64::max);
    let claim = Claim {
        law: fit.law.clone(),
        coefficients: fit.coefficients.keys().cloned().zip(fit.point()).collect(),
        rows: hash_of(rows),
        target,
        flops,
        times_beyond: flops / largest,
        value,
        low,
        high,
        level: LEVEL,
        noise: noise(rows)?,
        baselines: baseline::all(&fitted, &losses, flops),
        trajectory: curves.predict(&fit.law, target, value),
    };
    Ok(Forecast { comparison, fit, claim })
}

/// Laws in the order in which they may predict: those whose errors among the rungs are too close to call by the corrected
/// Akaike criterion, then the others by their errors.
fn ranking(laws: &[Candidate]) -> Vec<&Candidate> {
    let error = |c: &Candidate| c.holdout_mean_abs_rel_error.unwrap_or(f64::INFINITY);
    let best = laws.iter().map(error).fold(f64::INFINITY, f64::min);
    let criterion = |c: &Candidate| c.aicc.unwrap_or(f64::INFINITY);
    let (mut close, far): (Vec<_>, Vec<_>) = laws.iter().partition(|c| best > CLOSE * error(c));
    close.sort_by(|a, b| criterion(a).total_cmp(&criterion(b)));
    close.into_iter().chain(far).collect()
}

/// An interval that is at least as wide as the law's errors among the rungs say: the mean of |error| of a normal error is
/// sqrt(2/pi) of its standard deviation. Draws of the coefficients know nothing of a law that bends the wrong way.
fn no_narrower((low, value, high): (f64, f64, f64), mean_abs_rel_error: f64) -> (f64, f64) {
    let sd = mean_abs_rel_error / std::f64::consts::FRAC_2_PI.sqrt();
    let half = value * normal_quantile(0.5 + 0.5 * LEVEL) * sd;
    (low.min(value - half), high.max(value + half))
}

/// Pooled standard deviation of the loss among rows of equal size and tokens; nothing without any.
fn noise(rows: &Table) -> Result<Option<f64>, CoreError> {
    let (params, tokens, loss) = (rows.numbers("params")?, rows.numbers("tokens")?, rows.numbers("loss")?);
    let mut cells: std::collections::BTreeMap<(u64, u64), Vec<f64>> = Default::default();
    for ((n, d), l) in params.iter().zip(&tokens).zip(loss) {
        cells.entry((*n as u64, *d as u64)).or_default().push(l);
    }
    let (mut squares, mut freedom) = (0.0, 0);
    for cell in cells.values() {
        let mean = mean(cell);
        squares += cell.iter().map(|l| (l - mean).powi(2)).sum::<f64>();
        freedom += cell.len() - 1;
    }
    Ok((freedom > 0).then(|| (squares / freedom as f64).sqrt()))
}

/// A hash of the rows, but for how long they took.
fn hash_of(rows: &Table) -> String {
    let columns: Vec<_> = rows.columns().iter().filter(|c| c.name != "seconds").collect();
    let mut lines: Vec<String> =
        (0..rows.rows()).map(|row| columns.iter().map(|c| c.cells.text(row)).collect::<Vec<_>>().join("\t")).collect();
    lines.sort();
    ContentHash::of(lines.join("\n").as_bytes()).to_string()
}

impl Claim {
    fn hash(&self, made: u64) -> String {
        ContentHash::of(&serde_json::to_vec(&(made, self)).expect("a claim is plain data")).to_string()
    }
}

impl Prediction {
    /// The claim with the present time.
    pub fn now(claim: Claim) -> Self {
        let made = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
        Self { schema: "kleiber.ladder-prediction/1".into(), made, hash: claim.hash(made), claim }
    }

    /// All predictions that were written down in a file, the first first; none where there is no file.
    ///
    /// # Errors
    /// [`SweepError::Ladder`] when one was changed afterwards.
    pub fn read_all(path: &Path) -> Result<Vec<Self>, SweepError> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        let broken = |why: String| SweepError::Ladder {
            why: format!("{}: {why}", path.display()),
            hint: "a prediction is worth nothing once it is changed; start again in another --out",
        };
        let bytes = kleiber_core::guard::load_small(path, 16 << 20)?;
        let all: Vec<Self> = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
        match all.iter().find(|p| p.hash != p.claim.hash(p.made)) {
            Some(p) => Err(broken(format!(
                "the prediction of hash {} is not what was written then",
                &p.hash[..12.min(p.hash.len())]
            ))),
            None => Ok(all),
        }
    }

    /// Writes all predictions down.
    ///
    /// # Errors
    /// [`CoreError::Io`].
    pub fn write_all(path: &Path, all: &[Self]) -> Result<(), CoreError> {
        kleiber_core::atomic::write(path, &serde_json::to_vec_pretty(all).expect("predictions are plain data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_that_are_too_close_to_call_are_ordered_by_what_they_cost() {
        let law = |name: &str, error: Option<f64>, aicc: f64| Candidate {
            law: name.into(),
            holdout_mean_abs_rel_error: error,
            holdout_max_abs_rel_error: error,
            holdout_rows: 11,
            aicc: Some(aicc),
            coefficients: 4,
            status: Status::Ok,
            reasons: Vec::new(),
        };
        let order = |laws: &[Candidate]| ranking(laws).iter().map(|c| c.law.clone()).collect::<Vec<_>>();
        let (a, b, c) = (law("a", Some(0.0219), -37.4), law("b", Some(0.0220), -53.4), law("c", Some(0.0221), -48.7));
        assert_eq!(order(&[a.clone(), b.clone(), c]), ["b", "c", "a"]);
        let far = law("d", Some(0.03), -99.0);
        assert_eq!(order(&[a, b, far, law("e", None, -99.0)]), ["b", "a", "d", "e"]);
    }

    #[test]
    fn an_interval_is_as_wide_as_the_errors_of_the_law() {
        // A mean error of 1% is a standard deviation of 1.2533%, 2.4564% at 95%.
        let (low, high) = no_narrower((2.99, 3.0, 3.2), 0.01);
        assert!((low - 2.926_307).abs() < 1e-6 && high == 3.2, "{low} {high}");
        assert_eq!(no_narrower((2.9, 3.0, 3.2), 0.0), (2.9, 3.2));
    }
}
