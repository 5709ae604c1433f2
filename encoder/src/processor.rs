//! What ONNX Runtime packs weights for.

/// The processor's instruction sets by which ONNX Runtime chooses its kernels, and with them how it packs the weights of a float32
/// graph.
pub fn processor() -> String {
    let present: Vec<&str> = features().into_iter().filter_map(|(name, present)| present.then_some(name)).collect();
    [&[std::env::consts::ARCH], present.as_slice()].concat().join(" ")
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<(&'static str, bool)> {
    use std::arch::x86_64::__cpuid_count;
    macro_rules! detected {
        ($($name:tt)*) => { vec![$(($name, is_x86_feature_detected!($name))),*] };
    }
    let mut features = detected!("sse4.1" "avx" "avx2" "fma" "avxvnni" "avxvnniint8" "avx512f" "avx512cd" "avx512bw" "avx512dq" "avx512vl" "avx512vnni" "avx512bf16" "avx512fp16");
    // Intel's manual, volume 2A, CPUID: leaf 7, EDX bits 22, 24 and 25.
    let amx = if __cpuid_count(0, 0).eax >= 7 { __cpuid_count(7, 0).edx } else { 0 };
    features
        .extend([("amx-bf16", 22), ("amx-tile", 24), ("amx-int8", 25)].map(|(name, bit)| (name, amx >> bit & 1 == 1)));
    features
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
