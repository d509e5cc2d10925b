//! Training with few-bit floating-point numbers: fits of generated tables and the plan of formats.
#![allow(missing_docs)]

mod common;

use common::{assert_close, law, numbers, quick, value};
use indexmap::IndexMap;
use kleiber_core::table::Table;
use kleiber_laws::Fit;
use kleiber_laws::plan::{Answer, FormatRequest, ScaleBlock, Value, plan_format};

const SUN: [f64; 8] = [69.2343, 0.2368, 68973.0621, 0.5162, 1.9061, 11334.5197, 3.1926, 2.9543];

/// The published grid of sizes with formats from E0M3 to E4M3, and losses by the published law.
fn table() -> Table {
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); 6];
    for params in [40_894_464.0, 84_934_656.0, 154_140_672.0, 679e6] {
        for tokens in [10.48576e9, 20.97152e9, 52.4288e9, 104.8576e9] {
            for (e, m, block) in
                [(0, 3, 64), (1, 1, 32), (1, 1, 512), (2, 1, 128), (1, 2, 128), (3, 2, 256), (4, 3, 128)]
            {
                let x = [params, tokens, f64::from(e), f64::from(m), f64::from(block)];
                let loss = law("float-format").predict(&SUN, &x);
                columns.iter_mut().zip(x.into_iter().chain([loss])).for_each(|(c, v)| c.push(v));
            }
        }
    }
    let names = ["params", "tokens", "exponent_bits", "mantissa_bits", "block", "loss"];
    Table::new("generated", names.into_iter().zip(columns).map(|(n, v)| numbers(n, v)).collect()).unwrap()
}

#[test]
fn a_generated_table_gives_the_law_back() {
    let fit = law("float-format").fit(&table(), &quick()).unwrap();
    assert!(fit.is_ok(), "{:?}", fit.reasons);
    for (c, want) in law("float-format").info().coefficients.iter().zip(SUN) {
        eprintln!("{}: {}", c.name, value(&fit, &c.name));
        assert_close(&c.name, value(&fit, &c.name), want, 1e-3);
    }
    assert_close("D_crit", value(&fit, "D_crit_E4M3"), 2.7329e13, 1e-3);
}

#[test]
fn no_exponent_bits_are_a_size_and_minus_one_is_not() {
    let changed = common::changed(&table(), "exponent_bits", |i, e| if i == 0 { -1.0 } else { e });
    let fit = law("float-format").fit(&changed, &quick()).unwrap();
    assert_eq!(common::codes(&fit.reasons), ["non-positive"]);
    let published = Fit::published("paper:float-format/sun").unwrap();
    let at = |e: f64| -> IndexMap<String, f64> {
        let named = [("params", 1e8), ("tokens", 2e10), ("exponent_bits", e), ("mantissa_bits", 3.0), ("block", 128.0)];
        named.into_iter().map(|(n, v)| (n.to_string(), v)).collect()
    };
    let zero = published.predict(&[at(0.0)], 0.95, false).unwrap();
    let one = published.predict(&[at(1.0)], 0.95, false).unwrap();
    assert!(zero.predictions[0].value > one.predictions[0].value && zero.predictions[0].extrapolation == 1.0);
    assert!(published.predict(&[at(-1.0)], 0.95, false).is_err());
}

