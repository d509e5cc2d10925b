//! The cost of low-bit quantisation: the published table per bit width, its refit, and the plan of bits.
#![allow(missing_docs)]

mod common;

use common::{assert_coefficients, codes, data, law, numbers, quick, value};
use kleiber_core::table::Table;
use kleiber_laws::forms::LowBit;
use kleiber_laws::plan::{Answer, BitsForm, BitsRequest, Value, plan_bits};
use kleiber_laws::published::Preset;
use kleiber_laws::{Objective, Options, simulate};

const JOINT: [f64; 4] = [0.017, 0.5251, 0.2261, 5.4967];

/// One entry of table 1 of Ouyang et al. 2024.
struct Entry {
    params: f64,
    qid: f64,
    tokens: f64,
}

/// The entries of one bit width, and as a table to fit.
fn entries(bits: f64) -> Option<(Vec<Entry>, Table)> {
    let table = data("low-bit/table1_tokens_for_qid.csv")?;
    let column = |name: &str| table.numbers(name).unwrap();
    let (params, qid, width, trillions) =
        (column("params"), column("qid_nats"), column("bits"), column("tokens_trillion"));
    let rows: Vec<usize> = (0..table.rows()).filter(|&i| width[i] == bits).collect();
    let of = |values: &[f64]| rows.iter().map(|&i| values[i]).collect::<Vec<f64>>();
    let tokens: Vec<f64> = of(&trillions).iter().map(|t| t * 1e12).collect();
    let entries = rows.iter().map(|&i| Entry { params: params[i], qid: qid[i], tokens: trillions[i] * 1e12 }).collect();
    let columns = vec![
        numbers("params", of(&params)),
        numbers("tokens", tokens),
        numbers("bits", of(&width)),
        numbers("qid", of(&qid)),
    ];
    Some((entries, Table::new("table 1", columns).unwrap()))
}

/// Half of the last digit that the table prints.
const HALF_DIGIT: f64 = 0.000_05e12;

/// Largest relative difference from the table beyond what its digits leave open.
fn misfit(entries: &[Entry], c: &[f64], bits: f64) -> f64 {
    let off =
        |e: &Entry| ((LowBit::tokens_at(c, e.params, bits, e.qid) - e.tokens).abs() - HALF_DIGIT).max(0.0) / e.tokens;
    entries.iter().map(off).fold(0.0, f64::max)
}

#[test]
fn presets_per_bit_width_give_the_published_table() {
    let mut count = 0;
    for bits in [2.0, 3.0, 4.0] {
        let Some((entries, _)) = entries(bits) else { return };
        let (_, preset) = Preset::named(&format!("low-bit/{bits}-bit")).unwrap();
        count += entries.len();
        // Not only to 1%: to the last digit.
        assert_eq!(misfit(&entries, preset.coefficients, bits), 0.0, "{bits} bits");
        if bits > 2.0 {
            let percent =
                |e: &Entry| (LowBit::tokens_at(preset.coefficients, e.params, bits, e.qid) / e.tokens - 1.0).abs();
            assert!(entries.iter().all(|e| percent(e) < 0.01));
        }
    }
    assert_eq!(count, 48);
}

#[test]
fn the_joint_law_does_not_give_the_table() {
    for (bits, least, most) in [(2.0, 0.01, 0.03), (3.0, 0.5, 0.6), (4.0, 0.5, 0.62)] {
        let Some((entries, _)) = entries(bits) else { return };
        let joint = misfit(&entries, &JOINT, bits);
        eprintln!("{bits} bits: the joint law is off by up to {:.1}%", 100.0 * joint);
        assert!(least < joint && joint < most, "{bits} bits: {joint}");
    }
}

