//! `do = "density"`: how many parameters of a reference family a model's score is worth.

use super::Step;
use crate::{Context, StudyError};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::density::{Density, DensityModel};
use kleiber_laws::{Estimate, Fit, Law, Options};
use serde::Deserialize;

/// The rows of `models` with `density`, `density_low`, `density_high`, `effective_params` and `outside`, which says between
/// which scores there is an answer where there is none. All densities are at the same `tokens` of the family.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DensityStep {
    /// Runs of the family: columns of `law`.
    family: String,
    /// Loss law of parameters and tokens.
    #[serde(default = "densing")]
    law: String,
    /// Columns of the family that are mapped first.
    #[serde(default)]
    map: Vec<String>,
    /// Rows from loss to score: columns `loss` and `score`; the family itself otherwise.
    bridge: Option<String>,
    /// Conditions on them, such as a score above chance.
    #[serde(default)]
    bridge_where: Vec<String>,
    /// Models: columns `params` and `score`.
    models: String,
    /// Columns of the models that are mapped first.
    #[serde(default)]
    models_map: Vec<String>,
    /// D_0: tokens of the family at which its size is asked for.
    tokens: f64,
    /// Draws of the intervals.
    #[serde(default = "draws")]
    bootstrap: usize,
}

fn densing() -> String {
    "densing".into()
}

fn draws() -> usize {
    300
}

impl Step for DensityStep {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let family = context.rows(&self.family, &self.map, &[])?;
        let bridge = match &self.bridge {
            Some(name) => context.rows(name, &self.map, &self.bridge_where)?,
            None => context.rows(&self.family, &self.map, &self.bridge_where)?,
        };
        let options =
            Options { bootstrap: self.bootstrap, influence: false, seed: context.options.seed, ..Options::default() };
        let fitted = |law: &str, rows: &Table| -> Result<Fit, StudyError> {
            let fit = Law::named(law)?.fit(rows, &options)?;
            match fit.reasons.first().filter(|_| !fit.is_ok()) {
                Some(reason) => {
                    Err(StudyError::refused(format!("{law}: {}", reason.message), "add runs to the family"))
                }
                None => Ok(fit),
            }
        };
        let model = DensityModel::new(&fitted(&self.law, &family)?, &fitted("score-sigmoid", &bridge)?)?;
        let rows = context.rows(&self.models, &self.models_map, &[])?;
        let (params, scores) = (rows.numbers("params")?, rows.numbers("score")?);
        let found: Vec<Result<Density, String>> = params
            .iter()
            .zip(&scores)
            .map(|(params, score)| {
                let found = model.evaluate(*params, *score, self.tokens, options.level);
                found.map_err(|o| format!("a score of {} is not between {:.4} and {:.4}", o.score, o.low, o.high))
            })
            .collect();
        let number = |of: fn(&Estimate) -> Option<f64>| -> Cells {
            let cell = |d: &Result<Density, String>| d.as_ref().ok().and_then(|d| of(&d.density)).unwrap_or(f64::NAN);
            Cells::Number(found.iter().map(cell).collect())
        };
        let effective = |d: &Result<Density, String>| d.as_ref().ok().and_then(|d| d.effective_params.value);
        let outside = |d: &Result<Density, String>| d.as_ref().err().cloned().unwrap_or_default().into();
        let columns = [
            ("density", number(|d| d.value)),
            ("density_low", number(|d| d.low)),
            ("density_high", number(|d| d.high)),
            ("effective_params", Cells::Number(found.iter().map(|d| effective(d).unwrap_or(f64::NAN)).collect())),
            ("outside", Cells::Text(found.iter().map(outside).collect())),
        ];
        let with = |table: Table, (name, cells): (&str, Cells)| table.with_column(Column { name: name.into(), cells });
        Ok(columns.into_iter().try_fold(rows, with)?)
    }
}
