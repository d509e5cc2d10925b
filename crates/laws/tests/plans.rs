//! Plans of a fitted law agree with closed forms, invert each other and move the right way; saved laws read back.
#![allow(missing_docs)]

mod common;

use common::{EPOCH, HOFFMANN, assert_close, codes, has, law, quick, value};
use kleiber_laws::plan::{ComputePlan, ComputeRequest, plan_compute};
use kleiber_laws::simulate::Design;
use kleiber_laws::{Fit, IntervalKind, Law, Method, Options};

fn fitted(c: &[f64; 5]) -> Fit {
    law("chinchilla").fit(&Design::grid(8, 7).table(&law("chinchilla"), c, 0.0, 0), &quick()).unwrap()
}

fn noisy() -> Fit {
    let table = Design::grid(8, 7).table(&law("chinchilla"), &EPOCH, 0.01, 3);
    law("chinchilla").fit(&table, &Options { bootstrap: 200, influence: false, ..Options::default() }).unwrap()
}

fn flops(flops: f64) -> ComputeRequest {
    ComputeRequest { flops: Some(flops), level: 0.95, ..ComputeRequest::default() }
}

fn params(plan: &ComputePlan) -> f64 {
    plan.params.value.unwrap()
}

#[test]
fn a_plan_is_the_closed_form() {
    for c in [EPOCH, HOFFMANN, [1.69, 406.4, 410.7, 0.5, 0.2], [2.0, 30.0, 5000.0, 0.22, 0.45]] {
        let fit = fitted(&c);
        let (g, a) = (value(&fit, "G"), value(&fit, "a"));
        for budget in [1e18, 5.76e23, 1e26] {
            let plan = plan_compute(&fit, &flops(budget)).unwrap();
            let want = g * (budget / 6.0).powf(a);
            eprintln!("{budget:e}: params off by {:.1e}", params(&plan) / want - 1.0);
            assert_close("params", params(&plan), want, 1e-6);
            assert_close("tokens", plan.tokens.value.unwrap(), budget / 6.0 / want, 1e-6);
            assert_close("ratio", plan.tokens_per_param.unwrap(), budget / 6.0 / want / want, 1e-5);
        }
    }
}

#[test]
fn the_budget_for_a_loss_is_that_whose_plan_has_it() {
    let fit = fitted(&EPOCH);
    for budget in [1e19, 1e22, 5.76e23] {
        let forward = plan_compute(&fit, &flops(budget)).unwrap();
        let request = ComputeRequest { loss: forward.loss.value, level: 0.95, ..ComputeRequest::default() };
        let back = plan_compute(&fit, &request).unwrap();
        assert_close("flops", back.flops.value.unwrap(), budget, 1e-6);
        assert_close("params", params(&back), params(&forward), 1e-6);
    }
    // A loss below the floor has no budget.
    let below = ComputeRequest { loss: Some(1.8), level: 0.95, ..ComputeRequest::default() };
    let below = plan_compute(&fit, &below).unwrap();
    assert_eq!(codes(&below.reasons), ["outside-range"]);
    assert!(below.params.value.is_none() && below.flops.value.is_none());
    assert!(plan_compute(&fit, &ComputeRequest::default()).is_err());
}

#[test]
fn tokens_to_serve_favour_smaller_models() {
    let fit = fitted(&EPOCH);
    let mut last = f64::INFINITY;
    for serve in [None, Some(1e11), Some(1e12), Some(1e13)] {
        let plan = plan_compute(&fit, &ComputeRequest { serve_tokens: serve, ..flops(1e23) }).unwrap();
        assert!(params(&plan) < last, "{serve:?}: {} {last}", params(&plan));
        last = params(&plan);
        let spent = 6.0 * params(&plan) * plan.tokens.value.unwrap() + plan.serve_flops.unwrap_or(0.0);
        assert_close("total", spent, 1e23, 1e-9);
        assert_close(
            "serving",
            plan.serve_flops.unwrap_or(1.0),
            2.0 * params(&plan) * serve.unwrap_or(0.5 / params(&plan)),
            1e-12,
        );
    }
}

#[test]
fn a_loss_with_serving_is_reached_by_a_smaller_model_for_longer() {
    let request =
        |serve_tokens| ComputeRequest { loss: Some(2.1), serve_tokens, level: 0.95, ..ComputeRequest::default() };
    let fit = fitted(&EPOCH);
    let (plain, served) =
        (plan_compute(&fit, &request(None)).unwrap(), plan_compute(&fit, &request(Some(1e13))).unwrap());
    assert!(params(&served) < params(&plain) && served.tokens_per_param > plain.tokens_per_param);
    // The total is below that of training the compute-optimal model and serving it.
    let naive = plain.flops.value.unwrap() + 2.0 * params(&plain) * 1e13;
    assert!(served.flops.value.unwrap() < naive);
}

#[test]
fn unique_tokens_that_do_not_run_out_change_nothing_and_few_lead_to_epochs() {
    let fit = fitted(&EPOCH);
    let plain = plan_compute(&fit, &flops(1e22)).unwrap();
    let plenty = plan_compute(&fit, &ComputeRequest { tokens_max: Some(1e13), ..flops(1e22) }).unwrap();
    assert!(plenty.epochs.unwrap() < 1.0 && plenty.assumptions.len() == plain.assumptions.len());
    assert_close("params", params(&plenty), params(&plain), 1e-5);
    let few = plan_compute(&fit, &ComputeRequest { tokens_max: Some(2e10), ..flops(1e22) }).unwrap();
    assert!(few.epochs.unwrap() > 1.0 && few.loss.value > plain.loss.value, "{few:?}");
}

