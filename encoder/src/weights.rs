//! The weights of a prepared model while they are used: a file that ONNX Runtime maps, and that all processes share.
//!
//! The mapping follows the file. So every block's checksum is looked at when a model is loaded; before and after each batch, whether
//! the file was written to since; and, against what no time of change shows, block after block again while the model is in use.
//! Pages that cannot be read any more are zeros and a mark (see [`crate::sigbus`]). Whatever is found, the batch is an error and the
//! model has to be loaded again. A server that preloads puts a sealed copy in the file's place, which nothing can change.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::checksums::{BLOCK, Checksums};
use crate::error::{Error, Result};
use crate::sigbus::Watched;

/// Between two looks at blocks.
const PAUSE: Duration = Duration::from_millis(100);
/// Blocks looked at after a longer pause, at most: each takes some 30 microseconds.
const MOST_BLOCKS: u32 = 8;

/// What tells that a file was written to. A deleted or replaced one is still what is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

pub struct Weights {
    path: PathBuf,
    file: File,
    checksums: Checksums,
    stat: Stat,
    /// Block to look at next, and when the last one was.
    next: usize,
    looked: Instant,
    /// Where ONNX Runtime mapped the file.
    mapped: Vec<Mapped>,
    watched: Option<Watched>,
    /// Whether a copy that cannot change is mapped in the file's place.
    sealed: bool,
    /// Whether something was found.
    spoilt: bool,
}

/// A part of the file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapped {
    range: Range<usize>,
    offset: u64,
}

impl Weights {
    /// Opens the file and compares all of it with its checksums; `None` if it is not what it was.
    pub fn open(path: &Path, checksums: &Checksums) -> io::Result<Option<Weights>> {
        let file = File::open(path)?;
        // Before reading, so that a change meanwhile shows.
        let stat = stat(&file)?;
        if !checksums.hold(&file)? {
            return Ok(None);
        }
        Ok(Some(Weights {
            path: path.to_owned(),
            file,
            checksums: checksums.clone(),
            stat,
            next: 0,
            looked: Instant::now(),
            mapped: Vec::new(),
            watched: None,
            sealed: false,
            spoilt: false,
        }))
    }

    /// Finds where ONNX Runtime has mapped the file, and watches it.
    ///
    /// # Safety
    /// The mapping stays until this is dropped, and its bytes are only read, through pointers that allow for change between two
    /// calls.
    pub unsafe fn watch(&mut self) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        let maps = std::fs::read_to_string("/proc/self/maps")?;
        self.mapped = mappings(&maps, (metadata.dev(), metadata.ino()), &std::fs::canonicalize(&self.path)?);
        let ranges: Vec<Range<usize>> = self.mapped.iter().map(|mapped| mapped.range.clone()).collect();
        // SAFETY: the caller's promise; zeros in place of a lost page are found by `check`.
        self.watched = unsafe { Watched::new(&ranges) };
        match (self.watched.is_some(), ranges.is_empty()) {
            (true, false) => Ok(()),
            _ => Err(io::Error::other("its mapping is not found")),
        }
    }

    /// An error if the mapped bytes are not, or may not be, what they were.
    pub fn check(&mut self) -> Result<()> {
        if !self.spoilt {
            self.spoilt = !self.is_sound().unwrap_or(false);
        }
        if self.spoilt { Err(Error::Changed { path: self.path.clone() }) } else { Ok(()) }
    }

    fn is_sound(&mut self) -> io::Result<bool> {
        if self.watched.as_ref().is_some_and(Watched::lost) {
            return Ok(false);
        } else if self.sealed {
            return Ok(true);
        }
        let stat = stat(&self.file)?;
        if stat != self.stat {
            // Renamed, deleted, given another owner, or written to: only its contents tell.
            self.stat = stat;
            return self.checksums.hold(&self.file);
        }
        self.look_at_some()
    }

    /// Looks at the blocks whose turn it is: all of them in [`PAUSE`] times their number of steady use, and at most
    /// [`MOST_BLOCKS`] at once.
    fn look_at_some(&mut self) -> io::Result<bool> {
        let pauses = self.looked.elapsed().as_millis() / PAUSE.as_millis();
        if pauses == 0 {
            return Ok(true);
        }
        self.looked = Instant::now();
        let mut buffer = vec![0; BLOCK];
        for _ in 0..pauses.min(u128::from(MOST_BLOCKS)) {
            if self.checksums.read(&self.file, self.next, &mut buffer)?.is_none() {
                return Ok(false);
            }
            self.next = (self.next + 1) % self.checksums.blocks().max(1);
        }
        Ok(true)
    }

    /// Puts a copy that nothing can change in the place of the mapped file, for this process and all that it forks.
    pub fn seal(&mut self) -> io::Result<()> {
        let copy = self.sealed_copy()?;
        for Mapped { range, offset } in &self.mapped {
            let (start, flags) = (range.start as *mut libc::c_void, libc::MAP_SHARED | libc::MAP_FIXED);
            // SAFETY: the range is ONNX Runtime's mapping of these bytes (see `watch`); the copy has the same bytes at the same
            // offset, so a reader sees no difference. Should it fail, what was mapped stays mapped.
            let mapped = unsafe {
                libc::mmap(start, range.len(), libc::PROT_READ, flags, copy.as_raw_fd(), *offset as libc::off_t)
            };
            if mapped == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
        }
        self.sealed = true;
        Ok(())
    }

    /// A file in memory with the checked bytes of this one, that can be neither written nor resized any more.
    fn sealed_copy(&self) -> io::Result<File> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: makes a new descriptor, which `OwnedFd` owns from here on.
        let copy = unsafe {
            let descriptor = libc::memfd_create(c"drugembed weights".as_ptr(), flags);
            if descriptor < 0 {
                return Err(io::Error::last_os_error());
            }
            File::from(OwnedFd::from_raw_fd(descriptor))
        };
        let mut buffer = vec![0; BLOCK];
        for i in 0..self.checksums.blocks() {
            let block = self.checksums.read(&self.file, i, &mut buffer)?;
            copy.write_all_at(block.ok_or_else(|| io::Error::other("it has changed"))?, (i * BLOCK) as u64)?;
        }
        let seals = libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: fcntl on an open descriptor, with an integer.
        if unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_ADD_SEALS, seals) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(copy)
    }
}

