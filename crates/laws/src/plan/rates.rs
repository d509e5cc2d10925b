//! Learning rate and batch of a run by every published law that its sizes allow.

use super::answer::{Answer, Rows, Value};
use crate::hyperparameters::{POWER_CAP, Tuned, power_schedule, step_batch};
use crate::published::Preset;
use crate::reason::Reason;
use crate::{Fit, Law, LawError};

/// What a learning rate or a batch is asked for.
#[derive(Debug, Clone, Default)]
pub struct RateRequest {
    /// Parameters without embeddings.
    pub params: f64,
    /// Training tokens.
    pub tokens: f64,
    /// Tokens per step; the step law's when none is given.
    pub batch: Option<f64>,
    /// Loss that the run will reach, in nats per token; the Chinchilla law's when none is given.
    pub loss: Option<f64>,
    /// Sequence length in tokens, for batches counted in sequences.
    pub context: Option<f64>,
    /// A tuned run to scale from.
    pub from: Option<Tuned>,
    /// A fit of own runs, of one of the laws of rate or batch, that answers in place of the step law.
    pub fit: Option<Fit>,
    /// The preset that answers in place of the step law.
    pub preset: Option<String>,
}

/// The law that predicts the loss of a run when none is given.
const LOSS_LAW: &str = "chinchilla/besiroglu";
/// Beyond this multiple of a law's range its answer carries a warning.
const FAR: f64 = 10.0;

/// The peak learning rate, and the power schedule's rate at 1% of the tokens and before a decay over the last tenth: by the step law unless another law is named, with what the others say beside it.
///
/// # Errors
/// [`LawError::Request`] for sizes that are not positive and laws that do not answer in rates.
pub fn plan_lr(request: &RateRequest) -> Result<Answer, LawError> {
    let mut sizes = Sizes::of(request)?;
    let mut answer = Answer::new("lr");
    sizes.note(&mut answer, request);
    let batch = sizes.batch(&mut answer);
    let (name, lr) = chosen(request, &sizes, "lr", "rate/step-law", &mut answer)?;
    answer.law(name);
    if request.preset.is_none() && request.fit.is_none() {
        answer.assume("AdamW with a cosine or WSD schedule; the step law was fitted to 60M to 1B parameters");
        answer.assume(
            "the rate is for a model without muP; under muP multiply hidden matrices' rates by base width over width",
        );
    }
    answer.set("lr", lr);
    if let Some(tuned) = &request.from {
        let scaled = tuned.scaled(sizes.tokens, request.batch)?;
        answer.set("lr_from_tuned_run", scaled.lr);
        answer.set("batch_from_tuned_run", scaled.batch);
        answer.set("decay_from_tuned_run", scaled.decay);
        answer.assume("from a tuned run the rate goes with the root of the batch and the decay keeps batch / (lr decay tokens) (Bergsma et al. 2025)");
    }
    answer.law("paper:rate-batch/power");
    let warmup = 0.01 * sizes.tokens;
    answer.set("power_schedule_at_1_percent", power_schedule(batch, warmup));
    answer.set("power_schedule_before_decay", power_schedule(batch, 0.9 * sizes.tokens));
    let mut rows = Rows::new(&["law", "lr", "within its range", "of"]);
    sizes.presets(&["rate", "rate-flops", "rate-batch"], |preset, law, value| {
        let of: Vec<&str> = law.info().variables.iter().map(|v| v.name.as_str()).collect();
        // The power schedule is a rate along the run and has no peak of its own but its cap.
        let value = if preset.name == "rate-batch/power" { value.min(POWER_CAP) } else { value };
        rows.push(vec![preset.name.into(), value.into(), sizes.inside(preset), of.join(", ").into()]);
    });
    answer.table = Some(rows);
    Ok(answer)
}

