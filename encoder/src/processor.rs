//! What ONNX Runtime packs weights for.

/// The processor's instruction sets by which ONNX Runtime chooses its kernels, and with them how it packs the weights of a float32
/// graph.
pub fn processor() -> String {
    let present: Vec<&str> = features().into_iter().filter_map(|(name, present)| present.then_some(name)).collect();
    [&[std::env::consts::ARCH], present.as_slice()].concat().join(" ")
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<(&'static str, bool)> {
    macro_rules! detected {
        ($($name:tt)*) => { vec![$(($name, is_x86_feature_detected!($name))),*] };
    }
    let mut features = detected!("sse4.1" "avx" "avx2" "fma" "avxvnni" "avxvnniint8" "avx512f" "avx512cd" "avx512bw" "avx512dq" "avx512vl" "avx512vnni" "avx512bf16" "avx512fp16");
    features.extend(
        [("amx-bf16", AMX_BF16), ("amx-tile", AMX_TILE), ("amx-int8", AMX_INT8)]
            .map(|(name, bit)| (name, has_amx(bit))),
    );
    features
}

/// Bits of what AMX can do, for [`has_amx`].
#[cfg(target_arch = "x86_64")]
const AMX_BF16: u32 = 22;
#[cfg(target_arch = "x86_64")]
pub const AMX_TILE: u32 = 24;
#[cfg(target_arch = "x86_64")]
pub const AMX_INT8: u32 = 25;

/// Whether the processor has this part of AMX. Intel's manual, volume 2A, CPUID: leaf 7, EDX.
#[cfg(target_arch = "x86_64")]
pub fn has_amx(bit: u32) -> bool {
    use std::arch::x86_64::__cpuid_count;
    __cpuid_count(0, 0).eax >= 7 && __cpuid_count(7, 0).edx >> bit & 1 == 1
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<(&'static str, bool)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_the_same_every_time() {
        assert!(super::processor().starts_with(std::env::consts::ARCH));
        assert_eq!(super::processor(), super::processor());
    }
}
