//! How often to repeat a limited set of tokens, and when to stop.

use super::answer::{Answer, Rows, Value};
use super::compute::{ComputeRequest, plan_compute};
use crate::published::Preset;
use crate::reason::{Reason, Status};
use crate::repetition::{BEST_EPOCHS_RANGE, best_epochs, effective_tokens, epochs_at_worth, marginal_worth, recovered};
use crate::{Fit, Law, LawError};

/// What is asked: unique tokens and either a compute budget or a model with its epochs.
#[derive(Debug, Clone, Default)]
pub struct EpochsRequest {
    /// Different tokens there are.
    pub unique_tokens: f64,
    /// Training FLOP; the model size is then chosen.
    pub flops: Option<f64>,
    /// Parameters of a given model.
    pub params: Option<f64>,
    /// A fit of the data-constrained law, or of a law of parameters and tokens; the published one when none is given.
    pub fit: Option<Fit>,
}

/// The law behind a plan without a fit.
const LAW: &str = "data-constrained/muennighoff";
/// Rows of the table, in epochs.
const EPOCHS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Epochs, model size and loss for limited tokens.
///
/// # Errors
/// [`LawError::Request`] for a request without unique tokens or without budget and model, and for a fit that says nothing
/// about tokens.
pub fn plan_epochs(request: &EpochsRequest) -> Result<Answer, LawError> {
    let unique = request.unique_tokens;
    if !(unique >= 1.0 && unique.is_finite()) {
        return Err(LawError::Request(format!("{unique} unique tokens are none to repeat")));
    }
    let fit = match &request.fit {
        Some(fit) => fit.clone(),
        None => Fit::published(LAW)?,
    };
    let laws = Loss::of(&fit)?;
    let mut answer = Answer::new("epochs");
    answer.law(if request.fit.is_some() { fit.law.clone() } else { format!("paper:{LAW}") });
    answer.given("unique_tokens", unique);
    if request.fit.is_none() {
        answer.assume("losses are those of C4 in GPT-2's tokens, with dropout 0.1");
    }
    let (params, flops) = match (request.flops, request.params) {
        (Some(flops), None) => {
            answer.given("flops", flops);
            answer.assume("training costs 6 FLOP per parameter and token");
            let compute = ComputeRequest {
                flops: Some(flops),
                tokens_max: Some(unique),
                level: 0.95,
                ..ComputeRequest::default()
            };
            let plan = plan_compute(&fit, &compute)?;
            let params = plan.params.value.filter(|_| plan.status == Status::Ok);
            let refused = || {
                let why: Vec<&str> = plan.reasons.iter().map(|r| r.message.as_str()).collect();
                LawError::Request(format!("no model size for that budget: {}", why.join("; ")))
            };
            (params.ok_or_else(refused)?, flops)
        }
        (flops, Some(params)) if params > 0.0 && params.is_finite() => {
            answer.given("params", params);
            flops.iter().for_each(|f| answer.given("flops", *f));
            (params, flops.unwrap_or(6.0 * params * unique * best_epochs(params, unique)))
        }
        _ => return Err(LawError::Request("give --flops, --params, or both".into())),
    };
    let tokens = flops / (6.0 * params);
    let epochs = tokens / unique;
    answer.set("params", params);
    answer.set("tokens", tokens);
    answer.set("epochs", epochs);
    answer.set("effective_tokens", effective_tokens(tokens, unique, laws.r_d));
    answer.set("loss", laws.at(params, tokens, unique));
    answer.set("loss_with_fresh_tokens", laws.at(params, tokens, tokens.max(unique)));
    answer.set("worth_of_a_last_token", marginal_worth(epochs, laws.r_d));
    stop(&mut answer, &laws, params, epochs, unique)?;
    answer.table = Some(table(&laws, request.flops, params, unique));
    Ok(answer)
}

/// When to stop: where a token is worth half, and where runs turn up.
fn stop(answer: &mut Answer, laws: &Loss, params: f64, epochs: f64, unique: f64) -> Result<(), LawError> {
    answer.set("epochs_at_half_worth", epochs_at_worth(0.5, laws.r_d)?);
    let best = best_epochs(params, unique);
    answer.set("epochs_of_the_lowest_loss", best);
    answer.set("loss_there", laws.at(params, best.min(epochs.max(1.0)) * unique, unique));
    let ratio = params / unique;
    let (low, high) = BEST_EPOCHS_RANGE;
    if !(low..=high).contains(&ratio) {
        let factor = (low / ratio).max(ratio / high);
        answer.warn(Reason::Extrapolation { quantity: "parameters per unique token".into(), factor });
    }
    answer.assume(
        "runs turn up after 81 (parameters/unique tokens)^-0.81 epochs, fitted to the published runs on 100M tokens; right within 20% on 400M, twice too many on 1.5B",
    );
    if epochs > best {
        let dropout = 100.0 * recovered("dropout").unwrap_or(0.0);
        let what = format!(
            "the law only falls with more epochs, but published runs of this size turn up after about {best:.0}: stop there, take a smaller model or more text; dropout gave back {dropout:.0}% of what repetition cost (Xue et al. 2023)"
        );
        answer.warn(Reason::Assumed { what });
    }
    Ok(())
}