/// The batch: by the step law unless another law is named, with what the others say and what it costs against the
/// critical batch.
///
/// # Errors
/// As [`plan_lr`].
pub fn plan_batch(request: &RateRequest) -> Result<Answer, LawError> {
    let sizes = Sizes::of(request)?;
    let mut answer = Answer::new("batch");
    sizes.note(&mut answer, request);
    let (name, batch) = match request.batch {
        Some(batch) => ("the batch given".to_string(), batch),
        None => chosen(request, &sizes, "batch_tokens", "batch/step-law", &mut answer)?,
    };
    answer.law(name);
    answer.set("batch_tokens", batch);
    answer.set("sequences", request.context.map(|c| batch / c));
    answer.set("steps", sizes.tokens / batch);
    let (law, critical) = Preset::named("batch-loss/kaplan")?;
    let critical = critical.predict(&law, &[sizes.loss]);
    answer.set("loss", sizes.loss);
    answer.set("critical_batch_tokens", critical);
    // (S/S_min - 1)(E/E_min - 1) = 1 with B_crit = E_min/S_min.
    answer.set("tokens_against_least", 1.0 + batch / critical);
    answer.set("steps_against_least", 1.0 + critical / batch);
    answer.law("paper:batch-loss/kaplan");
    if request.loss.is_none() {
        answer.law(format!("paper:{LOSS_LAW}"));
    }
    if batch > critical {
        let what = format!(
            "the batch is {:.1} times the critical batch: beyond it more tokens per step save few steps, and rates no longer grow with it",
            batch / critical
        );
        answer.warn(Reason::Assumed { what });
    }
    answer
        .assume("the critical batch is that of WebText2 at the loss of the whole run; early in training it is smaller");
    if let Some(tuned) = &request.from {
        let scaled = tuned.scaled(sizes.tokens, None)?;
        answer.set("batch_from_tuned_run", scaled.batch);
        answer.assume("from a tuned run the batch goes with tokens^0.383 (Bergsma et al. 2025, Power Lines)");
    }
    let mut rows = Rows::new(&["law", "batch tokens", "within its range", "of"]);
    sizes.presets(&["batch", "batch-flops", "batch-loss"], |preset, law, value| {
        let of: Vec<&str> = law.info().variables.iter().map(|v| v.name.as_str()).collect();
        rows.push(vec![preset.name.into(), value.into(), sizes.inside(preset), of.join(", ").into()]);
    });
    answer.table = Some(rows);
    Ok(answer)
}

/// The sizes of a run by the names of columns.
struct Sizes {
    params: f64,
    tokens: f64,
    batch: Option<f64>,
    loss: f64,
}

impl Sizes {
    fn of(request: &RateRequest) -> Result<Self, LawError> {
        let positive = |name: &str, v: f64| {
            if v > 0.0 && v.is_finite() {
                Ok(v)
            } else {
                Err(LawError::Request(format!("{name} is {v}: a positive number is needed")))
            }
        };
        let params = positive("params", request.params)?;
        let tokens = positive("tokens", request.tokens)?;
        let batch = request.batch.map(|b| positive("batch", b)).transpose()?;
        request.context.map(|c| positive("context", c)).transpose()?;
        if let Some(batch) = batch.filter(|b| *b > tokens) {
            return Err(LawError::Request(format!("one step of {batch} tokens is more than the run's {tokens}")));
        }
        let loss = match request.loss {
            Some(loss) => positive("loss", loss)?,
            None => {
                let (law, preset) = Preset::named(LOSS_LAW)?;
                preset.predict(&law, &[params, tokens])
            }
        };
        Ok(Self { params, tokens, batch, loss })
    }

    fn note(&self, answer: &mut Answer, request: &RateRequest) {
        answer.given("params", self.params);
        answer.given("tokens", self.tokens);
        request.batch.iter().for_each(|b| answer.given("batch_tokens", *b));
        request.loss.iter().for_each(|l| answer.given("loss", *l));
        request.context.iter().for_each(|c| answer.given("context", *c));
    }

    /// The batch given, or the step law's, which is then noted.
    fn batch(&mut self, answer: &mut Answer) -> f64 {
        if self.batch.is_none() {
            let batch = step_batch(self.tokens);
            self.batch = Some(batch);
            answer.law("paper:batch/step-law");
            answer.assume(format!("the batch is the step law's {batch:.3e} tokens, as none is given"));
        }
        self.batch.unwrap_or(f64::NAN)
    }