#[test]
fn a_refit_per_bit_width_gives_the_table_to_a_percent() {
    for bits in [2.0, 3.0, 4.0] {
        let Some((entries, table)) = entries(bits) else { return };
        let options = Options { fixed: vec![("gamma".into(), 0.0)], ..quick() };
        let fit = law("low-bit").fit(&table, &options).unwrap();
        assert!(fit.is_ok(), "{:?}", fit.reasons);
        let c: Vec<f64> = ["k", "beta", "alpha", "gamma"].iter().map(|n| value(&fit, n)).collect();
        let misfit = misfit(&entries, &c, bits);
        eprintln!("{bits} bits: k {:.4e} beta {:.4} alpha {:.4}, misfit {misfit:.1e}", c[0], c[1], c[2]);
        assert!(misfit < 0.01, "{bits} bits: {misfit}");
        // The published exponents of one bit width are those of no other.
        let others = [2.0, 3.0, 4.0].iter().filter(|b| **b != bits);
        for other in others {
            let (_, preset) = Preset::named(&format!("low-bit/{other}-bit")).unwrap();
            assert!(self::misfit(&entries, preset.coefficients, bits) > 0.5);
        }
    }
}

#[test]
fn one_law_for_all_widths_cannot_give_the_table() {
    let tables: Option<Vec<(Vec<Entry>, Table)>> = [2.0, 3.0, 4.0].into_iter().map(entries).collect();
    let Some(tables) = tables else { return };
    let joined = |name: &str| numbers(name, tables.iter().flat_map(|(_, t)| t.numbers(name).unwrap()).collect());
    let all = Table::new("table 1", ["params", "tokens", "bits", "qid"].map(joined).to_vec()).unwrap();
    let fit = law("low-bit").fit(&all, &quick()).unwrap();
    let c: Vec<f64> = ["k", "beta", "alpha", "gamma"].iter().map(|n| value(&fit, n)).collect();
    let worst = [2.0, 3.0, 4.0].iter().zip(&tables).map(|(b, (e, _))| misfit(e, &c, *b)).fold(0.0, f64::max);
    eprintln!("best joint law: {c:?}, off by up to {:.0}%", 100.0 * worst);
    assert!(worst > 0.1, "{worst}");
}

#[test]
fn generated_tables_give_the_law_back() {
    let ranges = [(85e6, 11e9), (1e9, 206e9), (2.0, 4.0)];
    let exact = simulate::scatter(&law("low-bit"), &JOINT, &ranges, 60, 0.0, 1);
    assert_coefficients(&law("low-bit").fit(&exact, &quick()).unwrap(), &JOINT, 1e-5);
    let noisy = simulate::scatter(&law("low-bit"), &JOINT, &ranges, 200, 0.05, 2);
    let fit = law("low-bit").fit(&noisy, &Options { bootstrap: 200, influence: false, ..Options::default() }).unwrap();
    for (name, truth) in ["k", "beta", "alpha", "gamma"].into_iter().zip(JOINT) {
        let found = &fit.coefficients[name];
        assert!(found.low.unwrap() < truth && truth < found.high.unwrap(), "{name}: {found:?}");
    }
    assert!(fit.coefficients["beta"].low.unwrap() > 0.0);
}

#[test]
fn negative_degradations_are_refused_or_used_but_not_dropped() {
    let ranges = [(85e6, 11e9), (1e9, 206e9), (2.0, 4.0)];
    let table = simulate::scatter(&law("low-bit"), &JOINT, &ranges, 80, 0.0, 3);
    let mut rng = kleiber_core::rng::Rng::new(1, "additive noise", 0);
    let noise: Vec<f64> = (0..80).map(|_| rng.normal()).collect();
    let noisy = common::changed(&table, "qid", |i, q| q + 0.01 * noise[i]);
    let negative = noisy.numbers("qid").unwrap().iter().filter(|q| **q < 0.0).count();
    assert!(negative > 0);
    let fit = law("low-bit").fit(&noisy, &quick()).unwrap();
    assert_eq!(codes(&fit.reasons), ["non-positive"]);
    let fit = law("low-bit").fit(&noisy, &Options { objective: Some(Objective::Mse), ..quick() }).unwrap();
    assert!(fit.is_ok() && fit.rows == 80, "{:?}", fit.reasons);
    assert!((value(&fit, "beta") - JOINT[1]).abs() < 0.05 && (value(&fit, "gamma") - JOINT[3]).abs() < 0.3);
}

fn plan(params: f64, tokens: f64, form: BitsForm) -> Answer {
    plan_bits(&BitsRequest { params, tokens, form, ..BitsRequest::default() }).unwrap()
}

