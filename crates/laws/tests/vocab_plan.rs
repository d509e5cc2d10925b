//! Plans of a vocabulary: the published and the corrected law, the other approaches, intervals, refusals.
#![allow(missing_docs)]

use kleiber_laws::plan::{Answer, Value, VocabApproach, VocabRequest, plan_vocab};
use kleiber_laws::{Fit, LawError};

fn plan(preset: &str, change: impl Fn(&mut VocabRequest)) -> Result<Answer, LawError> {
    let mut request =
        VocabRequest { source: format!("paper:{preset}"), params: 7e9, level: 0.95, ..VocabRequest::default() };
    change(&mut request);
    plan_vocab(&Fit::published(preset)?, &request)
}

fn case(answer: &Answer, name: &str) -> Vec<Value> {
    let rows = &answer.table.as_ref().unwrap().rows;
    rows.iter().find(|r| r[0] == Value::from(name)).unwrap_or_else(|| panic!("{name}")).clone()
}

fn codes(answer: &Answer) -> Vec<&str> {
    answer.warnings.iter().map(|w| w.code.as_str()).collect()
}

#[test]
fn seven_billion_get_27k_and_as_published_60k() {
    let corrected = plan("vocabulary/corrected", |_| ()).unwrap();
    let vocab = corrected.number("vocab").unwrap();
    assert!((26_000.0..27_500.0).contains(&vocab), "{vocab}");
    assert_eq!(corrected.number("vocab_rounded").unwrap() % 128.0, 0.0);
    assert!((corrected.number("vocab_params").unwrap() / 4096.0 - vocab).abs() < 0.6);
    let published = plan("vocabulary/tao", |_| ()).unwrap().number("vocab").unwrap();
    assert!((59_000.0..60_500.0).contains(&published), "{published}");
    // The first has both in its table, and says that the methods disagree; the second agrees with the other two.
    assert_eq!(case(&corrected, "approach 3 as published")[1], Value::Count(published as u64));
    assert!(codes(&corrected).contains(&"methods-disagree"));
    let compat = plan("vocabulary/tao", |_| ()).unwrap();
    assert!(!codes(&compat).contains(&"methods-disagree"));
    assert!(compat.warnings.iter().any(|w| w.message.contains("repeats a published slip")), "{:?}", compat.warnings);
    assert!(!corrected.warnings.iter().any(|w| w.message.contains("repeats a published slip")));
}

#[test]
fn approaches_are_the_published_ones() {
    for (approach, want) in [(VocabApproach::Envelope, 62e3), (VocabApproach::Derivative, 67e3)] {
        let answer = plan("vocabulary/corrected", |r| r.approach = approach).unwrap();
        assert!((answer.number("vocab").unwrap() / want - 1.0).abs() < 0.01, "{answer:?}");
        assert_eq!(answer.answer["approach"], Value::from(approach.name()));
        // Too many tokens for what the approach takes for granted.
        let much = plan("vocabulary/corrected", |r| (r.approach, r.flops) = (approach, Some(1e23))).unwrap();
        assert!(much.warnings.iter().any(|w| w.message.contains("takes for granted")));
    }
    assert_eq!("envelope".parse::<VocabApproach>().unwrap(), VocabApproach::Envelope);
    assert!("4".parse::<VocabApproach>().is_err());
}

#[test]
fn the_interval_is_wide_and_penalties_are_small() {
    let answer = plan("vocabulary/corrected", |_| ()).unwrap();
    let number = |name: &str| answer.number(name).unwrap();
    assert!(number("low") < 5000.0 && number("high") > 128_000.0, "{answer:?}");
    let penalty = |name: &str| match case(&answer, name)[3..] {
        [Value::Number(nats), Value::Number(percent)] => (nats, percent),
        ref other => panic!("{name}: {other:?}"),
    };
    let (at32, at64, at128) = (penalty("32k entries"), penalty("64k entries"), penalty("128k entries"));
    assert!(at32.0 < at64.0 && at64.0 < at128.0 && at128.0 < 0.01, "{at32:?} {at64:?} {at128:?}");
    assert!(at128.1 > 1.0 && at128.1 < 10.0, "{at128:?}");
    assert!(penalty("this plan").0 < 1e-12);
}

#[test]
fn tokens_and_flops_are_two_ways_to_say_it() {
    let by_flops = plan("vocabulary/corrected", |r| r.flops = Some(2e21)).unwrap();
    for approach in [VocabApproach::Parametric, VocabApproach::Envelope] {
        let by_flops = plan("vocabulary/corrected", |r| (r.flops, r.approach) = (Some(2e21), approach)).unwrap();
        let tokens = by_flops.number("tokens");
        let by_tokens = plan("vocabulary/corrected", |r| (r.tokens, r.approach) = (tokens, approach)).unwrap();
        assert_eq!(by_tokens.number("vocab"), by_flops.number("vocab"));
        assert!((by_tokens.number("flops").unwrap() / 2e21 - 1.0).abs() < 1e-9);
    }
    // More tokens for the same body pay for a larger vocabulary; counting the embedding's FLOP for a smaller one.
    let more = plan("vocabulary/corrected", |r| r.flops = Some(2e22)).unwrap();
    assert!(more.number("vocab") > by_flops.number("vocab"));
    let Value::Count(counted) = case(&by_flops, "FLOP of the embedding counted")[1] else { panic!() };
    assert!((counted as f64) < by_flops.number("vocab").unwrap());
    // Tied or not, the vocabulary is the same and the model is not.
    let tied = plan("vocabulary/corrected", |r| (r.flops, r.tied) = (Some(2e21), true)).unwrap();
    assert_eq!(tied.number("vocab"), by_flops.number("vocab"));
    let saved = by_flops.number("params_total").unwrap() - tied.number("params_total").unwrap();
    assert!((saved - tied.number("vocab_params").unwrap()).abs() < 1.0);
}

#[test]
fn nonsense_is_refused_with_a_cure() {
    let why = |change: &dyn Fn(&mut VocabRequest)| plan("vocabulary/corrected", change).unwrap_err().to_string();
    assert!(why(&|r| r.params = 7.0).contains("7e9"));
    assert!(why(&|r| r.width = Some(1e6)).contains("usually 4096"));
    assert!(why(&|r| (r.flops, r.tokens) = (Some(1e21), Some(1e11))).contains("--flops or --tokens"));
    assert!(why(&|r| r.tokens = Some(140.0)).contains("140B"));
    let other = Fit::published("chinchilla/besiroglu").unwrap();
    let request = VocabRequest { params: 7e9, ..VocabRequest::default() };
    assert!(plan_vocab(&other, &request).unwrap_err().to_string().contains("fit the law `vocabulary`"));
    let small =
        plan("vocabulary/corrected", |r| (r.params, r.width, r.tokens) = (5e4, Some(200.0), Some(2e5))).unwrap();
    assert!(small.warnings.iter().any(|w| w.message.contains("use bytes")), "{small:?}");
    assert!(codes(&small).contains(&"extrapolation"));
}