    fn value(&self, column: &str) -> Option<f64> {
        match column {
            "params" | "params_matmul" | "params_total" => Some(self.params),
            "tokens" => Some(self.tokens),
            "flops" => Some(6.0 * self.params * self.tokens),
            "loss" => Some(self.loss),
            "batch_tokens" => self.batch,
            _ => None,
        }
    }

    fn row(&self, law: &Law) -> Option<Vec<f64>> {
        law.info().variables.iter().map(|v| self.value(&v.name)).collect()
    }

    /// Calls `each` with every preset of the laws of these names that the sizes allow.
    fn presets(&self, laws: &[&str], mut each: impl FnMut(&Preset, &Law, f64)) {
        for law in laws.iter().filter_map(|name| Law::named(name).ok()) {
            let Some(row) = self.row(&law) else { continue };
            law.info().published.presets.iter().for_each(|p| each(p, &law, p.predict(&law, &row)));
        }
    }

    /// How far the sizes are outside the published ranges of a preset: 1 inside, else the largest factor.
    fn beyond(&self, preset: &Preset) -> f64 {
        let law = Preset::named(preset.name).map(|(law, _)| law);
        let row = law.ok().and_then(|l| self.row(&l)).unwrap_or_default();
        let factor = |(v, (low, high)): (&f64, &(f64, f64))| {
            if *low > 0.0 { (low / v).max(v / high).max(1.0) } else { 1.0 }
        };
        row.iter().zip(preset.ranges).map(factor).fold(1.0, f64::max)
    }

    fn inside(&self, preset: &Preset) -> Value {
        if preset.ranges.iter().all(|r| r.0 <= 0.0) { "unknown".into() } else { (self.beyond(preset) <= 1.0).into() }
    }
}

/// The law that answers and what it says: a fit, a preset, or the default preset.
fn chosen(
    request: &RateRequest,
    sizes: &Sizes,
    response: &str,
    default: &str,
    answer: &mut Answer,
) -> Result<(String, f64), LawError> {
    if let Some(fit) = &request.fit {
        let law = Law::of(fit)?;
        let row = sizes.row(&law).filter(|_| law.info().response.name == response);
        let row = row.ok_or_else(|| unfit(&fit.law, response))?;
        return Ok((format!("{} fitted to {} rows", fit.law, fit.rows), law.predict(&fit.point(), &row)));
    }
    let (law, preset) = Preset::named(request.preset.as_deref().unwrap_or(default))?;
    let row = sizes.row(&law).filter(|_| law.info().response.name == response);
    let row = row.ok_or_else(|| unfit(preset.name, response))?;
    let factor = sizes.beyond(preset);
    if factor > FAR {
        answer.warn(Reason::Extrapolation { quantity: format!("the range of paper:{}", preset.name), factor });
    }
    if law.info().variables.iter().any(|v| v.name == "flops") {
        answer.assume(
            "compute is 6 FLOP per parameter and token; the DeepSeek laws count 72 L d^2 + 12 L d s per token instead",
        );
    }
    let value = preset.predict(&law, &row);
    if preset.name == "rate-batch/wsd" && value > POWER_CAP {
        answer.assume(format!("the rate is capped at {POWER_CAP}, as in the power scheduler"));
        return Ok((format!("paper:{}", preset.name), POWER_CAP));
    }
    Ok((format!("paper:{}", preset.name), value))
}