fn stat(file: &File) -> io::Result<Stat> {
    let file = file.metadata()?;
    Ok(Stat {
        bytes: file.len(),
        modified: (file.mtime(), file.mtime_nsec()),
        changed: (file.ctime(), file.ctime_nsec()),
    })
}

/// The mappings of a file in the text of `/proc/self/maps`: `start-end rights offset major:minor inode path` a line.
fn mappings(maps: &str, file: (u64, u64), path: &Path) -> Vec<Mapped> {
    maps.lines().filter_map(|line| mapping(line, file, path)).collect()
}

/// `file` is its device and inode. Some file systems (overlayfs, btrfs) give `stat` another device: there the path tells.
fn mapping(line: &str, file: (u64, u64), path: &Path) -> Option<Mapped> {
    let mut rest = line;
    let mut field = || {
        let (field, after) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = after.trim_start();
        field
    };
    let (range, _, offset, device, inode) = (field(), field(), field(), field(), field());
    let (major, minor) = device.split_once(':')?;
    let device = libc::makedev(u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    let inode: u64 = inode.parse().ok()?;
    if (device, inode) != file && !(inode != 0 && Path::new(rest) == path) {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let address = |hex| usize::from_str_radix(hex, 16).ok();
    Some(Mapped { range: address(start)?..address(end)?, offset: u64::from_str_radix(offset, 16).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a failing disk does it: the file's times stay.
    fn decay(weights: &mut Weights, at: u64) {
        let file = File::options().read(true).write(true).open(&weights.path).expect("open");
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).expect("read");
        file.write_all_at(&[byte[0] ^ 1], at).expect("written");
        weights.stat = stat(&weights.file).expect("a stat");
    }

    #[test]
    fn decay_that_no_time_shows_is_found_when_its_turn_comes() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let blocks = 20;
        file.as_file().write_all_at(&vec![3; blocks * BLOCK - 9], 0).expect("written");
        let checksums = Checksums::of(file.path()).expect("checksums");
        for at in [0, 7 * BLOCK + 1, blocks * BLOCK - 10] {
            let mut weights = Weights::open(file.path(), &checksums).expect("open").expect("sound");
            decay(&mut weights, at as u64);
            assert!(weights.check().is_ok(), "no block's turn");
            let found = (0..blocks.div_ceil(MOST_BLOCKS as usize)).any(|_| {
                weights.looked -= 100 * PAUSE;
                weights.check().is_err()
            });
            assert!(found, "byte {at}");
            assert!(weights.check().is_err(), "for good");
            decay(&mut weights, at as u64);
        }
    }

    #[test]
    fn mappings_of_one_file() {
        let maps = "55d0-55d9 r--p 00000000 fd:01 77                         /usr/bin/a\n\
                    7f10000-7f20000 r--p 00003000 fd:01 42                   /data/model.weights\n\
                    7f30000-7f31000 r--p 00000000 fd:02 42                   /other/model.weights\n\
                    7f40000-7f41000 r--p 00001000 00:31 9                    /data/a b/model.weights\n\
                    7ffc000-7ffd000 rw-p 00000000 00:00 0                    [stack]\n";
        let file = (libc::makedev(0xfd, 1), 42);
        let found = mappings(maps, file, Path::new("/elsewhere"));
        assert_eq!(found, [Mapped { range: 0x7f10000..0x7f20000, offset: 0x3000 }]);
        let found = mappings(maps, (libc::makedev(0, 7), 9), Path::new("/data/a b/model.weights"));
        assert_eq!(found, [Mapped { range: 0x7f40000..0x7f41000, offset: 0x1000 }]);
    }
}
