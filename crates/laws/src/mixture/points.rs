//! Points with the same number of coordinates, row by row.

/// Rows of equal width in one slice: mixtures by their domain shares, or samples by their features.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    width: usize,
    values: Vec<f64>,
}

impl Points {
    /// Rows of `width` numbers each.
    ///
    /// # Panics
    /// When `width` is zero or does not divide the number of values.
    pub fn new(width: usize, values: Vec<f64>) -> Self {
        assert!(width > 0 && values.len().is_multiple_of(width), "{} values in rows of {width}", values.len());
        Self { width, values }
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// All rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.width)
    }

    /// The rows of these indices.
    pub fn take(&self, rows: &[usize]) -> Self {
        Self { width: self.width, values: rows.iter().flat_map(|&i| self.row(i)).copied().collect() }
    }

    /// Mean of each coordinate.
    pub fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.width];
        self.iter().for_each(|row| mean.iter_mut().zip(row).for_each(|(m, v)| *m += v));
        mean.iter_mut().for_each(|m| *m /= self.len() as f64);
        mean
    }
}