fn unfit(law: &str, response: &str) -> LawError {
    let laws = if response == "lr" { "rate, rate-flops or rate-batch" } else { "batch, batch-flops or batch-loss" };
    LawError::Request(format!("{law} does not give {response} of a run's sizes: name a set of {laws}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::simulate::scatter;

    fn run() -> RateRequest {
        RateRequest { params: 1e9, tokens: 1e11, ..RateRequest::default() }
    }

    #[test]
    fn the_step_law_answers_and_the_others_stand_beside_it() {
        let answer = plan_lr(&run()).unwrap();
        // 1.79 * 1e9^-0.713 * 1e11^0.307.
        assert!((answer.number("lr").unwrap() / 1.632_5e-3 - 1.0).abs() < 1e-3, "{answer:?}");
        assert_eq!(answer.laws, ["paper:batch/step-law", "paper:rate/step-law", "paper:rate-batch/power"]);
        let table = answer.table.unwrap();
        assert_eq!(table.rows.len(), 4);
        // DeepSeek at 6e20 FLOP: 0.3118 * 6e20^-0.125 = 7.88e-4.
        assert!(matches!(&table.rows[1][1], Value::Number(v) if (v / 7.88e-4 - 1.0).abs() < 2e-3), "{table:?}");
        assert!(answer.warnings.is_empty());
        let far = plan_lr(&RateRequest { params: 1e12, ..run() }).unwrap();
        assert_eq!(far.warnings[0].code, "extrapolation");
    }

    #[test]
    fn presets_and_tuned_runs_answer_too() {
        let wsd = RateRequest {
            preset: Some("paper:rate-batch/wsd".into()),
            batch: Some(4_194_304.0),
            tokens: 1e13,
            ..run()
        };
        // The paper's example.
        assert!((plan_lr(&wsd).unwrap().number("lr").unwrap() / 0.0011 - 1.0).abs() < 0.045);
        let capped = plan_lr(&RateRequest { tokens: 1e10, ..wsd.clone() }).unwrap();
        assert_eq!(capped.number("lr"), Some(0.02));
        let wrong = plan_lr(&RateRequest { preset: Some("batch/step-law".into()), ..run() }).unwrap_err().to_string();
        assert!(wrong.contains("does not give lr"), "{wrong}");
        let from = Tuned { tokens: 1e10, batch: 5e5, lr: 0.01, decay: Some(0.1) };
        let scaled = plan_lr(&RateRequest { from: Some(from), ..run() }).unwrap();
        let (batch, lr) = (scaled.number("batch_from_tuned_run").unwrap(), scaled.number("lr_from_tuned_run").unwrap());
        // 10^0.383 = 2.415 the batch.
        assert!((batch / 1.207_7e6 - 1.0).abs() < 1e-3 && (lr - 0.01 * (batch / 5e5).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_batch_is_weighed_against_the_critical_one() {
        let answer = plan_batch(&RateRequest { loss: Some(2.5), context: Some(2048.0), ..run() }).unwrap();
        let batch = answer.number("batch_tokens").unwrap();
        assert!((batch / 1.107_7e6 - 1.0).abs() < 1e-3);
        // 2.1e8 * 2.5^-4.7619 = 2.67e6.
        let critical = answer.number("critical_batch_tokens").unwrap();
        assert!((critical / 2.674e6 - 1.0).abs() < 2e-3, "{critical}");
        let (e, s) = (answer.number("tokens_against_least").unwrap(), answer.number("steps_against_least").unwrap());
        assert!(((e - 1.0) * (s - 1.0) - 1.0).abs() < 1e-12);
        assert!(
            (answer.number("sequences").unwrap() * 2048.0 / batch - 1.0).abs() < 1e-12 && answer.warnings.is_empty()
        );
        let large = plan_batch(&RateRequest { batch: Some(1e7), loss: Some(2.5), ..run() }).unwrap();
        assert!(large.warnings[0].message.contains("3.7 times the critical batch"), "{:?}", large.warnings);
    }

    #[test]
    fn own_fits_answer() {
        let law = Law::named("batch").unwrap();
        let table = scatter(&law, &[2.0, 0.5], &[(1e9, 1e12)], 12, 0.0, 0);
        let fit = law.fit(&table, &Options { bootstrap: 0, ..Options::default() }).unwrap();
        let answer = plan_batch(&RateRequest { fit: Some(fit.clone()), ..run() }).unwrap();
        assert!((answer.number("batch_tokens").unwrap() / 6.324_6e5 - 1.0).abs() < 1e-3, "{answer:?}");
        assert!(plan_lr(&RateRequest { fit: Some(fit), ..run() }).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(plan_lr(&RateRequest { params: 0.0, ..run() }).is_err());
        assert!(
            plan_batch(&RateRequest { batch: Some(2e11), ..run() })
                .unwrap_err()
                .to_string()
                .contains("more than the run")
        );
        assert!(plan_batch(&RateRequest { context: Some(-1.0), ..run() }).is_err());
    }
}
