//! Parameters, pretraining tokens and text to search: what a datastore is worth against more pretraining.

use super::answer::{Answer, Rows, Value};
use super::compute::{ComputeRequest, plan_compute};
use crate::datastore::{Curve, ENDS, LARGEST, RETRIEVER, building};
use crate::reason::Reason;
use crate::{Fit, Law, LawError};

/// What is asked.
#[derive(Debug, Clone)]
pub struct DatastoreRequest {
    /// Parameters of the language model.
    pub params: f64,
    /// Pretraining tokens.
    pub tokens: f64,
    /// Tokens of the datastore.
    pub datastore_tokens: f64,
    /// Parameters of the retriever that embeds it.
    pub retriever: f64,
    /// Nats per token gained by [`DatastoreRequest::gain_at`] tokens; the published gain of LLaMA-2 7B when none is given.
    pub gain: Option<f64>,
    /// Datastore of that gain.
    pub gain_at: f64,
    /// Datastore that gains nothing; two values of it span the answer when none is given.
    pub nothing: Option<f64>,
    /// A fit of the datastore law to own runs of this model, in nats per token.
    pub curve: Option<Fit>,
    /// A fit of a law of parameters and tokens; the published Chinchilla law when none is given.
    pub fit: Option<Fit>,
}

impl Default for DatastoreRequest {
    fn default() -> Self {
        Self {
            params: 7e9,
            tokens: 2e12,
            datastore_tokens: LARGEST,
            retriever: RETRIEVER,
            gain: None,
            gain_at: LARGEST,
            nothing: None,
            curve: None,
            fit: None,
        }
    }
}

/// The law of the model without a datastore.
const LOSS_LAW: &str = "chinchilla/besiroglu";
/// Datastores that are taken to gain nothing, the middle first, when none is given: nobody printed where a curve begins.
const NOTHING: [f64; 3] = [1e8, 1e6, 1e10];
/// Rows of the table, in tokens of the datastore.
const SIZES: [f64; 5] = [0.0, 1.4e10, 1.4e11, 1.4e12, 1.4e13];
/// Passages put before a prompt, and their length in words (Shao et al. 2024).
const PASSAGES: f64 = 3.0 * 256.0;
/// Tokens of an English word.
const TOKENS_PER_WORD: f64 = 4.0 / 3.0;

/// Loss with a datastore, what it costs, and the pretraining that would do the same.
///
/// # Errors
/// [`LawError::Request`] for sizes that are not positive and fits of other laws.
pub fn plan_datastore(request: &DatastoreRequest) -> Result<Answer, LawError> {
    let sizes = [request.params, request.tokens, request.datastore_tokens, request.retriever, request.gain_at];
    if sizes.iter().any(|v| !(*v > 0.0 && v.is_finite())) {
        return Err(LawError::Request("params, tokens and the datastore's tokens must be positive".into()));
    }
    let fit = match &request.fit {
        Some(fit) => fit.clone(),
        None => Fit::published(LOSS_LAW)?,
    };
    let law = Law::of(&fit)?;
    if !["chinchilla", "over-training", "kaplan"].contains(&fit.law.as_str()) {
        return Err(LawError::Request(format!("{} is no law of parameters and tokens such as chinchilla", fit.law)));
    }
    let mut answer = Answer::new("datastore");
    answer.law(if request.fit.is_some() { fit.law.clone() } else { format!("paper:{LOSS_LAW}") });
    answer.law("datastore");
    let gains = Gains::of(request, &mut answer)?;
    answer.given("params", request.params);
    answer.given("tokens", request.tokens);
    answer.given("datastore_tokens", request.datastore_tokens);
    let loss = |n: f64, d: f64| law.predict(&fit.point(), &[n, d]);
    let alone = loss(request.params, request.tokens);
    let [gain, low, high] = gains.at(request.datastore_tokens);
    let pretraining = 6.0 * request.params * request.tokens;
    let building_flops = building(request.retriever, request.datastore_tokens);
    answer.set("loss_alone", alone);
    answer.set("loss_with_datastore", alone - gain);
    answer.set("gain", gain);
    answer.set("gain_low", low);
    answer.set("gain_high", high);
    answer.set("pretraining_flops", pretraining);
    answer.set("datastore_flops", building_flops);
    // What the model alone would take for the same loss.
    let reach = |f: &dyn Fn(f64) -> f64, from: f64| solve(f, from, alone - gain);
    let tokens = reach(&|d| loss(request.params, d), request.tokens);
    let params = reach(&|n| loss(n, request.tokens), request.params);
    answer.set("tokens_for_the_same_loss", tokens);
    answer.set("params_for_the_same_loss", params);
    answer.set("pretraining_flops_saved", tokens.map(|d| 6.0 * request.params * d - pretraining - building_flops));
    let prompt = PASSAGES * TOKENS_PER_WORD;
    answer.set("prompt_tokens_more", prompt);
    answer.set("serving_flops_more_per_request", 2.0 * request.params * prompt);
    answer.assume("building costs 2 FLOP per parameter of the retriever and token, pretraining 6; a flat index costs nothing more");
    answer.assume("the gain is the same for every model; small models gain more in facts, and reasoning gains little (Shao et al. 2024)");
    answer.assume("three passages of 256 words go before each prompt, 4/3 tokens to a word");
    if request.datastore_tokens > request.gain_at {
        let factor = request.datastore_tokens / request.gain_at;
        answer.warn(Reason::Extrapolation { quantity: "the largest datastore measured".into(), factor });
    }
    answer.table = Some(table(request, &fit, &gains, pretraining + building_flops)?);
    tasks(&mut answer, request, &gains);
    Ok(answer)
}

