//! The catalogue of laws. A new law is one file here with the skeleton of its neighbours and one line
//! in [`registry`]; help, documentation and the registry tests follow from it.

mod ability_growth;
mod activation_control;
mod allocation;
mod bleu;
mod bnsl;
mod chinchilla;
mod data_constrained;
mod datastore;
mod densing;
mod densing_trend;
mod downstream_error;
mod encoder_decoder;
mod float_format;
mod formula;
mod kaplan;
mod low_bit;
mod m1;
mod m2;
mod m3;
mod m4;
mod multilingual;
mod over_training;
mod pass_rate;
mod powers;
mod score_sigmoid;
mod sft_growth;
mod single_axis;
mod state_forget;
mod state_recall;
mod three_regions;
mod trajectory;
mod transfer_quality;
mod vocabulary;

pub use ability_growth::AbilityGrowth;
pub use activation_control::ActivationControl;
pub(crate) use activation_control::BITS as ACTIVATION_BITS;
pub use allocation::Allocation;
pub use bleu::Bleu;
pub use bnsl::Bnsl;
pub use chinchilla::Chinchilla;
pub use data_constrained::DataConstrained;
pub use datastore::Datastore;
pub use densing::Densing;
pub use densing_trend::DensingTrend;
pub use downstream_error::DownstreamError;
pub use encoder_decoder::EncoderDecoder;
pub use float_format::FloatFormat;
pub use formula::{Bound, Formula};
pub use kaplan::Kaplan;
pub use low_bit::LowBit;
pub use m1::M1;
pub use m2::M2;
pub use m3::M3;
pub use m4::M4;
pub use multilingual::Multilingual;
pub use over_training::OverTraining;
pub use pass_rate::PassRate;
pub use powers::Powers;
pub use score_sigmoid::ScoreSigmoid;
pub use sft_growth::SftGrowth;
pub use state_forget::StateForget;
pub use state_recall::StateRecall;
pub use three_regions::ThreeRegions;
pub use trajectory::Trajectory;
pub use transfer_quality::TransferQuality;
pub use vocabulary::Vocabulary;

pub(crate) use data_constrained::REPETITION;

use crate::Law;
use crate::evaluate::Evaluate;
use std::sync::Arc;

/// One entry of the catalogue.
pub struct Entry {
    /// Name on the command line; `:K` stands for a whole number after a colon.
    pub name: &'static str,
    /// Builds the form; the argument is the number after the colon, if the name takes one.
    pub build: fn(Option<usize>) -> Option<Arc<dyn Evaluate>>,
}

macro_rules! plain {
    ($name:literal, $form:ty) => {
        plain!($name, <$form>::new,)
    };
    ($name:literal, $new:expr,) => {
        Entry { name: $name, build: |k| k.is_none().then(|| Arc::new($new()) as Arc<dyn Evaluate>) }
    };
}

/// Most breaks of a smoothly broken power law.
pub const MAX_BREAKS: usize = 4;

/// Every law that can be named.
pub fn registry() -> &'static [Entry] {
    const ENTRIES: &[Entry] = &[
        plain!("chinchilla", Chinchilla),
        plain!("kaplan", Kaplan),
        plain!("data-constrained", DataConstrained),
        plain!("over-training", OverTraining),
        plain!("downstream-error", DownstreamError),
        plain!("low-bit", LowBit),
        plain!("float-format", FloatFormat),
        plain!("vocabulary", Vocabulary),
        plain!("densing", Densing),
        plain!("score-sigmoid", ScoreSigmoid),
        plain!("densing-trend", DensingTrend),
        plain!("pass-rate", PassRate),
        plain!("transfer-quality", TransferQuality),
        plain!("ability-growth", AbilityGrowth),
        plain!("sft-growth", SftGrowth),
        plain!("activation-control", ActivationControl),
        plain!("state-forget", StateForget),
        plain!("state-recall", StateRecall),
        plain!("encoder-decoder", EncoderDecoder),
        plain!("multilingual", Multilingual),
        plain!("bleu", Bleu),
        plain!("trajectory", Trajectory),
        plain!("three-regions", ThreeRegions),
        plain!("rate", Powers::rate,),
        plain!("rate-flops", Powers::rate_flops,),
        plain!("rate-batch", Powers::rate_batch,),
        plain!("batch", Powers::batch,),
        plain!("batch-flops", Powers::batch_flops,),
        plain!("batch-loss", Powers::batch_loss,),
        plain!("datastore", Datastore),
        plain!("m1", M1),
        plain!("m2", M2),
        plain!("m3", M3),
        plain!("m4", M4),
        Entry {
            name: "bnsl:K",
            build: |k| k.filter(|k| *k <= MAX_BREAKS).map(|k| Arc::new(Bnsl::new(k)) as Arc<dyn Evaluate>),
        },
    ];
    ENTRIES
}

/// The form of this name, such as `chinchilla` or `bnsl:1`, in any case.
pub fn find(name: &str) -> Option<Arc<dyn Evaluate>> {
    let name = name.to_lowercase();
    let (stem, number) = match name.split_once(':') {
        Some((stem, k)) => (format!("{stem}:K"), Some(k.parse::<usize>().ok()?)),
        None => (name, None),
    };
    registry().iter().find(|e| e.name == stem).and_then(|e| (e.build)(number))
}

/// Every law that has published coefficients or may have them: the catalogue, and `allocation`, which is never fitted row by
/// row and so cannot be named.
pub fn with_presets() -> impl Iterator<Item = Law> {
    every().chain([Law::of_form(Allocation::new())])
}

