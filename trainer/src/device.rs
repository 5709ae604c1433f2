//! Where to compute: the CPU, or a CUDA GPU in a build with that feature.

use crate::model::embed::Shapes;
use crate::train::step;

#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: Kind,
    /// Texts of one forward pass; by default 32 on the CPU, 256 on a GPU.
    #[arg(long)]
    rows: Option<usize>,
    /// Texts times tokens of one training graph, beyond which a batch goes by GradCache.
    #[arg(long)]
    graph_tokens: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    Cpu,
    #[cfg(feature = "cuda")]
    Cuda,
}

impl Args {
    /// Batch shapes that suit the device. A GPU compiles for every shape: few of them, and full.
    pub fn settings(&self, pad: u32) -> step::Device {
        let gpu = self.device != Kind::Cpu;
        let (rows, tokens) = if gpu { (256, 200_000) } else { (32, 4_000) };
        step::Device {
            shapes: Shapes { rows: self.rows.unwrap_or(rows), coarse: gpu },
            graph_tokens: self.graph_tokens.unwrap_or(tokens),
            pad,
        }
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
        }
    };
}
pub(crate) use with_backend;
