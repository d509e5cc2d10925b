//! Is more pre-training text worth buying for a translation fine-tune (Isik et al. 2024, arXiv 2402.04177)?
//!
//! The law of quality holds only where the pre-training text suits the task. Where it does not, cross entropy still falls
//! with more text while BLEU falls or fluctuates; so the question is answered from quality alone, and refused where quality
//! does not rise in order.

use crate::rank::spearman;
use crate::trend::permutation_p;
use crate::{Fit, Law, LawError, Options};
use kleiber_core::rng::Rng;
use kleiber_core::stats::{mean, quantile_sorted, sorted};
use kleiber_core::table::{Cells, Column, Table};
use serde::Serialize;

/// A fine-tuned model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TransferRun {
    /// Tokens of pre-training; 0 for the model that was only fine-tuned.
    pub pretrain_tokens: f64,
    /// Tokens (or pairs) of fine-tuning; one number for all runs of a question.
    pub finetune_tokens: f64,
    /// BLEU or another quality, points of 100, on text that did not choose the checkpoint.
    pub quality: f64,
    /// Cross entropy of the same references, nats per token, where it was measured.
    pub loss: Option<f64>,
}

/// What more pre-training text does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alignment {
    /// Quality rises with the text, above the model without it.
    Aligned,
    /// Quality falls or fluctuates while cross entropy falls: the text does not suit the task.
    Misaligned,
    /// Quality is no better than without pre-training.
    Useless,
    /// The runs do not tell.
    Undecided,
}

/// The answer for one kind of text and one fine-tuning set.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// What more text does.
    pub alignment: Alignment,
    /// Rank correlation of quality with the amount of text.
    pub rho: f64,
    /// Permutation probability of a correlation as large.
    pub p: f64,
    /// Interval of the correlation over draws of the runs.
    pub rho_interval: (f64, f64),
    /// Rank correlation of cross entropy with the amount of text.
    pub loss_rho: Option<f64>,
    /// Mean quality without pre-training.
    pub baseline: Option<f64>,
    /// The law of quality, where it may be used.
    law: Option<(Law, Vec<f64>)>,
    fit: Option<Fit>,
    points: usize,
}

/// Fewest different amounts of text for a law.
const AMOUNTS: usize = 4;
/// Correlation from which quality is called monotone.
const MONOTONE: f64 = 0.8;
/// Draws of the runs for the interval of the correlation.
const DRAWS: u32 = 1000;

impl Transfer {
    /// The verdict on runs of one fine-tuning set, and the law of quality where it is aligned.
    ///
    /// # Errors
    /// [`LawError::Request`] for runs of several fine-tuning sets, a quality outside 0 to 100 or all below 1 (a share
    /// instead of points), or fewer than three amounts of text.
    pub fn of(runs: &[TransferRun], options: &Options) -> Result<Self, LawError> {
        check(runs)?;
        let pretrained: Vec<&TransferRun> = runs.iter().filter(|r| r.pretrain_tokens > 0.0).collect();
        let without: Vec<f64> = runs.iter().filter(|r| r.pretrain_tokens == 0.0).map(|r| r.quality).collect();
        let baseline = (!without.is_empty()).then(|| mean(&without));
        let (amounts, quality) = means(&pretrained, |r| Some(r.quality));
        let rho = spearman(&amounts, &quality);
        let rho = if rho.is_nan() { 0.0 } else { rho };
        let (p, _) = permutation_p(&amounts, &quality, options.seed);
        let (at, losses) = means(&pretrained, |r| r.loss);
        let loss_rho = (at.len() >= 3).then(|| spearman(&at, &losses)).filter(|r| r.is_finite());
        let best = quality.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let spread = scatter(&pretrained, &amounts);
        let gains = baseline.is_none_or(|b| best > b + 2.0 * spread);
        let alignment = match () {
            () if !gains => Alignment::Useless,
            () if rho >= MONOTONE => Alignment::Aligned,
            () if loss_rho.is_some_and(|r| r <= -MONOTONE) => Alignment::Misaligned,
            () => Alignment::Undecided,
        };
        let mut found = Self {
            alignment,
            rho,
            p,
            rho_interval: interval(&pretrained, options),
            loss_rho,
            baseline,
            law: None,
            fit: None,
            points: amounts.len(),
        };
        if alignment == Alignment::Aligned && amounts.len() >= AMOUNTS {
            let column = |name: &str, of: &dyn Fn(&TransferRun) -> f64| Column {
                name: name.into(),
                cells: Cells::Number(pretrained.iter().map(|r| of(r)).collect()),
            };
            let columns = vec![column("pretrain_tokens", &|r| r.pretrain_tokens), column("bleu", &|r| r.quality)];
            let law = Law::named("transfer-quality")?;
            // A search along the ridge of its coefficients is no reason to refuse a prediction.
            let fit = law.fit(&Table::new("runs", columns)?, options)?;
            let c: Vec<f64> = fit.coefficients.values().filter_map(|e| e.value).collect();
            if fit.is_ok() && c.len() == 3 {
                found.law = Some((law, c));
            }
            found.fit = Some(fit);
        }
        Ok(found)
    }