/// Every law of the catalogue; those with a number in their name with the number 1.
pub fn every() -> impl Iterator<Item = Law> {
    registry().iter().filter_map(|e| Law::named(&e.name.replace(":K", ":1")).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::Coordinates;
    use crate::form::{Info, Input};
    use std::collections::HashSet;

    fn every_form() -> Vec<Arc<dyn Evaluate>> {
        registry().iter().map(|e| find(&e.name.replace(":K", ":2")).unwrap()).collect()
    }

    #[test]
    fn names_are_unique_and_facts_are_filled_in() {
        let mut seen = HashSet::new();
        for form in every_form() {
            let info = form.info();
            assert!(seen.insert(info.name.clone()));
            assert!(info.paper.contains("arXiv") && !info.equation.is_empty() && !info.title.is_empty());
            for c in &info.coefficients {
                assert!(!c.meaning.is_empty() && c.lower < c.upper, "{} {}", info.name, c.name);
                assert_eq!(info.coefficients.iter().filter(|o| o.name == c.name).count(), 1);
            }
        }
        assert!(find("bnsl:9").is_none() && find("bnsl").is_none() && find("chinchilla:1").is_none());
        assert_eq!(find("Chinchilla").unwrap().info().name, "chinchilla");
    }

    /// A point inside the bounds of every coefficient, natural values: a published one where there is any.
    fn point(form: &dyn Evaluate) -> Vec<f64> {
        if let Some(preset) = form.info().published.presets.last() {
            return preset.coefficients.to_vec();
        }
        let named = |name: &str| match name {
            "E" | "a" => 1.1,
            "E0" => 9.0,
            "A" | "B" | "b" | "beta" if form.info().coefficients.iter().any(|c| c.name == name && c.linear) => 120.0,
            "Nc" | "Dc" => 5e13,
            "d1" | "d2" => 3e8,
            "gamma" if form.info().name == "m3" => 1e-9,
            "c" if form.info().name == "m3" => 0.3,
            "A" | "B" if form.info().name == "densing-trend" => 0.3,
            "A" | "B" => 300.0,
            "top" => 0.9,
            "c" => -0.2,
            "R_D" | "R_N" => 4.0,
            "ceiling" => 0.9,
            _ => 0.31,
        };
        form.info().coefficients.iter().map(|c| named(&c.name)).collect()
    }

    /// Inputs to evaluate a form at: in the middle of a published range where there is one.
    fn row(info: &Info) -> Vec<Input> {
        let usual = [2e9, 7e10, 3e9];
        let middle = |i: usize| {
            let range = info.published.presets.last().map(|p| p.ranges[i]).filter(|r| r.1.is_finite());
            let inside = |(low, high): (f64, f64)| if low > 0.0 { (low * high).sqrt() } else { 0.5 * high };
            range.map_or(*usual.get(i).unwrap_or(&2.5), inside)
        };
        if ["loss", "days"].contains(&info.variables[0].name.as_str()) {
            return vec![Input::new(2.5)];
        }
        if info.name == "multilingual" {
            return vec![Input::new(2e8), Input::new(0.4)];
        }
        if info.name == "trajectory" {
            return vec![Input::new(2e7), Input::new(4e3), Input::new(1e5)];
        }
        (0..info.variables.len()).map(|i| Input::new(middle(i))).collect()
    }

    #[test]
    fn gradients_and_curvatures_agree_with_finite_differences() {
        for form in every_form() {
            let info = form.info();
            let at = Coordinates::new(info, &[], &[]).unwrap();
            let u = at.coordinates(&point(form.as_ref()));
            let row = row(info);
            let free = u.len();
            let gradient = |u: &[f64]| {
                let (mut y, mut slopes) = (vec![0.0], vec![0.0; free]);
                form.gradients(&at, u, &row, &mut y, &mut slopes);
                (y[0], slopes)
            };
            let (_, slopes) = gradient(&u);
            for k in 0..free {
                let step = 1e-5;
                let shifted = |by: f64| {
                    let mut v = u.clone();
                    v[k] += by;
                    gradient(&v)
                };
                let (up, down) = (shifted(step), shifted(-step));
                let slope = (up.0 - down.0) / (2.0 * step);
                let scale = 1e-6 * (1.0 + slope.abs());
                assert!((slopes[k] - slope).abs() < scale, "{} d/d{k}: {} {slope}", info.name, slopes[k]);
                let mut second = vec![0.0; free];
                form.curvature(&at, &u, k, &row, &mut second);
                for (j, got) in second.iter().enumerate() {
                    let want = (up.1[j] - down.1[j]) / (2.0 * step);
                    assert!((got - want).abs() < 1e-5 * (1.0 + want.abs()), "{} {k},{j}", info.name);
                }
            }
        }
    }

    #[test]
    fn declared_linear_coefficients_are_linear() {
        for form in every_form() {
            let info = form.info();
            let c = point(form.as_ref());
            let row: Vec<Input> = info.variables.iter().map(|_| Input::new(2.5)).collect();
            for (i, _) in info.coefficients.iter().enumerate().filter(|(_, c)| c.linear) {
                let value = |factor: f64| {
                    let mut changed = c.clone();
                    changed[i] *= factor;
                    form.predict_one(&changed, &row)
                };
                let (one, two, three) = (value(1.0), value(2.0), value(3.0));
                assert!((three - 2.0 * two + one).abs() < 1e-9 * three.abs().max(1.0), "{} {i}", info.name);
            }
        }
    }
}
