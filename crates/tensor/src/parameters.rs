//! A model's parameters: names and shapes over one flat buffer.

use crate::device::Device;
use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Gradients, Shape, Tensor};
use std::sync::Arc;

/// One named array of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Dotted name, unique in the model.
    pub name: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// How the optimiser treats it.
    pub group: Group,
    /// Where it starts in the flat buffer.
    pub offset: usize,
}

/// How the optimiser treats an array, relative to its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// Factor of the learning rate.
    pub rate: f64,
    /// Factor of the weight decay.
    pub decay: f64,
}

impl Group {
    /// Decayed, as matrices usually are.
    pub const DECAYED: Self = Self { rate: 1.0, decay: 1.0 };
    /// Not decayed, as gains and biases usually are.
    pub const FREE: Self = Self { rate: 1.0, decay: 0.0 };
}

impl Entry {
    /// Numbers in the array.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The index of a parameter array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(usize);

impl Handle {
    /// Place among the entries.
    pub fn index(self) -> usize {
        self.0
    }
}

/// All parameters of a model, in one buffer in main memory that tensors of the CPU look into.
#[derive(Debug, Clone)]
pub struct Parameters {
    entries: Vec<Entry>,
    buffer: Arc<Bytes>,
}

/// Declares parameters before their buffer exists.
#[derive(Debug, Default)]
pub struct Builder {
    entries: Vec<Entry>,
    len: usize,
}

impl Builder {
    /// Adds an array behind those declared so far.
    pub fn declare(&mut self, name: impl Into<String>, shape: &[usize], group: Group) -> Handle {
        let entry = Entry { name: name.into(), shape: shape.to_vec(), group, offset: self.len };
        // Sizes of untrusted configurations are compared with a file before anything is reserved.
        self.len = self.len.saturating_add(entry.len());
        self.entries.push(entry);
        Handle(self.entries.len() - 1)
    }

    /// The arrays declared so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Numbers in all arrays together.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no array holds a number.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The parameters with these values, array after array.
    ///
    /// # Panics
    /// When the arrays do not hold as many values.
    pub fn build(self, values: Vec<f32>) -> Parameters {
        assert!(values.len() == self.len, "{} values for arrays of {}", values.len(), self.len);
        Parameters { entries: self.entries, buffer: Arc::new(Bytes::from_elems(values)) }
    }
}

impl Parameters {
    /// The arrays in the order of the buffer.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Gives every array the group that `choose` makes of it.
    pub fn regroup(&mut self, choose: impl Fn(&Entry) -> Group) {
        for index in 0..self.entries.len() {
            self.entries[index].group = choose(&self.entries[index]);
        }
    }

    /// The numbers of one array.
    pub fn array(&self, handle: Handle) -> &[f32] {
        let entry = &self.entries[handle.0];
        &self.values()[entry.offset..entry.offset + entry.len()]
    }

    /// The handles of the entries, in order.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + use<> {
        (0..self.entries.len()).map(Handle)
    }

    /// Parameters in all.
    pub fn len(&self) -> usize {
        self.buffer.len() / size_of::<f32>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// All numbers.
    pub fn values(&self) -> &[f32] {
        numbers(&self.buffer)
    }

    /// All numbers, to be changed; copied first when tensors still look at them.
    pub fn values_mut(&mut self) -> &mut [f32] {
        if Arc::get_mut(&mut self.buffer).is_none() {
            let copy = self.values().to_vec();
            self.buffer = Arc::new(Bytes::from_elems(copy));
        }
        let bytes = Arc::get_mut(&mut self.buffer).expect("the buffer was copied if it was shared");
        let count = bytes.len() / size_of::<f32>();
        // SAFETY: the buffer was made from f32 values, so it is aligned for them and holds whole ones.
        unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), count) }
    }

    /// The array of a handle as a tensor: on the CPU one that looks into the buffer, elsewhere a copy. With `tracked` its
    /// gradient is kept.
    ///
    /// # Panics
    /// When the array has another number of dimensions, or the device was not opened.
    pub fn tensor<const D: usize>(&self, handle: Handle, device: Device, tracked: bool) -> Tensor<D> {
        let entry = &self.entries[handle.0];
        let shape: [usize; D] = entry.shape.as_slice().try_into().expect("the rank of a parameter is known");
        let tensor = match device {
            Device::Cpu => self.look(entry, shape),
            Device::Gpu => device.tensor(self.array(handle).to_vec(), shape),
        };
        if tracked { tensor.autodiff().require_grad() } else { tensor }
    }

    fn look<const D: usize>(&self, entry: &Entry, shape: [usize; D]) -> Tensor<D> {
        let mut strides = vec![1isize; D];
        for i in (0..D - 1).rev() {
            strides[i] = strides[i + 1] * shape[i + 1] as isize;
        }
        let layout = Layout::new(Shape::from(shape), strides, entry.offset);
        Tensor::from_primitive::<Flex>(FlexTensor::from_arc(self.buffer.clone(), layout, DType::F32))
    }
}

/// The gradient of a tracked tensor, taken out of `gradients`; `None` when nothing depended on it.
pub fn take_gradient<const D: usize>(tensor: &Tensor<D>, gradients: &mut Gradients) -> Option<Vec<f32>> {
    let gradient = tensor.grad_remove(gradients)?;
    gradient.into_data().try_into_vec().ok()
}

fn numbers(bytes: &Bytes) -> &[f32] {
    // SAFETY: as in `Parameters::values_mut`.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<f32>()) }
}
