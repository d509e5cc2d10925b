//! Where the numbers of an array in a file are in the arrays of the decoder.

use kleiber_tensor::parameters::Entry;

/// An array of a file and the array of the decoder that it holds, or holds rows of.
#[derive(Debug)]
pub(super) struct Piece {
    /// Name in the file.
    pub(super) theirs: String,
    /// Name in the decoder.
    pub(super) ours: String,
    order: Order,
}

/// How the rows of an array in a file are those of the decoder's; a vector is a matrix of one column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// As they are.
    Same,
    /// Rows are columns.
    Transposed,
    /// Some of the decoder's rows.
    Rows { from: usize, count: usize },
    /// Query, key and value head by head, where the decoder has all queries, all keys, all values.
    Interleaved { heads: usize, width: usize },
}

impl Piece {
    pub(super) fn new(theirs: impl Into<String>, ours: impl Into<String>, order: Order) -> Self {
        Self { theirs: theirs.into(), ours: ours.into(), order }
    }

    /// Shape of the array in the file.
    pub(super) fn shape(&self, entry: &Entry) -> Vec<usize> {
        let mut shape = entry.shape.clone();
        match self.order {
            Order::Same | Order::Interleaved { .. } => {}
            Order::Transposed => shape.reverse(),
            Order::Rows { count, .. } => shape[0] = count,
        }
        shape
    }

    /// Puts the numbers of the file in their places in the decoder's array.
    pub(super) fn scatter(&self, entry: &Entry, file: &[f32], array: &mut [f32]) {
        self.walk(entry, |theirs, ours, count, stride| {
            for (i, v) in file[theirs..theirs + count].iter().enumerate() {
                array[ours + i * stride] = *v;
            }
        });
    }

    /// The bytes of the file from the decoder's array.
    pub(super) fn gather(&self, entry: &Entry, array: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 * self.shape(entry).iter().product::<usize>());
        self.walk(entry, |_, ours, count, stride| {
            bytes.extend((0..count).flat_map(|i| array[ours + i * stride].to_le_bytes()));
        });
        bytes
    }

    /// Visits the rows of the file's array in order: where each starts there and in the decoder's array, how many
    /// numbers it has, and how far apart they are in the decoder's array.
    fn walk(&self, entry: &Entry, mut visit: impl FnMut(usize, usize, usize, usize)) {
        let shape = self.shape(entry);
        let columns = shape.get(1).copied().unwrap_or(1);
        for row in 0..shape[0] {
            let (ours, stride) = match self.order {
                Order::Same => (row * columns, 1),
                Order::Transposed => (row, shape[0]),
                Order::Rows { from, .. } => ((from + row) * columns, 1),
                Order::Interleaved { heads, width } => {
                    let (head, part, i) = (row / (3 * width), row / width % 3, row % width);
                    (((part * heads + head) * width + i) * columns, 1)
                }
            };
            visit(row * columns, ours, columns, stride);
        }
    }
}
