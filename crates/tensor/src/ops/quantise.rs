//! Which operands of a projection's products are rounded to a format of few bits.

use crate::kernels::float_format::{self, Along, Block, Format};
use crate::kernels::scratch;
use std::borrow::Cow;

/// An operand of one of the three products of a projection, as Sun et al. 2025 (arXiv 2501.02423) number them:
/// `Y = X W^T`, `dX = dY W` and `dW = dY^T X`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// P1: X of the forward product.
    Input,
    /// P2: W of the forward product.
    Weights,
    /// P3: dY of the product for dX.
    GradientForInput,
    /// P4: W of the product for dX.
    WeightsForInput,
    /// P5: dY of the product for dW.
    GradientForWeights,
    /// P6: X of the product for dW.
    InputForWeights,
}

impl Operand {
    /// All of them in order.
    pub const ALL: [Self; 6] = [
        Self::Input,
        Self::Weights,
        Self::GradientForInput,
        Self::WeightsForInput,
        Self::GradientForWeights,
        Self::InputForWeights,
    ];

    /// Its name, `P1` to `P6`.
    pub fn name(self) -> &'static str {
        ["P1", "P2", "P3", "P4", "P5", "P6"][self as usize]
    }

    /// Where its numbers lie that the product sums over.
    fn along(self) -> Along {
        match self {
            // Sums over inputs; over outputs, which are the rows of W; over rows of X and Y.
            Self::Input | Self::Weights | Self::GradientForInput => Along::Rows,
            Self::WeightsForInput | Self::GradientForWeights | Self::InputForWeights => Along::Columns,
        }
    }
}

/// What projections round to a format of few bits before they multiply. Products themselves, what is added to them and
/// what is kept are single precision, and the way back takes rounding for the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantise {
    /// The format.
    pub format: Format,
    /// Numbers that share a scale, among those that a product sums over.
    pub block: Block,
    /// Whether each of [`Operand::ALL`] is rounded.
    pub operands: [bool; 6],
}

impl Quantise {
    /// Whether an operand is rounded.
    pub fn covers(&self, operand: Operand) -> bool {
        self.operands[operand as usize]
    }

    /// A matrix as it enters a product: rounded, or as it is.
    pub(super) fn operand<'a>(this: Option<&Self>, operand: Operand, x: &'a [f32], width: usize) -> Cow<'a, [f32]> {
        match this.filter(|q| q.covers(operand)) {
            None => Cow::Borrowed(x),
            Some(q) => {
                let mut y = scratch(x.len());
                float_format::quantise(q.format, q.block, operand.along(), width, x, &mut y);
                Cow::Owned(y)
            }
        }
    }
}
