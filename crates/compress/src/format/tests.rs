use super::*;
use kleiber_core::rng::Rng;
use proptest::prelude::*;

fn format(name: &str) -> Format {
    Format::named(name, None, None).unwrap()
}

/// Mean square error over mean square.
fn nmse(format: &Format, weights: &[f32], columns: usize) -> f64 {
    let decoded = format.decode(&format.encode(weights, columns));
    assert_eq!(decoded.len(), weights.len());
    let square = |v: f64| v * v;
    let error: f64 = weights.iter().zip(&decoded).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    error / weights.iter().map(|w| square(f64::from(*w))).sum::<f64>()
}

fn drawn(name: &str, draw: impl Fn(&mut Rng) -> f64) -> Vec<f32> {
    let mut rng = Rng::new(11, name, 0);
    (0..1 << 18).map(|_| draw(&mut rng) as f32).collect()
}

/// Errors in blocks of 64 that were measured with another program on other draws of the same distributions.
#[test]
fn errors_of_the_formats_are_those_measured_elsewhere() {
    let normal = drawn("normal", |r| 0.02 * r.normal());
    let uniform = drawn("uniform", |r| 2.0 * r.uniform() - 1.0);
    let laplace = drawn("laplace", |r| (r.uniform().max(1e-300)).ln() * if r.uniform() < 0.5 { 1.0 } else { -1.0 });
    for (name, of_normal, of_uniform, of_laplace) in [
        ("nf4", 0.00846, 0.00832, 0.01070),
        ("fp4", 0.01488, 0.01231, 0.02263),
        ("e2m1", 0.01119, 0.01158, 0.01260),
        ("rtn", 0.01160, 0.00488, 0.01970),
    ] {
        for (weights, want) in [(&normal, of_normal), (&uniform, of_uniform), (&laplace, of_laplace)] {
            let got = nmse(&format(name), weights, 512);
            assert!((got / want - 1.0).abs() < 0.02, "{name}: {got} for {want}");
        }
    }
    let of = |name: &str| nmse(&format(name), &normal, 512);
    assert!(of("nf4") < of("e2m1") && of("e2m1") <= of("rtn") && of("rtn") < of("fp4"));
    // Scales in 8 bits cost little, the asymmetric code uses its 16th level, integers of 8 bits hardly err.
    assert!((of("nf4-dq") / of("nf4") - 1.0).abs() < 0.01 && (of("fp4-dq") / of("fp4") - 1.0).abs() < 0.01);
    assert!(of("rtn-asym") < of("rtn") && of("int8") < 1e-4);
}

#[test]
fn storage_is_counted_with_its_scales() {
    let weights = drawn("normal", |r| r.normal());
    let measured = |f: &Format| f.stored_bits(&f.encode(&weights, 1024)) / weights.len() as f64;
    for (name, want) in [("nf4", 4.5), ("fp4", 4.5), ("nf4-dq", 4.127), ("fp4-dq", 4.127), ("e2m1", 4.5), ("e4m3", 8.5)]
    {
        let format = format(name);
        let mean = if name.ends_with("-dq") { 32.0 / weights.len() as f64 } else { 0.0 };
        assert!((measured(&format) - mean - format.stored().bits_per_weight()).abs() < 1e-12, "{name}");
        assert!((measured(&format) - want).abs() < 6e-4, "{name}");
    }
    let integers = |name, bits, group| measured(&Format::named(name, Some(bits), Some(group)).unwrap());
    assert_eq!((integers("rtn", 4, 128), integers("rtn", 3, 64)), (4.125, 3.25));
    // A zero point of 4 bits; rows of 1024.
    assert_eq!((integers("rtn-asym", 4, 64), integers("rtn", 2, 0)), (4.0 + 20.0 / 64.0, 2.0 + 16.0 / 1024.0));
    assert_eq!(measured(&format("int8")), 8.0 + 16.0 / 1024.0);
    // The last block is shorter and has its scale all the same.
    let short = format("nf4").encode(&weights[..100], 10);
    assert_eq!((short.blocks.len(), format("nf4").stored_bits(&short)), (2, 464.0));
}

