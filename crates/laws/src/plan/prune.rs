//! Whether to keep hard, easy or random examples, by the theory of pruned perceptrons.

use super::answer::{Answer, Rows, Value};
use crate::LawError;
use crate::pruning::{End, Kept};
use crate::reason::Reason;
use crate::solve::root::root;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct PruneRequest {
    /// Examples per effective dimension before pruning.
    pub alpha_tot: f64,
    /// Share to keep.
    pub fraction: f64,
    /// Angle between the difficulty score's probe and the truth, in degrees: 0 for a perfect score.
    pub degrees: f64,
}

/// Shares of the table.
const SHARES: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];

/// Test errors of the three ways to keep a share, and which wins.
///
/// # Errors
/// [`LawError::Request`] for sizes that make no sense.
pub fn plan_prune(request: &PruneRequest) -> Result<Answer, LawError> {
    let theta = request.degrees.to_radians();
    let error = |fraction: f64, end: End| {
        Kept { alpha_tot: request.alpha_tot, fraction, theta, end }.solve().map(|point| point.error)
    };
    let mut answer = Answer::new("prune");
    answer.law("perceptron theory of data pruning (Sorscher et al. 2022, arXiv 2206.14486)");
    answer.given("examples_per_dimension", request.alpha_tot);
    answer.given("fraction", request.fraction);
    answer.given("probe_degrees", request.degrees);
    let ends = [("hard", End::Hard), ("easy", End::Easy), ("random", End::Random)];
    let errors = ends.map(|(name, end)| error(request.fraction, end).map(|e| (name, e)));
    let [hard, easy, random] = errors;
    let (hard, easy, random) = (hard?, easy?, random?);
    let best = [random, hard, easy].into_iter().fold(random, |b, e| if e.1 < b.1 { e } else { b });
    answer.set("keep", best.0);
    answer.set("error_hard", hard.1);
    answer.set("error_easy", easy.1);
    answer.set("error_random", random.1);
    answer.set("error_of_all", error(1.0, End::Random)?);
    // The random set as large as it must be to do as well: its error only falls with its size.
    answer.set("random_examples_for_the_same_error", matching(best.1, request.alpha_tot * request.fraction)?);
    if hard.1 > random.1 {
        let what = "keeping hard examples does worse than a random share here: keep more of them, get a better score, or keep others";
        answer.warn(Reason::Assumed { what: what.into() });
    }
    answer.assume("a perceptron with a teacher in many dimensions; real data has an effective dimension to divide by, and labels with noise make hard examples worse");
    answer.assume("computing the scores costs compute that is not counted here");
    let mut rows = Rows::new(&["kept", "hard", "easy", "random"]);
    for share in SHARES {
        let row = [share, error(share, End::Hard)?, error(share, End::Easy)?, error(share, End::Random)?];
        rows.push(row.into_iter().map(Value::from).collect());
    }
    answer.table = Some(rows);
    Ok(answer)
}

/// Examples per dimension of a random set with this error, from `at_least` on.
fn matching(error: f64, at_least: f64) -> Result<f64, LawError> {
    let above = |ln_alpha: f64| {
        let all = Kept { alpha_tot: ln_alpha.exp(), fraction: 1.0, theta: 0.0, end: End::Random };
        all.solve().map_or(f64::NAN, |point| (point.error / error).ln())
    };
    let found = root(at_least.ln(), at_least.ln() + 6.0, above).map(f64::exp);
    found.ok_or_else(|| LawError::Request("no random set does as well".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plenty_of_data_and_a_good_score_keep_hard_examples() {
        let answer = plan_prune(&PruneRequest { alpha_tot: 20.0, fraction: 0.2, degrees: 0.0 }).unwrap();
        assert_eq!(answer.answer["keep"], Value::Word("hard".into()));
        // Five times fewer examples at no loss: a random set of the same error is all twenty per dimension.
        let random = answer.number("random_examples_for_the_same_error").unwrap();
        assert!((random / 20.0 - 1.0).abs() < 0.01, "{random}");
        assert!(answer.warnings.is_empty());
        let scarce = plan_prune(&PruneRequest { alpha_tot: 2.0, fraction: 0.5, degrees: 0.0 }).unwrap();
        assert_eq!(scarce.answer["keep"], Value::Word("easy".into()));
        assert_eq!(scarce.warnings.len(), 1);
        assert!(plan_prune(&PruneRequest { alpha_tot: 2.0, fraction: 0.0, degrees: 0.0 }).is_err());
    }
}
