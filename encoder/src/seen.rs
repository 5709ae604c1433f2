//! A file that was hashed once: known again by its size, inode and time of change, or else by hashing it again.
//!
//! Any write and any copy gives a file another time of change or another inode, and no user can set them back. So a file that
//! was seen before costs a `stat` instead of a read of it all. What a failing disk does to a page that is read later, a hash
//! taken now could not catch either.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bundle::sha256;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    pub bytes: u64,
    inode: u64,
    /// Of the inode (`ctime`), in nanoseconds.
    changed: i64,
    sha256: String,
}

impl Seen {
    /// Hashes the file.
    pub fn now(path: &Path) -> io::Result<Seen> {
        // Before hashing, so that a change meanwhile makes it unknown.
        let mut seen = Seen::glance(path)?;
        seen.sha256 = sha256(path)?;
        Ok(seen)
    }

    /// Whether the file at `path` still has the same contents.
    pub fn is_still(&self, path: &Path) -> io::Result<bool> {
        let now = Seen::glance(path)?;
        if now.bytes != self.bytes {
            return Ok(false);
        }
        Ok((now.inode, now.changed) == (self.inode, self.changed) || sha256(path)? == self.sha256)
    }

    /// The same file as it is known now; hashed only if it may have changed.
    pub fn again(&self, path: &Path) -> io::Result<Seen> {
        let now = Seen::glance(path)?;
        if (now.bytes, now.inode, now.changed) == (self.bytes, self.inode, self.changed) {
            return Ok(self.clone());
        }
        Seen::now(path)
    }

    fn glance(path: &Path) -> io::Result<Seen> {
        let file = fs::metadata(path)?;
        let changed = file.ctime().wrapping_mul(1_000_000_000).wrapping_add(file.ctime_nsec());
        Ok(Seen { bytes: file.len(), inode: file.ino(), changed, sha256: String::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_until_its_contents_change() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        fs::write(&path, "타이레놀").expect("written");
        let seen = Seen::now(&path).expect("seen");
        let is_still = |path: &Path| seen.is_still(path).expect("readable");
        assert!(is_still(&path));

        let copy = folder.path().join("copy");
        fs::copy(&path, &copy).expect("copied");
        assert!(is_still(&copy), "by its hash");
        fs::write(&copy, "타이레논").expect("written");
        assert!(!is_still(&copy));
        fs::write(&copy, "타이").expect("written");
        assert!(!is_still(&copy));
        fs::remove_file(&copy).expect("removed");
        assert!(seen.is_still(&copy).is_err());
    }
}
