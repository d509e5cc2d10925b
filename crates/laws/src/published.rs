//! What a paper prints about its law: coefficient sets as presets, numbers to check them against, and where
//! the published fit itself was wrong.

use crate::fitted::{Estimate, Model, PUBLISHED};
use crate::form::Info;
use crate::forms::with_presets;
use crate::reason::Status;
use crate::{Fit, Law, LawError, Reason};
use indexmap::IndexMap;
use kleiber_core::table::nearest;

/// Prefix of presets on the command line: `paper:low-bit/joint`.
pub const PREFIX: &str = "paper:";

/// The publication of a law.
#[derive(Debug, Clone, Copy, Default)]
pub struct Published {
    /// Name of the system or question, as studies call it: `low-bit-scaling`.
    pub slug: &'static str,
    /// What the law was fitted to, and what it is tested on here.
    pub tested: &'static str,
    /// What to know before using it: where the published code or fit is wrong, with numbers.
    pub notes: &'static [&'static str],
    /// Coefficient sets.
    pub presets: &'static [Preset],
}

/// A published coefficient set.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Law and set: `low-bit/joint`; [`PREFIX`] goes before it on the command line.
    pub name: &'static str,
    /// Paper and equation, table or repository.
    pub source: &'static str,
    /// Natural coefficients in the order of [`Info::coefficients`].
    pub coefficients: &'static [f64],
    /// Smallest and largest published value of each variable, in the order of [`Info::variables`]; `(0, inf)`
    /// where the paper does not say.
    pub ranges: &'static [(f64, f64)],
    /// Units and conditions under which the numbers hold.
    pub note: &'static str,
    /// Reproduces a published slip; the law's notes say which.
    pub compat: bool,
    /// Numbers of the paper that the set must give.
    pub printed: &'static [Printed],
}

/// A number the paper prints.
#[derive(Debug, Clone, Copy)]
pub struct Printed {
    /// What it is of.
    pub of: Of,
    /// The number.
    pub value: f64,
    /// Largest relative difference, from the digits printed.
    pub tolerance: f64,
    /// Table, figure or equation.
    pub place: &'static str,
}

