//! A law as users hold it: by name, as a formula, or out of a saved fit.

use crate::evaluate::Evaluate;
use crate::form::{Form, Info, Input};
use crate::forms::{Allocation, Bound, Formula, MAX_BREAKS, find, registry};
use crate::{Fit, LawError};
use kleiber_core::table::nearest;
use std::path::Path;
use std::sync::Arc;

/// A functional form, ready to be fitted or evaluated.
#[derive(Clone)]
pub struct Law {
    form: Arc<dyn Evaluate>,
    bounds: Vec<Bound>,
}

impl Law {
    /// A law of your own: one type with a formula and its facts is all that fitting, predicting, comparing and
    /// planning need. The laws of the catalogue are made in the same way, one file each.
    ///
    /// ```
    /// use kleiber_laws::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
    /// use kleiber_laws::published::Published;
    /// use kleiber_laws::real::Real;
    /// use kleiber_laws::{Law, Objective, Options, simulate};
    ///
    /// /// y = E + a / x.
    /// struct Toy(Info);
    ///
    /// impl Form for Toy {
    ///     fn info(&self) -> &Info {
    ///         &self.0
    ///     }
    ///     fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
    ///         c[0] + c[1].scale(1.0 / row[0].value)
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), kleiber_laws::LawError> {
    /// let law = Law::of_form(Toy(Info {
    ///     name: "toy".into(),
    ///     title: "a floor and one over size".into(),
    ///     paper: "nobody 2026".into(),
    ///     equation: "y = E + a/x".into(),
    ///     variables: vec![Variable::axis()],
    ///     response: POSITIVE_LOSS,
    ///     coefficients: vec![
    ///         Coefficient::positive("E", "floor").linear(),
    ///         Coefficient::positive("a", "height above it at x = 1").linear(),
    ///     ],
    ///     objective: Objective::Mse,
    ///     curve: false,
    ///     published: Published::default(),
    /// }));
    /// let table = simulate::scatter(&law, &[2.0, 30.0], &[(1.0, 100.0)], 12, 0.001, 1);
    /// let fit = law.fit(&table, &Options { bootstrap: 100, ..Options::default() })?;
    /// assert!((fit.value("a").unwrap() - 30.0).abs() < 0.3);
    /// # Ok(()) }
    /// ```
    pub fn of_form(form: impl Form + 'static) -> Self {
        Self { form: Arc::new(form), bounds: Vec::new() }
    }

    /// The law of this name: `chinchilla`, `bnsl:1`, ...
    ///
    /// # Errors
    /// [`LawError::UnknownLaw`] with the nearest name.
    pub fn named(name: &str) -> Result<Self, LawError> {
        if let Some(form) = find(name) {
            return Ok(Self { form, bounds: Vec::new() });
        }
        let names: Vec<&str> = registry().iter().map(|e| e.name).collect();
        if name.to_lowercase().starts_with("bnsl") {
            return Err(LawError::Option {
                option: "law",
                found: name.into(),
                expected: format!("bnsl:0 to bnsl:{MAX_BREAKS} (the number of breaks)"),
            });
        }
        Err(LawError::UnknownLaw {
            name: name.into(),
            known: names.join(", "),
            nearest: nearest(name, &names).map(str::to_string),
        })
    }

    /// A law given as text; `columns` are the columns of the table it will be fitted to, and names in the
    /// text that are neither those nor canonical columns become coefficients.
    ///
    /// # Errors
    /// [`LawError::Formula`] and the errors of the expression language.
    pub fn formula(text: &str, columns: &[&str], bounds: &[Bound]) -> Result<Self, LawError> {
        Ok(Self { form: Arc::new(Formula::parse(text, columns, bounds)?), bounds: bounds.to_vec() })
    }

    /// A name of the catalogue, or else a formula (anything with an operator in it).
    ///
    /// # Errors
    /// As [`Law::named`] and [`Law::formula`].
    pub fn parse(text: &str, columns: &[&str], bounds: &[Bound]) -> Result<Self, LawError> {
        let is_formula = text.contains(['+', '*', '/', '^', '(', '=']);
        if is_formula { Self::formula(text, columns, bounds) } else { Self::named(text) }
    }

    /// The law behind a saved fit.
    ///
    /// # Errors
    /// [`LawError::NotALaw`] when the fit was refused or is of a law this version does not know.
    pub fn of(fit: &Fit) -> Result<Self, LawError> {
        if fit.law == "allocation" {
            return Ok(Self { form: Arc::new(Allocation::new()), bounds: Vec::new() });
        }
        let model = fit.model.as_ref();
        let columns: Vec<&str> = model.map(|m| m.variables.iter().map(String::as_str).collect()).unwrap_or_default();
        let bounds: Vec<Bound> = model
            .map(|m| {
                m.bounds
                    .iter()
                    .map(|(name, lower, upper)| Bound { name: name.clone(), lower: *lower, upper: *upper })
                    .collect()
            })
            .unwrap_or_default();
        let law = Self::parse(&fit.law, &columns, &bounds)?;
        let names = law.info().coefficients.iter().map(|c| &c.name);
        if !fit.coefficients.keys().eq(names) {
            let why = format!("its coefficients are not those of {}", fit.law);
            return Err(LawError::NotALaw { source_name: fit.law.clone(), why });
        }
        Ok(law)
    }

    /// Facts about the law: variables, coefficients, paper.
    pub fn info(&self) -> &Info {
        self.form.info()
    }

    /// The prediction for natural coefficients `c` at natural inputs `x`, in the order of
    /// [`Info::coefficients`] and [`Info::variables`].
    ///
    /// # Panics
    /// When `c` or `x` is shorter than the law needs.
    pub fn predict(&self, c: &[f64], x: &[f64]) -> f64 {
        let row: Vec<Input> = x.iter().map(|&v| Input::new(v)).collect();
        self.form.predict_one(c, &row)
    }

    /// Quantities that follow from the coefficients.
    pub fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        self.form.derived(c)
    }

    /// Training compute at inputs `x`: 6 x params x tokens, or the law's own variable; `None` for laws
    /// without compute.
    pub fn compute(&self, x: &[f64]) -> Option<f64> {
        let info = self.info();
        let size = info.variables.iter().position(|v| v.name.starts_with("params"));
        match (size, info.variable("tokens"), info.variable("flops")) {
            (_, _, Some(c)) => Some(x[c]),
            (Some(n), Some(d), None) => Some(6.0 * x[n] * x[d]),
            _ => None,
        }
    }

    /// Tokens per parameter at inputs `x`; `None` for laws without both.
    pub fn tokens_per_param(&self, x: &[f64]) -> Option<f64> {
        let info = self.info();
        let size = info.variables.iter().position(|v| v.name.starts_with("params"))?;
        Some(x[info.variable("tokens")?] / x[size])
    }

    pub(crate) fn form(&self) -> &dyn Evaluate {
        self.form.as_ref()
    }

    pub(crate) fn bounds(&self) -> &[Bound] {
        &self.bounds
    }
}