#[test]
fn columns_of_large_weights_are_kept() {
    let mut weights: Vec<f32> = drawn("normal", |r| r.normal())[..64 * 100].to_vec();
    weights.iter_mut().skip(7).step_by(100).for_each(|w| *w *= 300.0);
    let int8 = format("int8");
    let encoded = int8.encode(&weights, 100);
    assert_eq!((encoded.kept.0.as_slice(), encoded.kept.1.len(), encoded.blocks.len()), (&[7][..], 64, 64));
    assert_eq!(int8.stored_bits(&encoded), f64::from(64 * 99 * 8 + 64 * 16 + 64 * 16 + 32));
    let decoded = int8.decode(&encoded);
    let error = |of: &[f32]| -> f64 {
        let others = weights.iter().zip(of).enumerate().filter(|(i, _)| i % 100 != 7);
        others.map(|(_, (a, b))| f64::from(a - b).powi(2)).sum::<f64>() / 6336.0
    };
    // Without them one scale must do for both.
    let plain = Format::named("rtn", Some(8), Some(0)).unwrap();
    let together = plain.decode(&plain.encode(&weights, 100));
    assert!(error(&decoded) < 1e-4 && error(&together) > 100.0 * error(&decoded));
    assert!((decoded[7] / weights[7] - 1.0).abs() < 1.0 / 256.0);
    // Where all columns stand out alike, none does.
    assert!(int8.encode(&[3.0; 12], 4).kept.0.is_empty());
}

#[test]
fn what_does_not_exist_is_refused() {
    let error = |name, bits, group| Format::named(name, bits, group).unwrap_err().to_string();
    assert!(error("nf5", None, None).contains("one of rtn, rtn-asym, int8, nf4"));
    assert_eq!(error("rtn", Some(1), None), "bits = 1: 2 to 8");
    assert_eq!(error("NF4", Some(3), None), "bits = 3: nf4 has 4; leave them out");
    assert!(error("int8", None, Some(64)).contains("a scale per row"));
    assert!(error("e9m9", None, None).contains("exponent bits"));
    assert_eq!(Format::named("e3m2", Some(6), Some(32)).unwrap().to_string(), "e3m2, 6 bits, a scale for 32");
    assert_eq!(format("int8").to_string(), "int8, 8 bits, a scale for a row");
}

proptest! {
    /// Codes of decoded values are the codes: storing a stored model changes nothing.
    #[test]
    fn decoded_values_have_the_same_codes(
        weights in prop::collection::vec(-1f32..1.0, 1..300), columns in 1usize..40, bits in 2u32..=8, group in 0u32..70,
        kind in 0usize..4
    ) {
        let (name, bits) = [("rtn", Some(bits)), ("nf4", None), ("fp4", None), ("e3m2", None)][kind];
        let format = Format::named(name, bits, Some(group)).unwrap();
        let encoded = format.encode(&weights, columns);
        let decoded = format.decode(&encoded);
        prop_assert_eq!(decoded.len(), weights.len());
        prop_assert_eq!(&format.encode(&decoded, columns), &encoded, "{}", format);
    }

    /// No block gets larger than it was, nothing turns its sign, and zeros stay.
    #[test]
    fn values_stay_within_their_block(
        weights in prop::collection::vec(prop_oneof![Just(0f32), -1e6f32..1e6], 1..200), kind in 0usize..8
    ) {
        let name = ["rtn", "rtn-asym", "int8", "nf4", "fp4", "e2m1", "e4m3", "e5m2"][kind];
        let group = if name == "int8" { 0 } else { 16 };
        let format = Format::named(name, None, Some(group)).unwrap();
        let decoded = format.decode(&format.encode(&weights, 16));
        for (given, got) in weights.chunks(16).zip(decoded.chunks(16)) {
            let top = |part: &[f32]| part.iter().fold(0f32, |top, w| top.max(w.abs()));
            prop_assert!(top(got) <= 1.07 * top(given), "{name}: {given:?} {got:?}");
            for (a, b) in given.iter().zip(got) {
                prop_assert!(a * b >= 0.0 && (*a != 0.0 || *b == 0.0), "{name}: {a} became {b}");
            }
        }
    }
}