/// By epochs: at the budget the model that it leaves room for, else the given model.
fn table(laws: &Loss, flops: Option<f64>, params: f64, unique: f64) -> Rows {
    let mut rows = Rows::new(&["epochs", "params", "loss", "worth of a token", "turns up after"]);
    for epochs in EPOCHS {
        let params = flops.map_or(params, |c| c / (6.0 * epochs * unique));
        let row: [f64; 5] = [
            epochs,
            params,
            laws.at(params, epochs * unique, unique),
            marginal_worth(epochs, laws.r_d),
            best_epochs(params, unique),
        ];
        rows.push(row.into_iter().map(Value::from).collect());
    }
    rows
}

/// Loss by the data-constrained law, with the published worth of repetition for laws that have none.
struct Loss {
    law: Law,
    c: Vec<f64>,
    r_d: f64,
}

impl Loss {
    fn of(fit: &Fit) -> Result<Self, LawError> {
        let (law, published) = Preset::named(LAW)?;
        let c = match fit.law.as_str() {
            "data-constrained" => fit.point(),
            "chinchilla" => [fit.point().as_slice(), &published.coefficients[5..]].concat(),
            other => {
                return Err(LawError::Request(format!(
                    "{other} says nothing about repeated tokens: give a fit of data-constrained or chinchilla"
                )));
            }
        };
        Ok(Self { law, r_d: c[5], c })
    }

    fn at(&self, params: f64, tokens: f64, unique: f64) -> f64 {
        self.law.predict(&self.c, &[params, tokens, unique])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(answer: &Answer, name: &str) -> f64 {
        answer.number(name).unwrap_or_else(|| panic!("no {name}: {answer:?}"))
    }

    #[test]
    fn the_published_case() {
        // 9.3e21 FLOP and 25B tokens: 6.82B parameters for 9.1 epochs by the printed law (8.89B without the limit).
        let request = EpochsRequest { unique_tokens: 25e9, flops: Some(9.3e21), ..EpochsRequest::default() };
        let answer = plan_epochs(&request).unwrap();
        assert!((number(&answer, "params") / 6.82e9 - 1.0).abs() < 0.003, "{answer:?}");
        assert!((number(&answer, "epochs") / 9.09 - 1.0).abs() < 0.003);
        assert!((number(&answer, "loss") - 2.225_09).abs() < 1e-4);
        assert!(number(&answer, "loss_with_fresh_tokens") < number(&answer, "loss"));
        assert!(number(&answer, "effective_tokens") < number(&answer, "tokens"));
        assert_eq!(answer.laws, ["paper:data-constrained/muennighoff"]);
        assert!(answer.assumptions.iter().any(|a| a.contains("6 FLOP")));
    }

    #[test]
    fn too_many_epochs_carry_a_warning() {
        let request = EpochsRequest { unique_tokens: 1e8, flops: Some(1e21), ..EpochsRequest::default() };
        let answer = plan_epochs(&request).unwrap();
        assert!(number(&answer, "epochs") > number(&answer, "epochs_of_the_lowest_loss"));
        assert!(answer.warnings.iter().any(|w| w.message.contains("turn up after about")), "{:?}", answer.warnings);
        // A given model alone is planned up to where it turns.
        let model = plan_epochs(&EpochsRequest { params: Some(1.46e8), flops: None, ..request }).unwrap();
        assert!((number(&model, "epochs") / 59.9 - 1.0).abs() < 0.01, "{model:?}");
        assert!(model.warnings.is_empty(), "{:?}", model.warnings);
        assert_eq!(model.table.unwrap().rows.len(), 8);
    }

    #[test]
    fn enough_text_is_no_repetition() {
        let request = EpochsRequest { unique_tokens: 1e13, flops: Some(1e21), ..EpochsRequest::default() };
        let answer = plan_epochs(&request).unwrap();
        assert!(number(&answer, "epochs") < 1.0 && number(&answer, "worth_of_a_last_token") == 1.0);
        assert_eq!(number(&answer, "loss"), number(&answer, "loss_with_fresh_tokens"));
    }

    #[test]
    fn other_laws_and_nonsense() {
        let besiroglu = Fit::published("chinchilla/besiroglu").unwrap();
        let request =
            EpochsRequest { unique_tokens: 1e10, flops: Some(1e21), fit: Some(besiroglu), ..Default::default() };
        let answer = plan_epochs(&request).unwrap();
        assert!(number(&answer, "loss") > 2.0 && answer.laws == ["chinchilla"]);
        let kaplan = Fit::published("batch/step-law").unwrap();
        assert!(plan_epochs(&EpochsRequest { fit: Some(kaplan), ..request.clone() }).is_err());
        assert!(plan_epochs(&EpochsRequest { unique_tokens: 0.0, ..request.clone() }).is_err());
        assert!(plan_epochs(&EpochsRequest { flops: None, ..request }).is_err());
    }
}