    /// The fitted law with its intervals and findings.
    pub fn fit(&self) -> Option<&Fit> {
        self.fit.as_ref()
    }

    /// The law, or why there is none.
    fn law(&self) -> Result<(&Law, &[f64]), LawError> {
        if let Some((law, c)) = &self.law {
            return Ok((law, c));
        }
        let rho = self.rho;
        Err(LawError::Request(match self.alignment {
            Alignment::Misaligned => format!(
                "quality does not rise with this text (rank correlation {rho:.2}) although cross entropy falls: the text does not suit the \
                 task, and no amount of it can be planned; try text nearer to the task, or a mixture"
            ),
            Alignment::Useless => {
                "quality is no better than without pre-training: at this size of the fine-tuning set the text is not worth buying".into()
            }
            Alignment::Undecided => format!("quality does not rise in order (rank correlation {rho:.2}); add amounts of text or seeds"),
            Alignment::Aligned if self.points < AMOUNTS => {
                format!("{} amounts of text show that quality rises, not how it goes on; at least {AMOUNTS} are needed", self.points)
            }
            Alignment::Aligned => {
                let why = self.fit.as_ref().and_then(|f| f.reasons.first()).map_or(String::new(), |r| format!(": {}", r.message));
                format!("the law of quality could not be fitted{why}")
            }
        }))
    }

    /// Quality at an amount of text, and whether it is beyond what a score of 100 points allows: the law has no bound.
    ///
    /// # Errors
    /// [`LawError::Request`] where the law may not be used; the message says why.
    pub fn quality(&self, tokens: f64) -> Result<(f64, bool), LawError> {
        let (law, c) = self.law()?;
        let quality = law.predict(c, &[tokens]);
        Ok((quality, quality > 100.0))
    }

    /// Points of quality per further token at an amount of text.
    ///
    /// # Errors
    /// As [`Self::quality`].
    pub fn marginal(&self, tokens: f64) -> Result<f64, LawError> {
        let (_, c) = self.law()?;
        let u = c[0] + c[1] * tokens.ln();
        Ok(c[2] * u.powf(c[2] - 1.0) * c[1] / tokens)
    }

    /// The text it takes to reach a quality.
    ///
    /// # Errors
    /// As [`Self::quality`], and for a quality above 100 points.
    pub fn tokens_for(&self, quality: f64) -> Result<f64, LawError> {
        let (_, c) = self.law()?;
        if !(quality > 0.0 && quality <= 100.0) {
            return Err(LawError::Request(format!("a quality of {quality} is not between 0 and 100 points")));
        }
        Ok(((quality.powf(1.0 / c[2]) - c[0]) / c[1]).exp())
    }