impl std::fmt::Debug for Law {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Law").field(&self.info().name).finish()
    }
}

impl Fit {
    /// Largest saved law that is read.
    const MAX_BYTES: u64 = 256 << 20;

    /// Reads a law saved with `fit -o`.
    ///
    /// # Errors
    /// [`LawError::NotALaw`] for anything else, and for a refused fit; I/O errors.
    pub fn read(path: &Path) -> Result<Self, LawError> {
        let source_name = path.display().to_string();
        let not = |why: String| LawError::NotALaw { source_name: source_name.clone(), why };
        let io = |e: std::io::Error| not(format!("cannot read: {e}"));
        if std::fs::metadata(path).map_err(&io)?.len() > Self::MAX_BYTES {
            return Err(not(format!("larger than {} bytes", Self::MAX_BYTES)));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let fit: Self = serde_json::from_slice(&bytes).map_err(|e| not(e.to_string()))?;
        if fit.schema != crate::fitted::SCHEMA {
            return Err(not(format!("its schema is `{}`, expected `{}`", fit.schema, crate::fitted::SCHEMA)));
        }
        if !fit.is_ok() {
            let reasons: Vec<&str> = fit.reasons.iter().map(|r| r.code.as_str()).collect();
            return Err(not(format!("the fit was refused ({})", reasons.join(", "))));
        }
        fit.check().map_err(not)?;
        Ok(fit)
    }

    /// Whether everything that `predict` and `plan` use is there and fits together.
    fn check(&self) -> Result<(), String> {
        let law = Law::of(self).map_err(|e| e.to_string())?;
        let count = law.info().coefficients.len();
        let model = self.model.as_ref().ok_or("it has no model part; save it with -o, not --json")?;
        if model.draws.iter().any(|d| d.len() != count) {
            return Err("a draw has the wrong number of coefficients".into());
        }
        if model.rows.iter().any(|row| row.1.len() != law.info().variables.len()) {
            return Err("a row has the wrong number of values".into());
        }
        if let Some((name, _)) =
            self.coefficients.iter().find(|(n, e)| e.value.is_none() && self.law != "allocation" && !n.is_empty())
        {
            return Err(format!("coefficient {name} has no value"));
        }
        model.chained.as_ref().map_or(Ok(()), |first| first.check())
    }

    /// Saves the law, with everything `predict` and `plan` need, atomically.
    ///
    /// # Errors
    /// I/O errors.
    pub fn write(&self, path: &Path) -> Result<(), LawError> {
        let text = serde_json::to_string(self).map_err(|e| LawError::Request(e.to_string()))?;
        Ok(kleiber_core::atomic::write(path, text.as_bytes())?)
    }
}
