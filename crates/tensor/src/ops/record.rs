//! The bridge between kernels on slices and the automatic differentiation of the framework.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Bytes, DType, Shape, Tensor};
use std::fmt::Debug;
use std::marker::PhantomData;

/// The CPU with gradients.
type Recorded = Autodiff<Flex>;

/// What a fused operator keeps for the way back.
pub(super) trait Fused: Clone + Send + Debug + 'static {
    /// Gradients of the inputs in the order of their nodes, from that of the output; only those `wanted` are used.
    fn backward(self, gradient: FlexTensor, wanted: &[bool]) -> Vec<Option<FlexTensor>>;
}

/// An input on the CPU: its numbers, and its place in the graph.
pub(super) struct Input {
    pub(super) tensor: FlexTensor,
    pub(super) node: NodeGuard,
}

/// Takes a tensor apart when it lives on the CPU; gives it back otherwise.
pub(super) fn input<const D: usize>(tensor: &Tensor<D>) -> Option<Input> {
    let tracked = tensor.clone().autodiff().try_into_primitive::<Recorded>().ok()?;
    let (tensor, node) = tracked.into_parts();
    let tensor = if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() };
    Some(Input { tensor, node })
}

/// An input that need not be there; `None` when it is there but not on the CPU.
pub(super) fn optional<const D: usize>(tensor: Option<&Tensor<D>>) -> Option<Option<Input>> {
    match tensor {
        Some(tensor) => input(tensor).map(Some),
        None => Some(None),
    }
}

/// The numbers of a tensor.
///
/// # Panics
/// When they are not single precision without gaps, which [`input`] and [`tensor`] see to.
pub(super) fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice::<f32>().expect("inputs are contiguous single precision")
}

/// A new tensor of these numbers.
pub(super) fn tensor(numbers: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(numbers), Layout::contiguous(shape.into()), DType::F32)
}

/// The shape of a tensor.
pub(super) fn shape<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().dims()
}

/// The output as a tensor whose gradient `state` turns into those of the inputs with these nodes.
pub(super) fn record<O: Fused, const D: usize>(
    nodes: Vec<NodeGuard>,
    output: FlexTensor,
    state: impl FnOnce() -> O,
) -> Tensor<D> {
    match nodes.len() {
        1 => record_n::<O, D, 1>(nodes, output, state),
        2 => record_n::<O, D, 2>(nodes, output, state),
        3 => record_n::<O, D, 3>(nodes, output, state),
        4 => record_n::<O, D, 4>(nodes, output, state),
        count => unreachable!("an operator of {count} inputs"),
    }
}

fn record_n<O: Fused, const D: usize, const N: usize>(
    nodes: Vec<NodeGuard>,
    output: FlexTensor,
    state: impl FnOnce() -> O,
) -> Tensor<D> {
    let Ok(nodes) = <[NodeGuard; N]>::try_from(nodes) else { unreachable!("the caller counted") };
    let step = Step::<O>(PhantomData);
    Tensor::from_primitive::<Recorded>(match step.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(state(), output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    })
}

struct Step<O>(PhantomData<fn() -> O>);

impl<O> Debug for Step<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<O>())
    }
}

impl<O: Fused, const N: usize> Backward<Flex, N> for Step<O> {
    type State = O;

    fn backward(self, ops: Ops<O, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let gradient = if gradient.as_slice::<f32>().is_some() { gradient } else { gradient.to_contiguous() };
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let inputs = ops.state.backward(gradient, &wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(inputs) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
    }
}
