//! Checksums of a file, block by block: whether it still has the bytes that it had.
//!
//! XXH3 (64 bits), since what they are to find is decay, truncation and mistakes; whoever may write to a prepared folder can write
//! checksums too. Some 8 GB/s of what the system has in its cache: 4 ms for 34 MB.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a block: it is hashed while it is in the processor's cache, in some 30 microseconds.
pub const BLOCK: usize = 1 << 18;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checksums {
    pub bytes: u64,
    /// Of each block, in hex: TOML has no unsigned integers of 64 bits.
    xxh3: Vec<String>,
}

impl Checksums {
    pub fn of(path: &Path) -> io::Result<Checksums> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut buffer = vec![0; BLOCK];
        let blocks = 0..bytes.div_ceil(BLOCK as u64) as usize;
        let xxh3 = blocks.map(|i| {
            let block = block(bytes, i, &mut buffer);
            file.read_exact_at(block, (i * BLOCK) as u64)?;
            Ok(hex(block))
        });
        Ok(Checksums { bytes, xxh3: xxh3.collect::<io::Result<_>>()? })
    }

    pub fn blocks(&self) -> usize {
        self.xxh3.len()
    }

    /// The bytes of block `i`, if they are what they were; `None` if they are not, or cannot be read any more.
    pub fn read<'b>(&self, file: &File, i: usize, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        let block = block(self.bytes, i, buffer);
        match file.read_exact_at(block, (i * BLOCK) as u64) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(e),
        }
        Ok((hex(block) == self.xxh3[i]).then_some(block))
    }

    /// Reads the whole file, if it is what it was.
    pub fn read_all(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let bytes = std::fs::read(path)?;
        let blocks = bytes.chunks(BLOCK).map(hex);
        Ok((bytes.len() as u64 == self.bytes && blocks.eq(self.xxh3.iter().cloned())).then_some(bytes))
    }

    /// Whether the whole file is what it was, and no longer.
    pub fn hold(&self, file: &File) -> io::Result<bool> {
        if file.metadata()?.len() != self.bytes || self.xxh3.len() as u64 != self.bytes.div_ceil(BLOCK as u64) {
            return Ok(false);
        }
        let mut buffer = vec![0; BLOCK];
        for i in 0..self.blocks() {
            if self.read(file, i, &mut buffer)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Of a buffer of [`BLOCK`] bytes as many as block `i` of a file of `bytes` has.
fn block(bytes: u64, i: usize, buffer: &mut [u8]) -> &mut [u8] {
    let rest = bytes.saturating_sub((i * BLOCK) as u64);
    &mut buffer[..rest.min(BLOCK as u64) as usize]
}

fn hex(bytes: &[u8]) -> String {
    format!("{:016x}", xxh3_64(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_and_the_length_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let sound: Vec<u8> = (0..2 * BLOCK + 77).map(|i| ((i * i) >> 7) as u8).collect();
        std::fs::write(&path, &sound).expect("written");
        let checksums = Checksums::of(&path).expect("read");
        assert_eq!(checksums.blocks(), 3);
        let holds = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            let (file, all) = (File::open(&path).expect("open"), checksums.read_all(&path).expect("read"));
            let hold = checksums.hold(&file).expect("read");
            assert_eq!(hold, all.is_some());
            hold
        };
        assert!(holds(&sound));
        for at in [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 76] {
            let mut spoilt = sound.clone();
            spoilt[at] ^= 1 << (at % 8);
            assert!(!holds(&spoilt), "byte {at}");
        }
        assert!(!holds(&sound[..sound.len() - 1]) && !holds(&[sound.as_slice(), b"x"].concat()) && !holds(b""));
    }
}