/// What a printed number is of.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    /// The law at these inputs, in the order of [`Info::variables`].
    At(&'static [f64]),
    /// A derived quantity of this name.
    Derived(&'static str),
}

impl Preset {
    /// The preset of this name, with or without [`PREFIX`], and its law.
    ///
    /// # Errors
    /// [`LawError::Request`] with the nearest name, or the presets of the law when only that is named.
    pub fn named(name: &str) -> Result<(Law, &'static Self), LawError> {
        let wanted = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
        let laws: Vec<Law> = with_presets().collect();
        let all = || laws.iter().flat_map(|l| l.info().published.presets.iter().map(move |p| (l, p)));
        if let Some((law, preset)) = all().find(|(_, p)| p.name == wanted) {
            return Ok((law.clone(), preset));
        }
        let of_law: Vec<String> =
            all().filter(|(l, _)| l.info().name == wanted).map(|(_, p)| format!("{PREFIX}{}", p.name)).collect();
        if !of_law.is_empty() {
            return Err(LawError::Request(format!("`{name}` has several presets: {}", of_law.join(", "))));
        }
        let names: Vec<&str> = all().map(|(_, p)| p.name).collect();
        let near = nearest(&wanted, &names).map_or(String::new(), |n| format!("; did you mean `{PREFIX}{n}`?"));
        Err(LawError::Request(format!("no preset `{name}`{near} (`kleiber laws` lists them)")))
    }

    /// The value of the law for this set at natural inputs.
    pub fn predict(&self, law: &Law, x: &[f64]) -> f64 {
        law.predict(self.coefficients, x)
    }

    /// What the set gives where a number is printed; `None` for an unknown derived quantity.
    pub fn given(&self, law: &Law, printed: &Printed) -> Option<f64> {
        match printed.of {
            Of::At(x) => Some(self.predict(law, x)),
            Of::Derived(name) => Some(law.derived(self.coefficients).into_iter().find(|(n, _)| *n == name)?.1),
        }
    }
}

impl Fit {
    /// The published coefficients of a preset as a fit without intervals: what `predict` and `plan` take when
    /// there is no run table.
    ///
    /// # Errors
    /// As [`Preset::named`].
    pub fn published(name: &str) -> Result<Self, LawError> {
        let (law, preset) = Preset::named(name)?;
        let info = law.info();
        let point = |v: f64| Estimate::point(v, 0.95);
        let mut fit = Self::blank(&info.name, PUBLISHED, &info.objective.to_string(), &info.equation, 0);
        fit.status = Status::Ok;
        fit.coefficients = info
            .coefficients
            .iter()
            .map(|c| c.name.clone())
            .zip(preset.coefficients.iter().map(|v| point(*v)))
            .collect();
        fit.derived = law.derived(preset.coefficients).into_iter().map(|(n, v)| (n.to_string(), point(v))).collect();
        fit.columns = own_columns(info);
        let what = format!("the coefficients of {PREFIX}{} ({}): no interval is known", preset.name, preset.source);
        fit.warnings = vec![Reason::Assumed { what }.finding()];
        if !preset.note.is_empty() {
            fit.warnings.push(Reason::Assumed { what: preset.note.into() }.finding());
        }
        if preset.compat {
            let what =
                format!("{PREFIX}{} repeats a published slip; `kleiber laws {}` says which", preset.name, info.name);
            fit.warnings.push(Reason::Assumed { what }.finding());
        }
        fit.model = Some(Model::published(info, preset));
        Ok(fit)
    }
}

impl Model {
    fn published(info: &Info, preset: &Preset) -> Self {
        let known = info.variables.iter().zip(preset.ranges).filter(|(_, r)| r.0 > 0.0 && r.1.is_finite());
        let ranges: IndexMap<String, (f64, f64)> =
            info.variables.iter().zip(preset.ranges).map(|(v, r)| (v.name.clone(), *r)).collect();
        let flops = |name: &str| known.clone().find(|(v, _)| v.name == name).map(|(_, r)| *r);
        Self {
            bounds: Vec::new(),
            variables: Vec::new(),
            draws: Vec::new(),
            residuals: Vec::new(),
            log: info.objective.is_log(),
            ranges,
            flops_range: flops("flops"),
            ratio_range: None,
            rows: Vec::new(),
            optima: Vec::new(),
            chained: None,
        }
    }
}

fn own_columns(info: &Info) -> IndexMap<String, String> {
    let variables = info.variables.iter().map(|v| v.name.clone());
    variables.chain([info.response.name.to_string()]).map(|name| (name.clone(), name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn presets_fit_their_laws() {
        let mut seen = HashSet::new();
        for law in with_presets() {
            let info = law.info();
            for preset in info.published.presets {
                let name = preset.name;
                assert!(seen.insert(name), "{name} twice");
                assert!(name.starts_with(&format!("{}/", info.name)), "{name} is of {}", info.name);
                assert!(!preset.source.is_empty() && !info.published.slug.is_empty(), "{name} has no source");
                assert_eq!(preset.coefficients.len(), info.coefficients.len(), "{name}: coefficients");
                assert_eq!(preset.ranges.len(), info.variables.len(), "{name}: ranges");
                for (c, v) in info.coefficients.iter().zip(preset.coefficients) {
                    assert!(
                        (c.lower..=c.upper).contains(v) || preset.compat,
                        "{name}: {} = {v} is out of bounds",
                        c.name
                    );
                }
            }
        }
    }

    #[test]
    fn presets_give_the_numbers_their_papers_print() {
        for law in with_presets() {
            for preset in law.info().published.presets {
                let name = preset.name;
                assert!(preset.printed.len() >= 2, "{name} is tested against {} numbers", preset.printed.len());
                for printed in preset.printed {
                    let got = preset.given(&law, printed).unwrap_or_else(|| panic!("{name}: {printed:?}"));
                    let off = (got - printed.value).abs();
                    assert!(off <= printed.tolerance * printed.value.abs(), "{name}, {printed:?}: got {got}");
                }
            }
        }
    }
}
