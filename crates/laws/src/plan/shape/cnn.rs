//! A convolutional network with more operations.

use crate::LawError;
use crate::cnn::{Rule, Scaled, named, scaled};
use crate::plan::{Answer, Rows, Value};
use crate::reason::Reason;

/// What is asked.
#[derive(Debug, Clone)]
pub struct CnnRequest {
    /// The network to start from, by name.
    pub base: String,
    /// How many times its operations.
    pub times: f64,
    /// The rule.
    pub rule: String,
}

/// How far realised operations may be from those asked for without a warning.
const NEAR: f64 = 0.25;

/// A network of so many times the operations of another, by one rule, and what other rules would give.
///
/// # Errors
/// [`LawError::Request`] for an unknown network or rule, or a factor out of range.
pub fn plan_cnn(request: &CnnRequest) -> Result<Answer, LawError> {
    let base = named(&request.base)?;
    let rule = Rule::named(&request.rule)?;
    let counts = base.complexity()?;
    let chosen = scaled(&base, rule, request.times)?;
    let mut answer = Answer::new("shape");
    answer.law("fast scaling (Dollar et al. 2021)");
    answer.given("family", "cnn");
    answer.given("base", request.base.as_str());
    answer.given("times_flops", request.times);
    answer.given("rule", request.rule.as_str());
    let list = |of: fn(&crate::cnn::Stage) -> u64, s: &Scaled| {
        s.network.stages.iter().map(|stage| of(stage).to_string()).collect::<Vec<_>>().join(" ")
    };
    answer.set("depths", list(|s| s.depth, &chosen));
    answer.set("widths", list(|s| s.width, &chosen));
    answer.set("image", chosen.network.image);
    answer.set("multiply_adds", chosen.counts.flops);
    answer.set("params", chosen.counts.params);
    answer.set("activations", chosen.counts.acts);
    answer.set("times_realised", chosen.times);
    answer.set("activations_predicted", counts.acts as f64 * request.times.powf(rule.acts_exponent()));
    answer.set("params_predicted", counts.params as f64 * request.times.powf(rule.params_exponent()));

    let mut table =
        Rows::new(&["rule", "times", "multiply_adds", "params", "activations", "acts_exponent", "realised", "image"]);
    let others = Rule::NAMED.iter().filter(|name| **name != request.rule);
    for name in std::iter::once(&request.rule.as_str()).chain(others) {
        let rule = Rule::named(name)?;
        let s = scaled(&base, rule, request.times)?;
        let realised = if request.times == 1.0 { Value::Nothing } else { s.acts_exponent.into() };
        table.push(vec![
            (*name).into(),
            s.times.into(),
            (s.counts.flops as f64).into(),
            (s.counts.params as f64).into(),
            (s.counts.acts as f64).into(),
            rule.acts_exponent().into(),
            realised,
            s.network.image.into(),
        ]);
    }
    answer.table = Some(table);
    if (chosen.times / request.times - 1.0).abs() > NEAR {
        let what = format!(
            "rounding of depths, widths and images gives {:.2} times the operations instead of {:.2}: another factor or base suits the rule better",
            chosen.times, request.times
        );
        answer.warn(Reason::Assumed { what });
    }
    answer.assume("operations are multiply-adds, half of FLOP; activations are outputs of convolutions, without norms");
    answer.assume(
        "machines bound by memory take time by activations, so the rule with fewest is the fastest at equal operations",
    );
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_rule_keeps_activations_few() {
        let request = CnnRequest { base: "regnety-4.0gf".into(), times: 4.0, rule: "fast".into() };
        let answer = plan_cnn(&request).unwrap();
        let other = plan_cnn(&CnnRequest { rule: "uniform".into(), ..request.clone() }).unwrap();
        let acts = |a: &Answer| a.number("activations").unwrap();
        assert!(acts(&answer) < 0.8 * acts(&other), "{answer:?}");
        assert!((answer.number("times_realised").unwrap() / 4.0 - 1.0).abs() < 0.25);
        let predicted = answer.number("activations_predicted").unwrap();
        assert!((acts(&answer) / predicted - 1.0).abs() < 0.25, "{answer:?}");
        assert_eq!(answer.table.as_ref().unwrap().rows.len(), Rule::NAMED.len());
        let own = plan_cnn(&CnnRequest { rule: "alpha=0.7".into(), ..request.clone() }).unwrap();
        assert_eq!(own.table.as_ref().unwrap().rows.len(), Rule::NAMED.len() + 1);
        // One stage of one block cannot grow in depth by a third.
        let off = CnnRequest { base: "vanilla-56-cifar".into(), times: 0.02, rule: "depth".into() };
        assert!(!plan_cnn(&off).unwrap().warnings.is_empty());
        assert!(plan_cnn(&CnnRequest { times: -1.0, ..request.clone() }).is_err());
        assert!(plan_cnn(&CnnRequest { base: "lenet".into(), ..request }).is_err());
    }
}