fn word(answer: &Answer, name: &str) -> String {
    match &answer.answer[name] {
        Value::Word(word) => word.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_published_anchors() {
    for (bits, format, tokens, tolerance) in
        [(4, "E2M1", 0.4e12, 0.125), (8, "E4M3", 27e12, 0.0186), (16, "E8M7", 1730e12, 0.003)]
    {
        let answer = plan_format(&FormatRequest { bits, ..FormatRequest::default() }).unwrap();
        assert_eq!(word(&answer, "format"), format);
        assert!((answer.number("critical_tokens").unwrap() / tokens - 1.0).abs() < tolerance);
        assert!(answer.warnings.is_empty() && answer.answer["past_critical"] == Value::Flag(false));
    }
    // Section 4.4 and figure 7: 4 to 8 bits from 1e21 to 1e31 FLOP.
    for (flops, format) in [(1e21, "E2M1"), (1e26, "E3M2"), (1e31, "E4M3")] {
        let answer = plan_format(&FormatRequest { flops: Some(flops), ..FormatRequest::default() }).unwrap();
        let bits = answer.number("best_bits").unwrap();
        assert!((4.0..=8.0).contains(&bits) && word(&answer, "best_format") == format, "{bits}");
    }
}

#[test]
fn the_table_holds_the_answer() {
    let answer = plan_format(&FormatRequest::default()).unwrap();
    let table = answer.table.as_ref().unwrap();
    assert_eq!((table.rows.len(), &table.rows[5][1]), (14, &Value::Word("E4M3".into())));
    assert_eq!(table.rows[5][2], answer.answer["loss"]);
    let sum = answer.number("loss").unwrap() - answer.number("penalty").unwrap();
    // n/N^alpha + d/D^beta + eps at 1e9 and 1e11, in double precision elsewhere.
    assert!((sum - 2.562_628_433_742_42).abs() < 1e-12, "{sum}");
}

#[test]
fn past_the_critical_data_it_says_so() {
    let answer = plan_format(&FormatRequest { bits: 4, tokens: 1e12, ..FormatRequest::default() }).unwrap();
    assert_eq!(answer.answer["past_critical"], Value::Flag(true));
    let codes: Vec<&str> = answer.warnings.iter().map(|w| w.code.as_str()).collect();
    assert_eq!(codes, ["extrapolation", "assumed"]);
    assert!(answer.warnings[1].message.contains("392.8B tokens"), "{}", answer.warnings[1].message);
}

#[test]
fn channels_share_one_scale_each() {
    let by = |block| plan_format(&FormatRequest { block, ..FormatRequest::default() }).unwrap();
    let (channel, block) = (by(ScaleBlock::Channel), by(ScaleBlock::Elements(128)));
    let ratio = channel.number("penalty").unwrap() / block.number("penalty").unwrap();
    assert!((ratio - 13.1567 / 7.0).abs() < 1e-12);
    assert!((channel.number("critical_tokens").unwrap() / 1.4831e13 - 1.0).abs() < 1e-4);
    let one = by(ScaleBlock::Elements(1));
    assert_eq!((one.number("penalty"), &one.answer["critical_tokens"]), (Some(0.0), &Value::Nothing));
    assert!(one.number("best_bits").is_none() && one.warnings.len() == 1);
}

#[test]
fn nonsense_is_refused_with_a_cure() {
    let refused = |change: fn(&mut FormatRequest)| {
        let mut request = FormatRequest::default();
        change(&mut request);
        plan_format(&request).unwrap_err().to_string()
    };
    assert!(refused(|r| r.bits = 17).contains("1 to 16 bits"));
    assert!(refused(|r| r.bits = 0).contains("1 to 16 bits"));
    assert!(refused(|r| r.params = -1.0).contains("positive"));
    let block = |r: &mut FormatRequest| (r.block, r.width) = (ScaleBlock::Elements(96), Some(256));
    assert!(refused(block).contains("block 96 does not divide a width of 256"));
    assert!(
        refused(|r| r.tokens = 15e12).contains("more than 10 times outside")
            && refused(|r| r.params = 1e6).contains("--force")
    );
    let forced = plan_format(&FormatRequest { tokens: 15e12, force: true, ..FormatRequest::default() }).unwrap();
    assert_eq!(forced.warnings[0].code, "extrapolation");
    for (text, why) in [("0", "whole number"), ("1.5", "whole number"), ("tensor", "not published")] {
        assert!(text.parse::<ScaleBlock>().unwrap_err().to_string().contains(why));
    }
    assert_eq!("channel".parse::<ScaleBlock>().unwrap(), ScaleBlock::Channel);
}