#[test]
fn intervals_surround_the_plan_and_hold_the_truth() {
    let fit = noisy();
    let plan = plan_compute(&fit, &flops(5.76e23)).unwrap();
    let derived = law("chinchilla").derived(&EPOCH);
    let truth = derived[2].1 * (5.76e23f64 / 6.0).powf(derived[0].1);
    for (what, e, truth) in [
        ("params", plan.params, truth),
        ("tokens", plan.tokens, 5.76e23 / 6.0 / truth),
        ("loss", plan.loss, law("chinchilla").predict(&EPOCH, &[truth, 5.76e23 / 6.0 / truth])),
    ] {
        let (low, value, high) = (e.low.unwrap(), e.value.unwrap(), e.high.unwrap());
        assert!(low < value && value < high && low < truth && truth < high, "{what} {e:?} {truth}");
    }
    assert!(plan_compute(&fit, &flops(1e27)).unwrap().extrapolation > 100.0);
    assert!(has(&plan_compute(&fit, &flops(1e27)).unwrap().warnings, "extrapolation"));
}

#[test]
fn hours_and_price_follow_from_flops() {
    let request = ComputeRequest { gpu: Some("A100".into()), mfu: Some(0.5), price: Some(2.0), ..flops(1e22) };
    let cost = plan_compute(&fitted(&EPOCH), &request).unwrap().cost.unwrap();
    assert_close("hours", cost.gpu_hours, 1e22 / (3.12e14 * 0.5) / 3600.0, 1e-9);
    assert_close("price", cost.price.unwrap(), 2.0 * cost.gpu_hours, 1e-12);
    let unknown = ComputeRequest { gpu: Some("abacus".into()), ..flops(1e22) };
    assert!(plan_compute(&fitted(&EPOCH), &unknown).is_err());
}

/// Saves a law, reads it back and compares.
#[track_caller]
fn survives_saving(fit: &Fit) {
    assert!(fit.is_ok(), "{:?}", fit.reasons);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("law.json");
    fit.write(&path).unwrap();
    let back = Fit::read(&path).unwrap();
    assert_eq!(back.printed(), fit.printed());
    let (one, other) = (fit.model.as_ref().unwrap(), back.model.unwrap());
    assert_eq!((one.draws.len(), &one.rows, &one.residuals), (other.draws.len(), &other.rows, &other.residuals));
}

#[test]
fn saved_laws_read_back() {
    survives_saving(&noisy());
    let made = law("m4").fit(
        &Design::grid(1, 20).table(&law("chinchilla"), &EPOCH, 0.01, 2),
        &Options { bootstrap: 20, force: true, ..Options::default() },
    );
    survives_saving(&made.unwrap());
}

#[test]
fn saved_allocations_read_back() {
    // Three budgets leave no floor of the frontier loss, and resamples of more budgets may hold only three.
    for count in [3, 5, 9] {
        let budgets: Vec<f64> = (0..count).map(|i| 1e18 * 3f64.powi(i)).collect();
        let slices =
            Design::isoflop(&budgets, |c| (c / 120.0).sqrt(), 5.0, 7).table(&law("chinchilla"), &EPOCH, 0.003, 1);
        let options = Options { method: Some(Method::IsoflopAkima), bootstrap: 100, ..Options::default() };
        survives_saving(&law("chinchilla").fit(&slices, &options).unwrap());
    }
}

#[test]
fn saved_profiles_of_exact_tables_read_back() {
    let table = Design::grid(8, 7).table(&law("chinchilla"), &EPOCH, 0.0, 0);
    survives_saving(
        &law("chinchilla")
            .fit(&table, &Options { bootstrap: 20, interval: IntervalKind::Profile, ..Options::default() })
            .unwrap(),
    );
}

#[test]
fn saved_formulas_with_open_bounds_read_back() {
    let bounds = ["E=0..".parse().unwrap(), "alpha=..2".parse().unwrap()];
    let formula = Law::formula("E + A*params^-alpha + B*tokens^-beta", &["params", "tokens"], &bounds).unwrap();
    let table = Design::grid(8, 7).table(&law("chinchilla"), &EPOCH, 0.01, 0);
    survives_saving(&formula.fit(&table, &Options { bootstrap: 20, ..Options::default() }).unwrap());
}

#[test]
fn refused_fits_are_not_laws() {
    let table = Design::grid(8, 7).table(&law("chinchilla"), &EPOCH, 0.0, 0).take(&[0, 1, 2]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("law.json");
    law("chinchilla").fit(&table, &quick()).unwrap().write(&path).unwrap();
    assert!(Fit::read(&path).unwrap_err().to_string().contains("too-few-rows"));
    std::fs::write(&path, "{\"schema\": \"other/1\"}").unwrap();
    assert!(Fit::read(&path).is_err());
}

#[test]
fn a_published_frontier_plans_other_data_than_text() {
    // 32x32 images at one PF-day: N = (1/1.6e-13)^0.65, L = 2.21 + (3.6e-9)^0.1 (Henighan et al. 2020, table 1).
    let fit = Fit::published("paper:allocation/image-32x32").unwrap();
    let request = ComputeRequest { flops: Some(8.64e19), level: 0.95, ..ComputeRequest::default() };
    let plan = plan_compute(&fit, &request).unwrap();
    assert_close("params", plan.params.value.unwrap(), 1.6e-13f64.powf(-0.65), 1e-6);
    assert_close("loss", plan.loss.value.unwrap(), 2.21 + 3.6e-9f64.powf(0.1), 1e-9);
    assert!(
        plan.params.low.is_none() && plan_compute(&Fit::published("trajectory/kaplan").unwrap(), &request).is_err()
    );
}
