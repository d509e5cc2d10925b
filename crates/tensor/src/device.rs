//! Where tensors are and where operators run.

use burn::tensor::{DType, Device as Backend, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// A device of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The processor, through the fused operators of this crate.
    #[default]
    Cpu,
    /// The graphics processor that the system prefers, through operators composed of the framework's.
    Gpu,
}

/// Why a device cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The program was built for processors alone.
    #[error("this program was built without the GPU")]
    NotBuilt,
    /// No driver, or no device that one knows.
    #[error("no GPU was found on this machine")]
    NotFound,
}

impl DeviceError {
    /// One thing to try.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NotBuilt => "build with `cargo build --release --features gpu`, or use train.device = \"cpu\"",
            Self::NotFound => {
                "install its driver (on Linux that for Vulkan, Mesa's or the vendor's), or use train.device = \"cpu\""
            }
        }
    }
}

impl Device {
    /// The device's name when it can be used; the processor has none of its own.
    ///
    /// # Errors
    /// [`DeviceError`] when it cannot.
    pub fn open(self) -> Result<Option<String>, DeviceError> {
        match self {
            Self::Cpu => Ok(None),
            Self::Gpu => gpu::open().map(Some),
        }
    }

    /// Numbers as a tensor on the device.
    ///
    /// # Panics
    /// On the GPU unless [`Device::open`] found it.
    pub(crate) fn tensor<const D: usize>(self, numbers: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(numbers, shape), (&self.backend(), DType::F32))
    }

    fn backend(self) -> Backend {
        match self {
            Self::Cpu => Backend::flex(),
            Self::Gpu => gpu::backend(),
        }
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use super::{Backend, DeviceError};
    use burn::tensor::{DeviceKind, DeviceType};
    use std::sync::OnceLock;

    pub(super) fn backend() -> Backend {
        Backend::wgpu(DeviceKind::DefaultDevice)
    }

    pub(super) fn open() -> Result<String, DeviceError> {
        static NAME: OnceLock<Option<String>> = OnceLock::new();
        let name = NAME.get_or_init(|| {
            // Opening a device that is not there would end the program.
            let there = !Backend::enumerate(DeviceType::Wgpu).into_vec().is_empty();
            there.then(|| backend().identity().map_or_else(|| "unnamed".into(), |identity| identity.name))
        });
        name.clone().ok_or(DeviceError::NotFound)
    }
}

#[cfg(not(feature = "gpu"))]
mod gpu {
    use super::{Backend, DeviceError};

    pub(super) fn backend() -> Backend {
        unreachable!("`open` refuses the GPU in this build")
    }

    pub(super) fn open() -> Result<String, DeviceError> {
        Err(DeviceError::NotBuilt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there() {
        assert_eq!(Device::default().open(), Ok(None));
        #[cfg(not(feature = "gpu"))]
        assert_eq!(Device::Gpu.open(), Err(DeviceError::NotBuilt));
    }
}
