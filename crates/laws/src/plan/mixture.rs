//! The best data mixture by a regression on small runs.

use super::{Answer, Rows};
use crate::mixture::{HeldOut, Method, MixtureTable, Regression, Search, held_out};
use crate::rank::{kendall, spearman};
use crate::{LawError, Reason};
use kleiber_core::stats::{quantile_sorted, sorted, standard_deviation};
use kleiber_core::units::format_significant;

/// What the best mixture is asked of.
#[derive(Debug, Clone)]
pub struct MixtureRequest {
    /// Runs to fit.
    pub runs: MixtureTable,
    /// Runs with the same columns, say of a larger model, whose order is to be predicted.
    pub test: Option<MixtureTable>,
    /// The regression.
    pub method: Method,
    /// The mixture without a choice, in the order of the domains; the mean of the runs when it is not known.
    pub natural: Option<Vec<f64>>,
    /// Largest share of each domain.
    pub caps: Vec<f64>,
    /// Number of simulated mixtures.
    pub candidates: usize,
    /// How many of the best are averaged.
    pub keep: usize,
    /// Concentration of the simulated mixtures around the natural one.
    pub strength: f64,
    /// Parts of the rows that are left out in turn.
    pub folds: usize,
    /// Seed of folds and candidates.
    pub seed: u64,
    /// A larger target is better.
    pub maximise: bool,
}

impl MixtureRequest {
    /// The published settings: boosted trees, a million mixtures, the best 100 averaged.
    pub fn of(runs: MixtureTable) -> Self {
        Self {
            caps: vec![1.0; runs.columns.len()],
            runs,
            test: None,
            method: Method::Trees(Default::default()),
            natural: None,
            candidates: 1_000_000,
            keep: 100,
            strength: 1.0,
            folds: 5,
            seed: 0,
            maximise: false,
        }
    }
}

/// A rank correlation below which an order is not worth acting on.
const WEAK: f64 = 0.8;
/// Most rows whose distances from each other are looked at.
const MOST_DISTANCES: usize = 4000;

/// Fits the regression, judges it on rows it has not seen, and searches the best mixture.
///
/// # Errors
/// [`LawError::Request`] when the rows are too few or no mixture keeps to the caps.
pub fn plan_mixture(request: &MixtureRequest) -> Result<Answer, LawError> {
    let runs = &request.runs;
    let natural = normalised(request.natural.clone().unwrap_or_else(|| runs.shares.mean()), runs.domains.len())?;
    let model = Regression::fit(&request.method, &runs.shares, &runs.losses)?;
    let held = held_out(&request.method, &runs.shares, &runs.losses, request.folds, request.seed)?;
    let search = Search {
        prior: natural.clone(),
        strength: request.strength,
        candidates: request.candidates,
        keep: request.keep,
        caps: request.caps.clone(),
        seed: request.seed,
        maximise: request.maximise,
    };
    let best = search.lowest(&model)?;
    let mut answer = Answer::new("mixture");
    inputs(&mut answer, request);
    let at_natural = model.predict(&natural);
    answer.set("predicted", best.predicted);
    answer.set("predicted_natural", at_natural);
    answer.set("gain", gain(request, at_natural, best.predicted));
    answer.set("gain_sd", spread(request, &held, &best.shares, &natural));
    answer.set("best_candidate", best.best_candidate);
    answer.set("moved_within_caps", best.moved as u64);
    let alone = alone(&model, runs.domains.len());
    quality(&mut answer, request, &model, &held);
    nearest_run(&mut answer, request, &best.shares, best.predicted);
    let mut rows = Rows::new(&["domain", "best", "natural", "largest", "predicted_alone"]);
    for (i, domain) in runs.domains.iter().enumerate() {
        let share = [best.shares[i], natural[i], request.caps[i]].map(Into::into);
        rows.push([domain.as_str().into()].into_iter().chain(share).chain([alone[i].into()]).collect());
    }
    answer.table = Some(rows);
    compare_alone(&mut answer, request, &alone, best.predicted);
    assumptions(&mut answer, request);
    Ok(answer)
}