/// Gains by datastore: the middle and two ends.
struct Gains([Curve; 3]);

impl Gains {
    fn of(request: &DatastoreRequest, answer: &mut Answer) -> Result<Self, LawError> {
        if let Some(fit) = &request.curve {
            if fit.law != "datastore" {
                return Err(LawError::Request(format!("{} is no fit of the datastore law", fit.law)));
            }
            // y = a + b log10 D in nats falls from where it meets the smallest datastore of the fit.
            let slope = fit.point()[1];
            let range = fit.model.as_ref().and_then(|m| m.ranges.get("datastore_tokens").copied());
            let (low, high) = range.ok_or_else(|| LawError::Request("the curve has no range of datastores".into()))?;
            answer.assume("the gain counts from the smallest datastore of the curve, which is taken for none");
            return Ok(Self([Curve::new(-slope * (high / low).log10(), high, low)?; 3]));
        }
        let published = (ENDS[0].alone / ENDS[0].with).ln();
        let gain = request.gain.unwrap_or(published);
        if request.gain.is_none() {
            answer.assume(format!(
                "1.4T tokens gain {published:.3} nats per token, LLaMA-2 7B on RedPajama (perplexity 4.09 to 3.50; S2ORC 0.089), of which decontamination takes a part"
            ));
        }
        let curves = match request.nothing {
            Some(nothing) => [Curve::new(gain, request.gain_at, nothing)?; 3],
            None => {
                answer.assume("gains grow in a straight line with the logarithm of the datastore, from nothing at 1e8 tokens; low and high start at 1e10 and 1e6, as nobody printed where the curve begins");
                let [middle, small, large] = NOTHING.map(|nothing| Curve::new(gain, request.gain_at, nothing));
                [middle?, small?, large?]
            }
        };
        Ok(Self(curves))
    }

    /// The gain, and the least and most it may be.
    fn at(&self, datastore_tokens: f64) -> [f64; 3] {
        let all = self.0.map(|c| c.of(datastore_tokens));
        [
            all[0],
            all.iter().copied().fold(f64::INFINITY, f64::min),
            all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ]
    }
}

/// Where a falling function of a size reaches `target`, from `from` up; nothing when no size does.
fn solve(f: &dyn Fn(f64) -> f64, from: f64, target: f64) -> Option<f64> {
    let (mut low, mut high) = (from.ln(), from.ln() + 40.0);
    if f(high.exp()) > target {
        return None;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if f(middle.exp()) > target { low = middle } else { high = middle }
    }
    Some(high.exp())
}

/// The same total compute split otherwise: a datastore, and the best model for what it leaves.
fn table(request: &DatastoreRequest, fit: &Fit, gains: &Gains, total: f64) -> Result<Rows, LawError> {
    let mut rows = Rows::new(&["datastore tokens", "its share of compute", "params", "tokens", "loss"]);
    let mut sizes: Vec<f64> = SIZES.iter().copied().chain([request.datastore_tokens]).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for datastore in sizes {
        let cost = building(request.retriever, datastore);
        if cost >= total {
            continue;
        }
        let compute = ComputeRequest { flops: Some(total - cost), level: 0.95, ..ComputeRequest::default() };
        let plan = plan_compute(fit, &compute)?;
        let loss = plan.loss.value.map(|l| l - gains.at(datastore)[0]);
        let row: [Value; 5] =
            [datastore.into(), (cost / total).into(), plan.params.value.into(), plan.tokens.value.into(), loss.into()];
        rows.push(row.to_vec());
    }
    Ok(rows)
}

