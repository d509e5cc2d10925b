//! How many parameters it takes to hold facts.

use super::answer::{Answer, Rows, Value};
use crate::knowledge::{CAPACITY, Facts, SAFE, Storage};
use crate::reason::Reason;
use crate::{LawError, knowledge::Build};

/// What is asked: bits, or people of whom six attributes are to be known.
#[derive(Debug, Clone, Default)]
pub struct CapacityRequest {
    /// Bits of facts.
    pub bits: Option<f64>,
    /// Biographies instead of bits.
    pub people: Option<f64>,
    /// Parameters of a given model, to see what it holds.
    pub params: Option<f64>,
    /// Build and training.
    pub storage: Storage,
}

/// Parameters for facts, or facts for parameters.
///
/// # Errors
/// [`LawError::Request`] for a request without facts or model, and for training that was not measured.
pub fn plan_capacity(request: &CapacityRequest) -> Result<Answer, LawError> {
    let mut answer = Answer::new("capacity");
    answer.law("two bits per parameter (Allen-Zhu & Li 2024, arXiv 2404.05405)");
    let storage = request.storage;
    answer.given("exposures", storage.exposures);
    answer.given("weight_bits", u64::from(storage.weight_bits));
    let bits = match (request.bits, request.people) {
        (Some(bits), None) => Some(bits),
        (None, Some(people)) => Some(Facts::Biographies { people }.bits()?),
        (None, None) => None,
        _ => return Err(LawError::Request("give bits or people, not both".into())),
    };
    let each = storage.bits_per_parameter()?;
    answer.set("bits_per_parameter", each);
    if let Some(bits) = bits {
        answer.set("bits", bits);
        answer.set("params", storage.parameters_for(bits)?);
        answer.assume("sized for 1.8 of the peak's two bits, where recall is nearly complete");
    }
    if let Some(params) = request.params {
        if !(params > 0.0 && params.is_finite()) {
            return Err(LawError::Request(format!("a model of {params} parameters holds nothing")));
        }
        answer.given("given_params", params);
        answer.set("bits_it_holds", params * each);
        answer.set("share_of_the_facts", bits.map(|b| (params * each * SAFE / CAPACITY / b).min(1.0)));
        if params < 1e6 {
            let what = "below 1M parameters the paper has no model: expect less".to_string();
            answer.warn(Reason::Assumed { what });
        }
    }
    if bits.is_none() && request.params.is_none() {
        return Err(LawError::Request("give --bits, --people or --params".into()));
    }
    answer.assume("parameters count embeddings only of tokens that occur");
    answer.assume("factors between measured exposures are interpolated in logarithms");
    let mut rows = Rows::new(&["exposures", "plain", "gated", "experts", "4 bits", "junk", "junk, marked"]);
    for exposures in [100.0, 300.0, 600.0, 1000.0] {
        let at = Storage { exposures, ..Storage::default() };
        let kinds = [
            at,
            Storage { build: Build::Gated, ..at },
            Storage { build: Build::Experts, ..at },
            Storage { weight_bits: 4, ..at },
            Storage { junk: true, ..at },
            Storage { junk: true, marked: true, ..at },
        ];
        let values: Result<Vec<f64>, LawError> = kinds.iter().map(Storage::bits_per_parameter).collect();
        rows.push(std::iter::once(exposures).chain(values?).map(Value::from).collect());
    }
    answer.table = Some(rows);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_and_models_answer_each_other() {
        let wanted = CapacityRequest { people: Some(1e5), ..CapacityRequest::default() };
        let answer = plan_capacity(&wanted).unwrap();
        // 58.24 bits for each of 100,000 people at 1.8 bits per parameter.
        assert!((answer.number("params").unwrap() / 3.235_3e6 - 1.0).abs() < 1e-3, "{answer:?}");
        let back = plan_capacity(&CapacityRequest { params: answer.number("params"), ..wanted }).unwrap();
        assert!((back.number("share_of_the_facts").unwrap() - 1.0).abs() < 1e-12 && back.warnings.is_empty());
        let seven = plan_capacity(&CapacityRequest { params: Some(7e9), ..CapacityRequest::default() }).unwrap();
        assert_eq!(seven.number("bits_it_holds"), Some(1.4e10));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(plan_capacity(&CapacityRequest::default()).is_err());
        assert!(plan_capacity(&CapacityRequest { bits: Some(1e9), people: Some(1e4), ..Default::default() }).is_err());
        assert!(plan_capacity(&CapacityRequest { params: Some(-1.0), ..Default::default() }).is_err());
        let few = Storage { exposures: 10.0, ..Storage::default() };
        let refused = plan_capacity(&CapacityRequest { bits: Some(1e9), storage: few, ..Default::default() });
        assert!(refused.unwrap_err().to_string().contains("fewer than 100"));
    }
}