fn normalised(natural: Vec<f64>, domains: usize) -> Result<Vec<f64>, LawError> {
    let sum: f64 = natural.iter().sum();
    if natural.len() != domains || natural.iter().any(|q| !q.is_finite() || *q < 0.0) || sum <= 0.0 {
        return Err(LawError::Request(format!(
            "the natural mixture needs a share from 0 for each of the {domains} domains"
        )));
    }
    Ok(natural.into_iter().map(|q| q / sum).collect())
}

fn gain(request: &MixtureRequest, natural: f64, best: f64) -> f64 {
    if request.maximise { best - natural } else { natural - best }
}

/// The standard deviation of the gain over the models of the folds.
fn spread(request: &MixtureRequest, held: &HeldOut, best: &[f64], natural: &[f64]) -> f64 {
    let gains: Vec<f64> = held.models.iter().map(|m| gain(request, m.predict(natural), m.predict(best))).collect();
    standard_deviation(&gains)
}

/// The prediction for every domain alone.
fn alone(model: &Regression, domains: usize) -> Vec<f64> {
    let corner = |i: usize| (0..domains).map(|j| if i == j { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
    (0..domains).map(|i| model.predict(&corner(i))).collect()
}

fn inputs(answer: &mut Answer, request: &MixtureRequest) {
    let runs = &request.runs;
    answer.law(match request.method {
        Method::Linear => "least squares on shares",
        Method::SquareRoot => "least squares on shares and their square roots",
        Method::Trees(_) => "boosted trees on shares (Liu et al. 2024)",
        Method::Exponential => "c + exp(sum t_i w_i) (Ye et al. 2024)",
    });
    answer.given("target", runs.targets.join(" + "));
    answer.given("runs", runs.losses.len() as u64);
    answer.given("domains", runs.domains.len() as u64);
    answer.given("method", request.method.name());
    if let Method::Trees(options) = request.method {
        answer.given("trees", options.trees as u64);
        answer.given("rate", options.rate);
    }
    answer.given("candidates", request.candidates as u64);
    answer.given("top", request.keep as u64);
    answer.given("strength", request.strength);
    answer.given("seed", request.seed);
    answer.given("maximise", request.maximise);
    if runs.dropped > 0 {
        answer.warn(Reason::DroppedRows { count: runs.dropped });
    }
}

/// Rank correlations on rows that were held out, on a second table, and of the best single share.
fn quality(answer: &mut Answer, request: &MixtureRequest, model: &Regression, held: &HeldOut) {
    let runs = &request.runs;
    answer.set("held_out_spearman", held.spearman);
    answer.set("held_out_kendall", held.kendall);
    answer.set("held_out_error", held.error);
    let share = |i: usize| runs.shares.iter().map(|row| row[i]).collect::<Vec<f64>>();
    let of = |i: usize| (spearman(&share(i), &runs.losses).abs(), i);
    let single = (0..runs.domains.len()).map(of).filter(|s| s.0.is_finite()).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((rho, i)) = single {
        answer.set("single_share_spearman", rho);
        answer.set("single_share", runs.domains[i].as_str());
        if held.spearman <= rho {
            let what = format!(
                "the share of {} alone orders the runs as well as the regression does ({} against {})",
                runs.domains[i],
                format_significant(rho, 3),
                format_significant(held.spearman, 3)
            );
            answer.warn(Reason::Assumed { what });
        }
    }
    // A loss that does not vary has no order, and is not ordered well.
    if held.spearman.is_nan() || held.spearman < WEAK {
        let what = format!(
            "the rank correlation on held-out rows is {}: below {WEAK} the order of mixtures, and so the best one, is doubtful; add runs",
            format_significant(held.spearman, 3)
        );
        answer.warn(Reason::Assumed { what });
    }
    if let Some(test) = &request.test {
        let predicted = model.predict_all(&test.shares);
        answer.set("test_runs", test.losses.len() as u64);
        answer.set("test_spearman", spearman(&predicted, &test.losses));
        answer.set("test_kendall", kendall(&predicted, &test.losses));
    }
}

/// How far the best mixture is from any that was run, and whether one that was run did better than predicted.
fn nearest_run(answer: &mut Answer, request: &MixtureRequest, best: &[f64], predicted: f64) {
    let runs = &request.runs;
    let distance = |a: &[f64], b: &[f64]| 0.5 * a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>();
    let near = |at: &[f64], except: Option<usize>| {
        let others = (0..runs.shares.len()).filter(|i| Some(*i) != except);
        others.map(|i| (distance(at, runs.shares.row(i)), i)).min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let Some((off, row)) = near(best, None) else { return };
    answer.set("nearest_run", runs.rows[row]);
    answer.set("nearest_run_distance", off);
    answer.set("nearest_run_target", runs.losses[row]);
    if (2..=MOST_DISTANCES).contains(&runs.shares.len()) {
        let all = (0..runs.shares.len()).filter_map(|i| near(runs.shares.row(i), Some(i)).map(|n| n.0));
        let usual = quantile_sorted(&sorted(&all.collect::<Vec<_>>()), 0.95);
        if off > usual {
            let what = format!(
                "the best mixture is {} from the nearest run (share of tokens that differ), farther than 95% of the runs are from \
                 theirs ({}): run it before trusting it",
                format_significant(off, 2),
                format_significant(usual, 2)
            );
            answer.warn(Reason::Assumed { what });
        }
    }
    let sign = if request.maximise { -1.0 } else { 1.0 };
    let kept = |i: &usize| runs.shares.row(*i).iter().zip(&request.caps).all(|(w, cap)| w <= cap);
    let measured = (0..runs.losses.len())
        .filter(kept)
        .min_by(|&a, &b| (sign * runs.losses[a]).total_cmp(&(sign * runs.losses[b])));
    let Some(row) = measured else { return };
    answer.set("best_run", runs.rows[row]);
    answer.set("best_run_target", runs.losses[row]);
    if sign * runs.losses[row] < sign * predicted {
        let constant = if matches!(request.method, Method::Trees(_)) {
            "; trees are constant beyond the runs and predict no better than they average"
        } else {
            ""
        };
        let what = format!(
            "the run of row {} measured {}, better than the {} predicted for the best mixture{constant}",
            runs.rows[row],
            format_significant(runs.losses[row], 4),
            format_significant(predicted, 4)
        );
        answer.warn(Reason::Assumed { what });
    }
}

/// Says so when one domain alone is predicted to be as good.
fn compare_alone(answer: &mut Answer, request: &MixtureRequest, alone: &[f64], best: f64) {
    let sign = if request.maximise { -1.0 } else { 1.0 };
    let allowed = (0..alone.len()).filter(|i| request.caps[*i] >= 1.0);
    let Some(i) = allowed.min_by(|&a, &b| (sign * alone[a]).total_cmp(&(sign * alone[b]))) else { return };
    answer.set("single_domain", request.runs.domains[i].as_str());
    answer.set("predicted_single_domain", alone[i]);
    if sign * alone[i] <= sign * best {
        let what = format!(
            "{} alone is predicted at {}, no worse than the best mixture ({})",
            request.runs.domains[i],
            format_significant(alone[i], 4),
            format_significant(best, 4)
        );
        answer.warn(Reason::Assumed { what });
    }
}

fn assumptions(answer: &mut Answer, request: &MixtureRequest) {
    if request.natural.is_none() {
        answer
            .assume("the natural mixture is the mean of the runs: give the token shares of the domains with --natural");
    }
    if request.runs.targets.len() > 1 {
        answer.assume(format!("the target is the mean of {} columns", request.runs.targets.len()));
    }
    answer.assume(
        "the order of mixtures carries over to the model that is trained in the end, not their losses; it does not where a domain runs \
         out and repeats",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::{Design, TreeOptions};
    use kleiber_core::table::Table;

    /// Runs on four domains; web and books lower the loss, the last domain raises it.
    fn runs(n: usize) -> MixtureTable {
        let x = Design::published(&[0.5, 0.3, 0.15, 0.05]).mixtures(n).unwrap();
        let loss = |w: &[f64]| 3.0 - 0.8 * w[0].sqrt() - 0.5 * w[1].sqrt() + 0.4 * w[3];
        let column = |i: usize| x.iter().map(|w| w[i]).collect::<Vec<f64>>();
        let columns = [column(0), column(1), column(2), column(3), x.iter().map(loss).collect()];
        let names = ["mix_web", "mix_books", "mix_code", "mix_math", "loss"];
        let named: Vec<(&str, &[f64])> = names.into_iter().zip(columns.iter().map(Vec::as_slice)).collect();
        MixtureTable::read(&Table::from_numbers("runs", &named).unwrap(), None, &[]).unwrap()
    }

    fn request(method: Method) -> MixtureRequest {
        MixtureRequest { method, candidates: 20_000, keep: 50, ..MixtureRequest::of(runs(160)) }
    }

    fn best(answer: &Answer) -> Vec<f64> {
        let value = serde_json::to_value(answer).unwrap();
        value["table"]["rows"].as_array().unwrap().iter().map(|r| r[1].as_f64().unwrap()).collect()
    }

    #[test]
    fn the_best_mixture_is_that_of_the_truth() {
        // On the simplex -0.8 sqrt(w0) - 0.5 sqrt(w1) is lowest where w0 / w1 = (0.8 / 0.5)^2: 0.719 and 0.281.
        let answer = plan_mixture(&request(Method::SquareRoot)).unwrap();
        let shares = best(&answer);
        assert!((shares[0] - 0.719).abs() < 0.04 && (shares[1] - 0.281).abs() < 0.04, "{shares:?}");
        assert!(answer.number("held_out_spearman").unwrap() > 0.999);
        assert!(answer.number("gain").unwrap() > 0.1 && answer.number("gain_sd").unwrap() < 1e-6, "{answer:?}");
        let trees = TreeOptions { trees: 150, rate: 0.05, rows: 8, ..TreeOptions::default() };
        let answer = plan_mixture(&request(Method::Trees(trees))).unwrap();
        assert!(best(&answer)[0] > 0.5 && best(&answer)[3] < 0.05, "{:?}", best(&answer));
        assert!(answer.number("held_out_spearman").unwrap() > 0.9);
        assert!(answer.assumptions[0].contains("--natural"), "{:?}", answer.assumptions);
    }

    #[test]
    fn caps_natural_mixture_and_test_table_count() {
        let natural = vec![5.0, 3.0, 1.5, 0.5];
        let request = MixtureRequest {
            caps: vec![0.6, 1.0, 1.0, 1.0],
            natural: Some(natural),
            test: Some(runs(60)),
            ..request(Method::SquareRoot)
        };
        let answer = plan_mixture(&request).unwrap();
        assert!(best(&answer)[0] <= 0.6 + 1e-12 && answer.number("moved_within_caps").unwrap() > 0.0);
        let want = 3.0 - 0.8 * 0.5f64.sqrt() - 0.5 * 0.3f64.sqrt() + 0.02;
        assert!((answer.number("predicted_natural").unwrap() - want).abs() < 1e-3, "{want} {answer:?}");
        assert!(answer.number("test_spearman").unwrap() > 0.999 && answer.assumptions.len() == 1);
        let none = MixtureRequest { caps: vec![0.2; 4], ..request };
        assert!(plan_mixture(&none).unwrap_err().to_string().contains("less than 1"));
    }

    #[test]
    fn a_target_without_an_order_is_doubted() {
        let mut noise = runs(160);
        let mut rng = kleiber_core::rng::Rng::new(1, "noise", 0);
        noise.losses.iter_mut().for_each(|l| *l = 3.0 + rng.uniform());
        let request = MixtureRequest { runs: noise, ..request(Method::Linear) };
        let answer = plan_mixture(&request).unwrap();
        let said = |text: &str| answer.warnings.iter().any(|w| w.message.contains(text));
        assert!(said("is doubtful") && said("better than the"), "{:?}", answer.warnings);
    }
}