    /// The amount of text at which a further point of quality costs as much by text, at `price` per token, as by more pairs
    /// for fine-tuning, at `per_point` for a point: below it text is cheaper. Where even the first text is dearer, the answer
    /// is 0; the marginal gain falls with the amount, as long as the law is concave there.
    ///
    /// # Errors
    /// As [`Self::quality`], and for prices that are not positive.
    pub fn break_even(&self, price: f64, per_point: f64) -> Result<f64, LawError> {
        let (_, c) = self.law()?;
        if !(price > 0.0 && per_point > 0.0) {
            return Err(LawError::Request("prices must be positive".into()));
        }
        // From where the gain per token falls: u > beta - 1 in d/dD (u^(beta-1) / D) < 0, with u = ln A + alpha ln D.
        let first = ((c[1] * (c[2] - 1.0)).max(1e-3) - c[0]) / c[1];
        let (mut low, mut high) = (first, first + 200.0);
        let cheaper = |ln: f64| self.marginal(ln.exp()).map(|gain| price / gain <= per_point);
        if !cheaper(low)? {
            return Ok(0.0);
        }
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if cheaper(middle)? { low = middle } else { high = middle }
        }
        Ok(low.exp())
    }
}

fn check(runs: &[TransferRun]) -> Result<(), LawError> {
    let fail = |why: String| Err(LawError::Request(why));
    if let Some(other) = runs.iter().find(|r| r.finetune_tokens != runs[0].finetune_tokens) {
        let (one, two) = (runs[0].finetune_tokens, other.finetune_tokens);
        return fail(format!(
            "runs of several fine-tuning sets ({one} and {two} tokens): each has its own law, so ask for one at a time"
        ));
    }
    if let Some(bad) = runs
        .iter()
        .find(|r| !(0.0..=100.0).contains(&r.quality) || r.pretrain_tokens.is_nan() || r.pretrain_tokens < 0.0)
    {
        return fail(format!(
            "a quality of {} after {} tokens is not between 0 and 100 points",
            bad.quality, bad.pretrain_tokens
        ));
    }
    if !runs.is_empty() && runs.iter().all(|r| r.quality <= 1.0) {
        return fail("every quality is 1 or less: BLEU is wanted in points of 100, not as a share".into());
    }
    let mut amounts: Vec<f64> = runs.iter().map(|r| r.pretrain_tokens).filter(|d| *d > 0.0).collect();
    amounts.sort_by(f64::total_cmp);
    amounts.dedup();
    if amounts.len() < 3 {
        return fail(format!(
            "{} amounts of pre-training text say nothing about more of it; at least three are needed",
            amounts.len()
        ));
    }
    Ok(())
}

/// Amounts of text in order, and the mean of what was measured at each.
fn means(runs: &[&TransferRun], of: impl Fn(&TransferRun) -> Option<f64>) -> (Vec<f64>, Vec<f64>) {
    let mut amounts: Vec<f64> = runs.iter().filter(|r| of(r).is_some()).map(|r| r.pretrain_tokens).collect();
    amounts.sort_by(f64::total_cmp);
    amounts.dedup();
    let at = |d: &f64| mean(&runs.iter().filter(|r| r.pretrain_tokens == *d).filter_map(|r| of(r)).collect::<Vec<_>>());
    let values = amounts.iter().map(at).collect();
    (amounts, values)
}

/// Standard deviation of quality between seeds of one amount; 0 without seeds.
fn scatter(runs: &[&TransferRun], amounts: &[f64]) -> f64 {
    let (mut squares, mut freedom) = (0.0, 0.0);
    for amount in amounts {
        let all: Vec<f64> = runs.iter().filter(|r| r.pretrain_tokens == *amount).map(|r| r.quality).collect();
        squares += all.iter().map(|q| (q - mean(&all)).powi(2)).sum::<f64>();
        freedom += all.len() as f64 - 1.0;
    }
    if freedom > 0.0 { (squares / freedom).sqrt() } else { 0.0 }
}

fn interval(runs: &[&TransferRun], options: &Options) -> (f64, f64) {
    let once = |draw: u32| {
        let mut rng = Rng::new(options.seed, "transfer", draw);
        let picked: Vec<&TransferRun> = (0..runs.len()).map(|_| runs[rng.below(runs.len())]).collect();
        let (amounts, quality) = means(&picked, |r| Some(r.quality));
        spearman(&amounts, &quality)
    };
    let drawn = sorted(&(0..DRAWS).map(once).collect::<Vec<_>>());
    let tail = 0.5 * (1.0 - options.level);
    (quantile_sorted(&drawn, tail), quantile_sorted(&drawn, 1.0 - tail))
}
