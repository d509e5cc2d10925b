//! Which coefficients a fit may move: free ones have a search coordinate, fixed ones a value, tied
//! ones share the coordinate of another.

use crate::LawError;
use crate::evaluate::{MAX_COEFFICIENTS, MAX_FREE};
use crate::form::{Info, Scale};
use crate::real::Real;

/// The map from search coordinates to natural coefficients.
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinates {
    sources: Vec<Source>,
    /// Position of the coefficient that owns each free coordinate.
    owners: Vec<usize>,
    bounds: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    Free(usize, Scale),
    Fixed(f64),
}

impl Coordinates {
    /// All coefficients of `info` free, but for `fixed` (name, value) and `tied` (name = other name).
    ///
    /// # Errors
    /// [`LawError::UnknownCoefficient`] for a name the form does not have, [`LawError::Bounds`] for a
    /// fixed value outside its bounds, [`LawError::TooManyCoefficients`].
    pub fn new(info: &Info, fixed: &[(String, f64)], tied: &[(String, String)]) -> Result<Self, LawError> {
        let find = |name: &str| {
            info.coefficient(name).ok_or_else(|| LawError::UnknownCoefficient {
                name: name.into(),
                law: info.name.clone(),
                known: info.coefficients.iter().map(|c| c.name.clone()).collect(),
            })
        };
        let count = info.coefficients.len();
        let mut value = vec![None; count];
        for (name, number) in fixed {
            let i = find(name)?;
            let c = &info.coefficients[i];
            if !(c.lower..=c.upper).contains(number) {
                return Err(LawError::Bounds { name: name.clone(), value: *number, lower: c.lower, upper: c.upper });
            }
            if value[i].replace(*number).is_some_and(|other| other != *number) {
                return Err(LawError::Request(format!("{name} is held at two values")));
            }
        }
        let mut root: Vec<usize> = (0..count).collect();
        for (name, other) in tied {
            let (a, b) = (find(name)?, find(other)?);
            let (from, to) = (root[a].max(root[b]), root[a].min(root[b]));
            root.iter_mut().filter(|r| **r == from).for_each(|r| *r = to);
            if let (Some(x), Some(y)) = (value[to], value[from])
                && x != y
            {
                return Err(LawError::Request(format!("{name} and {other} are tied but held at {y} and {x}")));
            }
            value[to] = value[to].or(value[from]);
        }
        let mut owners = Vec::new();
        let mut sources: Vec<Source> = Vec::with_capacity(count);
        for i in 0..count {
            let scale = info.coefficients[i].scale;
            let source = match value[root[i]].or(value[i]) {
                Some(v) => Source::Fixed(v),
                None if root[i] != i => sources[root[i]],
                None => {
                    owners.push(i);
                    Source::Free(owners.len() - 1, scale)
                }
            };
            sources.push(source);
        }
        if owners.is_empty() {
            return Err(LawError::Request("every coefficient is held fixed: nothing is left to fit".into()));
        }
        if owners.len() > MAX_FREE || count > MAX_COEFFICIENTS {
            return Err(LawError::TooManyCoefficients { free: owners.len(), limit: MAX_FREE });
        }
        let bounds = owners.iter().map(|&i| info.coefficients[i].bounds()).collect();
        Ok(Self { sources, owners, bounds })
    }

    /// Number of free coordinates.
    pub fn free(&self) -> usize {
        self.owners.len()
    }

    /// Position of the coefficient that owns free coordinate `k`.
    pub fn owner(&self, k: usize) -> usize {
        self.owners[k]
    }

    /// The free coordinate of coefficient `i`, unless it is fixed.
    pub fn coordinate_of(&self, i: usize) -> Option<usize> {
        match self.sources[i] {
            Source::Free(k, _) => Some(k),
            Source::Fixed(_) => None,
        }
    }

    /// The value of coefficient `i`, when it is fixed.
    pub fn fixed(&self, i: usize) -> Option<f64> {
        match self.sources[i] {
            Source::Free(..) => None,
            Source::Fixed(v) => Some(v),
        }
    }

    /// Whether coefficient `i` is alone on its coordinate.
    pub fn untied(&self, i: usize) -> bool {
        let k = self.coordinate_of(i);
        k.is_some() && (0..self.sources.len()).filter(|&j| self.coordinate_of(j) == k).count() == 1
    }

    /// Lower and upper bound of each search coordinate.
    pub fn bounds(&self) -> &[(f64, f64)] {
        &self.bounds
    }

    /// Natural coefficients of search coordinates.
    pub fn natural(&self, u: &[f64]) -> Vec<f64> {
        let mut c = vec![0.0; self.sources.len()];
        self.natural_into(u, &mut c);
        c
    }

    pub(crate) fn natural_into<T: Real>(&self, u: &[T], c: &mut [T]) {
        for (slot, source) in c.iter_mut().zip(&self.sources) {
            *slot = match *source {
                Source::Fixed(v) => T::constant(v),
                Source::Free(k, Scale::Linear) => u[k],
                Source::Free(k, Scale::Log) => u[k].exp(),
            };
        }
    }

    /// Search coordinates of natural coefficients, held inside the bounds.
    pub fn coordinates(&self, c: &[f64]) -> Vec<f64> {
        let inside = |k: usize| {
            let Source::Free(_, scale) = self.sources[self.owners[k]] else { unreachable!("owners are free") };
            let (low, high) = self.bounds[k];
            let u = scale.coordinate(c[self.owners[k]]);
            if u.is_nan() { low } else { u.clamp(low, high) }
        };
        (0..self.free()).map(inside).collect()
    }

    /// These coordinates with coefficient `i` held at a natural value.
    pub fn hold(&self, i: usize, value: f64) -> Self {
        let mut held = self.clone();
        let Some(gone) = self.coordinate_of(i) else { return held };
        held.owners.remove(gone);
        held.bounds.remove(gone);
        for source in &mut held.sources {
            *source = match *source {
                Source::Free(k, _) if k == gone => Source::Fixed(value),
                Source::Free(k, s) if k > gone => Source::Free(k - 1, s),
                other => other,
            };
        }
        held
    }
}