fn cell(answer: &Answer, row: usize, column: &str) -> Value {
    let table = answer.table.as_ref().unwrap();
    table.rows[row][table.columns.iter().position(|c| c == column).unwrap()].clone()
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Number(v) => *v,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_width_crosses_the_budget_where_the_table_says() {
    let answer = plan(70e9, 12e12, BitsForm::PerBit);
    for (row, tokens) in [0.0071e12, 1.0228e12, 17.3499e12].into_iter().enumerate() {
        let got = number(&cell(&answer, row, "tokens_at_max_qid"));
        assert!((got / tokens - 1.0).abs() < if row == 0 { 0.0071 } else { 1e-4 }, "{got} {tokens}");
    }
    assert_eq!(answer.number("bits"), Some(4.0));
    assert!((answer.number("tokens_at_max_qid").unwrap() / 17.3499e12 - 1.0).abs() < 1e-5);
    // The same by the law itself: on the crossing the degradation is the budget.
    let at = plan(70e9, 17.3499e12, BitsForm::PerBit);
    assert!((number(&cell(&at, 2, "qid")) / 0.2 - 1.0).abs() < 1e-5);
}

#[test]
fn the_answer_says_which_form_it_used() {
    let (own, joint) = (plan(70e9, 12e12, BitsForm::PerBit), plan(70e9, 12e12, BitsForm::Joint));
    assert_eq!(own.laws[..3], ["paper:low-bit/2-bit", "paper:low-bit/3-bit", "paper:low-bit/4-bit"]);
    assert_eq!(joint.laws[0], "paper:low-bit/joint");
    assert_eq!((own.laws.len(), joint.laws.len()), (4, 2));
    for (answer, name) in [(&own, "per-bit"), (&joint, "joint")] {
        assert_eq!(answer.inputs["form"], Value::Word(name.into()));
        assert!(answer.assumptions[0].starts_with(&format!("form {name}:")) && answer.assumptions[0].contains("table"));
    }
    // At 12T tokens the two disagree: 10.3T is the crossing of the joint law at 4 bits.
    assert_eq!((own.number("bits"), joint.number("bits")), (Some(4.0), Some(16.0)));
    assert_eq!(joint.answer["tokens_at_max_qid"], Value::Nothing);
    let said = |a: &Answer| a.warnings.iter().any(|w| w.message.contains("depends on the law"));
    assert!(said(&own) && said(&joint) && !said(&plan(70e9, 1e11, BitsForm::PerBit)));
    assert!((number(&cell(&own, 2, "tokens_by_joint")) / 10.2531e12 - 1.0).abs() < 1e-4);
    assert_eq!(cell(&own, 2, "tokens_by_joint"), cell(&joint, 2, "tokens_at_max_qid"));
    assert_eq!(BitsRequest::default().form, BitsForm::PerBit);
    assert!("both".parse::<BitsForm>().unwrap_err().to_string().contains("per-bit or joint"));
}

#[test]
fn losses_are_the_baseline_and_the_degradation() {
    let answer = plan(6.44e9, 206e9, BitsForm::PerBit);
    // ((4.74e19/6.44e9)^(0.045/0.399) + 7.63e10/206e9)^0.399, in double precision elsewhere.
    let exact = answer.number("loss_16bit").unwrap();
    assert!((exact - 2.811_193_888_748_771).abs() < 1e-12, "{exact}");
    let sum = exact + answer.number("qid").unwrap();
    assert!((answer.number("loss_quantised").unwrap() - sum).abs() < 1e-12);
    // Inside the hull; but the joint law crosses 0.2 nats at 3 bits before 206B tokens.
    assert!(!common::has(&answer.warnings, "extrapolation") && answer.warnings.len() == 1);
    assert_eq!(answer.number("bits"), Some(3.0));
    assert_eq!(answer.number("bytes"), Some(6.44e9 * 3.125 / 8.0));
}

#[test]
fn a_loss_beyond_guessing_is_cut_and_flagged() {
    let answer = plan(7e9, 1e14, BitsForm::Joint);
    assert!((number(&cell(&answer, 0, "qid")) - 50.257).abs() < 1e-2);
    assert_eq!((cell(&answer, 0, "loss"), cell(&answer, 0, "guessing")), (50_304f64.ln().into(), Value::Flag(true)));
    // At 1T tokens 2 bits cost 4.5 nats: bad, and still better than guessing.
    let answer = plan(7e9, 1e12, BitsForm::Joint);
    assert!((number(&cell(&answer, 0, "qid")) - 4.477).abs() < 1e-3);
    assert_eq!(cell(&answer, 0, "guessing"), Value::Flag(false));
}

#[test]
fn sizes_outside_the_fitted_hull_are_named() {
    let quantities = |a: &Answer| -> Vec<String> {
        let far = a.warnings.iter().filter(|w| w.code == "extrapolation");
        far.map(|w| w.message.split(" is ").next().unwrap().rsplit_once(' ').unwrap().0.to_string()).collect()
    };
    assert!(quantities(&plan(1e9, 1e11, BitsForm::PerBit)).is_empty());
    assert_eq!(quantities(&plan(70e9, 1e11, BitsForm::PerBit)), ["params"]);
    assert_eq!(quantities(&plan(1e8, 1e12, BitsForm::PerBit)), ["tokens", "tokens per parameter"]);
    assert_eq!(quantities(&plan(1e9, 1e6, BitsForm::PerBit)), ["tokens", "tokens per parameter"]);
}

#[test]
fn more_bits_only_by_the_joint_law_and_only_on_request() {
    let asked = BitsRequest { params: 7e9, tokens: 15e12, extrapolate: true, ..BitsRequest::default() };
    assert!(plan_bits(&asked).unwrap_err().to_string().contains("--form joint"));
    let answer = plan_bits(&BitsRequest { form: BitsForm::Joint, ..asked }).unwrap();
    assert_eq!((answer.number("bits"), answer.table.as_ref().unwrap().rows.len()), (Some(5.0), 6));
    assert!(answer.warnings.iter().any(|w| w.message.contains("not measured")));
}

#[test]
fn nonsense_is_refused_with_a_cure() {
    let refused = |change: fn(&mut BitsRequest)| {
        let mut request = BitsRequest::default();
        change(&mut request);
        plan_bits(&request).unwrap_err().to_string()
    };
    assert!(refused(|r| r.tokens = 206.0).contains("looks like billions: write 206B"));
    assert!(refused(|r| r.params = 7.0).contains("write 7B"));
    assert!(refused(|r| r.tokens = f64::NAN).contains("positive number"));
    assert!(refused(|r| r.max_qid = 0.0).contains("between 0 and 10.8"));
    assert!(refused(|r| r.max_qid = 11.0).contains("guessing"));
    assert!(refused(|r| r.vocabulary = 1.0).contains("vocabulary"));
    assert!(refused(|r| r.bandwidth = Some(-1.0)).contains("bandwidth"));
}

#[test]
fn speed_is_bounded_by_reading_the_weights() {
    let asked = BitsRequest { tokens: 1e12, bandwidth: Some(2e12), ..BitsRequest::default() };
    let answer = plan_bits(&asked).unwrap();
    assert!((answer.number("tokens_per_second_at_most").unwrap() - 2e12 / (7e9 * 4.125 / 8.0)).abs() < 1e-9);
    assert!(answer.assumptions.iter().any(|a| a.contains("bound")));
}

#[test]
fn four_bits_are_stored_with_their_scales() {
    let answer = plan_bits(&BitsRequest { tokens: 1e12, ..BitsRequest::default() }).unwrap();
    assert_eq!((answer.number("bits"), answer.number("bytes_nf4")), (Some(4.0), Some(7e9 * 4.5 / 8.0)));
    assert!((answer.number("bytes_nf4_dq").unwrap() / (7e9 * 4.127 / 8.0) - 1.0).abs() < 1e-4);
    // The command line reads forms and blocks through errors that may cross threads.
    fn readable<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync>() {}
    readable::<BitsForm>();
    readable::<kleiber_laws::plan::ScaleBlock>();
}
