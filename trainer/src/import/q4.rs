//! GGML's Q4_0 blocks: 32 weights as one half-precision scale and 32 unsigned nibbles.

use anyhow::{Result, ensure};
use half::f16;

/// Weights in a block.
pub const BLOCK: usize = 32;
/// Bytes of a block: the scale, then byte `j` with weight `j` in its low and weight `j + 16` in its high nibble.
pub const BLOCK_BYTES: usize = 2 + BLOCK / 2;

/// Decodes whole blocks; weight = (nibble - 8) x scale.
pub fn decode(bytes: &[u8]) -> Result<Vec<f32>> {
    ensure!(bytes.len().is_multiple_of(BLOCK_BYTES), "{} bytes are not whole blocks of {BLOCK_BYTES}", bytes.len());
    let mut weights = Vec::with_capacity(bytes.len() / BLOCK_BYTES * BLOCK);
    for block in bytes.chunks_exact(BLOCK_BYTES) {
        let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
        let weight = |nibble: u8| (f32::from(nibble) - 8.0) * scale;
        weights.extend(block[2..].iter().map(|byte| weight(byte & 0x0f)));
        weights.extend(block[2..].iter().map(|byte| weight(byte >> 4)));
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(scale: f32, nibbles: [u8; 32]) -> Vec<u8> {
        let mut bytes = f16::from_f32(scale).to_le_bytes().to_vec();
        bytes.extend((0..16).map(|j| nibbles[j] | nibbles[j + 16] << 4));
        bytes
    }

    #[test]
    fn nibbles_come_back_in_order_and_centred() {
        let nibbles: [u8; 32] = std::array::from_fn(|i| (i % 16) as u8);
        let weights = decode(&block(0.5, nibbles)).unwrap();
        assert_eq!(weights.len(), BLOCK);
        assert_eq!(weights[..3], [-4.0, -3.5, -3.0]);
        assert_eq!((weights[15], weights[16], weights[31]), (3.5, -4.0, 3.5));
    }

    #[test]
    fn every_block_has_its_own_scale() {
        let mut bytes = block(1.0, [9; 32]);
        bytes.extend(block(-2.0, [9; 32]));
        let weights = decode(&bytes).unwrap();
        assert!(weights[..32].iter().all(|&w| w == 1.0));
        assert!(weights[32..].iter().all(|&w| w == -2.0));
    }

    #[test]
    fn half_a_block_is_refused() {
        assert!(decode(&[0; 17]).is_err());
    }
}
