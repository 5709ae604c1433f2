//! Where to compute: the CPU, or a CUDA GPU in a build with that feature.

use crate::model::embed::Shapes;
use crate::train::step;

#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: Kind,
    /// Texts of one forward pass on the CPU.
    #[arg(long, default_value_t = 32)]
    rows: usize,
    /// Tokens of one forward pass on a GPU, padding included.
    #[arg(long, default_value_t = 8_192)]
    pass_tokens: usize,
    /// Tokens of one training graph, beyond which a batch goes by GradCache; by default 4,000 on the CPU, 50,000 on a GPU, 200,000 by
    /// libtorch.
    #[arg(long)]
    graph_tokens: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    Cpu,
    /// An NVIDIA GPU by CubeCL: kernels are compiled at the start.
    #[cfg(feature = "cuda")]
    Cuda,
    /// An NVIDIA GPU by libtorch.
    #[cfg(feature = "libtorch")]
    Torch,
    /// The CPU by libtorch.
    #[cfg(feature = "libtorch")]
    TorchCpu,
}

impl Args {
    /// Batch shapes and graph size that suit the device.
    pub fn settings(&self, pad: u32) -> step::Device {
        let (shapes, tokens) = match self.device {
            Kind::Cpu => (Shapes::Rows(self.rows), 4_000),
            #[cfg(feature = "cuda")]
            Kind::Cuda => (Shapes::Tokens(self.pass_tokens), 50_000),
            #[cfg(feature = "libtorch")]
            Kind::Torch | Kind::TorchCpu => (Shapes::Packed(self.pass_tokens), 200_000),
        };
        step::Device { shapes, graph_tokens: self.graph_tokens.unwrap_or(tokens), pad }
    }
}

/// Runs `$body` with `$B` the autodiff backend and `$device` its device.
macro_rules! with_backend {
    ($args:expr, |$B:ident, $device:ident| $body:expr) => {
        match $args.device {
            $crate::device::Kind::Cpu => {
                type $B = burn_autodiff::Autodiff<burn_flex::Flex>;
                let $device = burn_flex::FlexDevice::default();
                $body
            }
            #[cfg(feature = "cuda")]
            $crate::device::Kind::Cuda => {
                type $B = burn_autodiff::Autodiff<burn_cuda::Cuda>;
                let $device = burn_cuda::CudaDevice::default();
                $body
            }
            #[cfg(feature = "libtorch")]
            $crate::device::Kind::Torch | $crate::device::Kind::TorchCpu => {
                type $B = burn_autodiff::Autodiff<burn_tch::LibTorch>;
                let $device = match $args.device {
                    $crate::device::Kind::Torch => burn_tch::LibTorchDevice::Cuda(0),
                    _ => burn_tch::LibTorchDevice::Cpu,
                };
                $body
            }
        }
    };
}
pub(crate) use with_backend;
