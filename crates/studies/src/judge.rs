//! From expectations and controls to a verdict.

use crate::StudyError;
use crate::control::ControlOutcome;
use kleiber_core::assertion::{Assertion, Truth, Verdict as Finding};
use kleiber_core::stats::{normal_quantile, student_quantile};
use kleiber_core::table::Table;
use kleiber_core::units::format_significant;
use serde::{Deserialize, Serialize};

/// Probability with which an interval may miss.
const ALPHA: f64 = 0.05;

/// What a study says in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every expectation is true.
    Reproduced,
    /// One is false.
    NotReproduced,
    /// None is false and one undecided, or a gate is not true, or a control tests nothing.
    Inconclusive,
    /// An expectation is true where it must fail.
    Broken,
}

impl Verdict {
    /// As in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::NotReproduced => "not-reproduced",
            Self::Inconclusive => "inconclusive",
            Self::Broken => "broken",
        }
    }
}

/// An expectation with what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Name of the expectation.
    pub name: String,
    /// Whether all else is void without it.
    pub gate: bool,
    /// Why it is expected.
    pub because: String,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Replicates that would decide what is undecided, should the value stay where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<f64>,
}

impl Judged {
    /// A claim with what was found of it.
    pub(crate) fn new(claim: &Assertion, finding: Finding) -> Self {
        let needed = needed(&finding, claim.property.accepted().ends());
        Self { name: claim.name.clone(), gate: claim.gate, because: claim.because.clone(), finding, needed }
    }
}

/// Replicates with which the interval of an undecided claim would end at the nearest edge of what is accepted: its half width
/// falls with the root of their number and with Student's quantile.
fn needed(finding: &Finding, (low, high): (f64, f64)) -> Option<f64> {
    let half = (finding.high - finding.low) / 2.0;
    let room = (finding.value - low).abs().min((finding.value - high).abs());
    if finding.truth != Truth::Undecided || finding.n < 2 || !(half.is_finite() && room.is_finite() && room > 0.0) {
        return None;
    }
    let now = finding.n as f64;
    let narrower = normal_quantile(1.0 - ALPHA / 2.0) / student_quantile(1.0 - ALPHA / 2.0, now - 1.0);
    Some((now * (half / room * narrower).powi(2)).ceil().max(now + 1.0))
}

/// What is found of an assertion that is one of `beside`. All of them must be true for the whole to be, so each may be taken
/// for true at the full level (Berger 1982); one that is false is enough, so each is taken for false at its share only.
pub(crate) fn truth(assertion: &Assertion, table: &Table, beside: usize) -> Result<Finding, StudyError> {
    let finding = assertion.check(table, ALPHA)?;
    if finding.truth != Truth::False || beside <= 1 {
        return Ok(finding);
    }
    Ok(assertion.check(table, ALPHA / beside as f64)?)
}

/// The verdict and the sentence that says why.
pub(crate) fn judge(judged: &[Judged], controls: &[ControlOutcome]) -> (Verdict, String) {
    if let Some(control) = controls.iter().find(|c| !c.fails) {
        let why = format!("the control of `{}` did not fail: {}", control.expectation, control.why);
        return (Verdict::Broken, why);
    }
    if let Some(gate) = judged.iter().find(|j| j.gate && j.finding.truth != Truth::True) {
        return (Verdict::Inconclusive, format!("void, as `{}` does not hold: {}", gate.name, gate.finding.why));
    }
    let of = |truth| judged.iter().filter(move |j| !j.gate && j.finding.truth == truth);
    if let Some(first) = of(Truth::False).next() {
        return (Verdict::NotReproduced, format!("`{}` is false: {}", first.name, first.finding.why));
    }
    if let Some(first) = of(Truth::Undecided).next() {
        let budget = first.needed.map_or_else(String::new, |needed| {
            let now = first.finding.n;
            let (times, needed) = (format_significant(needed / now as f64, 2), format_significant(needed, 2));
            format!("; about {needed} replicates instead of {now} would decide it, {times} times the minutes")
        });
        return (Verdict::Inconclusive, format!("`{}` is undecided: {}{budget}", first.name, first.finding.why));
    }
    if let Some(control) = controls.iter().find(|c| c.untested) {
        let why = format!("the control of `{}` tests nothing: {}", control.expectation, control.why);
        return (Verdict::Inconclusive, why);
    }
    let count = of(Truth::True).count();
    let all = if count == 1 { "the expectation is".into() } else { format!("all {count} expectations are") };
    (Verdict::Reproduced, format!("{all} true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(truth: Truth, gate: bool) -> Judged {
        let finding = Finding {
            truth,
            statistic: "s".into(),
            value: 1.0,
            low: 0.0,
            high: 2.0,
            accepted: "a".into(),
            n: 3,
            why: "w".into(),
        };
        Judged { name: "e".into(), gate, because: "b".into(), finding, needed: None }
    }

    fn verdict(all: &[Judged], fails: bool) -> Verdict {
        let control =
            ControlOutcome { because: "b".into(), expectation: "e".into(), fails, untested: false, why: "w".into() };
        judge(all, &[control]).0
    }

    #[test]
    fn what_is_undecided_says_what_would_decide_it() {
        let found = |value: f64, half: f64| {
            let Judged { finding, .. } = judged(Truth::Undecided, false);
            Finding { value, low: value - half, high: value + half, n: 3, ..finding }
        };
        // Half the width of Student's interval of 3 at 1.96 / 4.303: 4 (1.96 / 4.303)^2 times 3.
        assert_eq!(needed(&found(0.1, 0.2), (0.0, f64::INFINITY)), Some(4.0));
        assert_eq!(needed(&found(0.01, 0.2), (0.0, f64::INFINITY)), Some(250.0));
        assert_eq!(needed(&found(f64::NAN, 0.2), (0.0, 1.0)), None);
    }

    #[test]
    fn one_false_decides_and_a_gate_or_a_control_undoes_it() {
        let (yes, no, open) =
            (judged(Truth::True, false), judged(Truth::False, false), judged(Truth::Undecided, false));
        assert_eq!(verdict(&[yes.clone(), yes.clone()], true), Verdict::Reproduced);
        assert_eq!(verdict(&[yes.clone(), open.clone()], true), Verdict::Inconclusive);
        assert_eq!(verdict(&[yes.clone(), open, no.clone()], true), Verdict::NotReproduced);
        assert_eq!(verdict(&[no, judged(Truth::Undecided, true)], true), Verdict::Inconclusive);
        assert_eq!(verdict(&[yes], false), Verdict::Broken);
    }
}