/// The printed tasks of LLaMA-2 7B at this datastore, unless the gain is the user's own.
fn tasks(answer: &mut Answer, request: &DatastoreRequest, gains: &Gains) {
    if request.gain.is_some() || request.curve.is_some() {
        return;
    }
    let share = |i: usize| gains.0[i].of(request.datastore_tokens) / gains.0[i].gain;
    for (name, ends) in
        [("triviaqa_llama2_7b", ENDS[2]), ("natural_questions_llama2_7b", ENDS[3]), ("mmlu_llama2_7b", ENDS[4])]
    {
        answer.set(name, ends.alone + (ends.with - ends.alone) * share(0));
    }
    answer.assume("tasks are those of LLaMA-2 7B, in percent, on the same line in the logarithm: 64.1, 26.6 and 45.8 without a datastore");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::simulate::scatter;

    fn number(answer: &Answer, name: &str) -> f64 {
        answer.number(name).unwrap_or_else(|| panic!("no {name}: {answer:?}"))
    }

    #[test]
    fn the_published_ends() {
        let answer = plan_datastore(&DatastoreRequest::default()).unwrap();
        // ln(4.09 / 3.50), whatever the beginning of the curve.
        assert!((number(&answer, "gain") - 0.155_78).abs() < 1e-4);
        assert_eq!(
            (number(&answer, "gain_low"), number(&answer, "gain_high")),
            (number(&answer, "gain"), number(&answer, "gain"))
        );
        assert!((number(&answer, "datastore_flops") / 5.0e20 - 1.0).abs() < 0.01);
        assert!(
            (number(&answer, "triviaqa_llama2_7b") - 77.0).abs() < 1e-9
                && (number(&answer, "mmlu_llama2_7b") - 49.3).abs() < 1e-9
        );
        assert!(number(&answer, "params_for_the_same_loss") > 7e9 && answer.warnings.is_empty());
        // 7B on 2T tokens is 8.4e22 FLOP; the datastore is cheap beside it.
        assert!(number(&answer, "pretraining_flops") > 100.0 * number(&answer, "datastore_flops"));
    }

    #[test]
    fn smaller_datastores_gain_less_and_say_how_unsure_they_are() {
        let at =
            |d: f64| plan_datastore(&DatastoreRequest { datastore_tokens: d, ..DatastoreRequest::default() }).unwrap();
        let (small, large) = (at(1e10), at(1e12));
        assert!(number(&small, "gain") < number(&large, "gain"));
        assert!(number(&small, "gain_low") == 0.0 && number(&small, "gain_high") > number(&small, "gain"));
        assert_eq!(at(1.4e13).warnings[0].code, "extrapolation");
        // In the table loss falls with the datastore while it costs little.
        let losses: Vec<f64> = large
            .table
            .unwrap()
            .rows
            .iter()
            .map(|r| match r[4] {
                Value::Number(v) => v,
                _ => f64::NAN,
            })
            .collect();
        assert!(losses.windows(2).all(|w| w[1] < w[0]), "{losses:?}");
    }

    #[test]
    fn own_curves_replace_the_published_gain() {
        let law = Law::named("datastore").unwrap();
        let rows = scatter(&law, &[3.0, -0.02], &[(1e9, 1e12)], 20, 0.0, 1);
        let curve = law.fit(&rows, &Options { bootstrap: 0, ..Options::default() }).unwrap();
        assert!(curve.is_ok(), "{:?}", curve.reasons);
        assert!((curve.value("b").unwrap() + 0.02).abs() < 1e-6);
        let request =
            DatastoreRequest { curve: Some(curve.clone()), datastore_tokens: 1e11, ..DatastoreRequest::default() };
        let answer = plan_datastore(&request).unwrap();
        let (low, _) = curve.model.as_ref().unwrap().ranges["datastore_tokens"];
        assert!((number(&answer, "gain") - 0.02 * (1e11 / low).log10()).abs() < 1e-6, "{answer:?}");
        assert!(answer.number("triviaqa_llama2_7b").is_none());
        let other = Fit::published("batch/step-law").unwrap();
        assert!(plan_datastore(&DatastoreRequest { curve: Some(other.clone()), ..request.clone() }).is_err());
        assert!(plan_datastore(&DatastoreRequest { fit: Some(other), ..request.clone() }).is_err());
        assert!(plan_datastore(&DatastoreRequest { datastore_tokens: -1.0, ..request.clone() }).is_err());
        assert!(plan_datastore(&DatastoreRequest { nothing: Some(1e13), curve: None, ..request }).is_err());
    }
}
