//! A copy of PostgreSQL with drugembed installed, in a folder that any user may enter.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, id};

use encoder::{Encoder, Options};

/// User that runs the server when the tests run as root; scripts/servers.sh makes it.
const SERVER_USER: &str = "drugembed";

pub struct Install {
    /// The server's folder, whose `bin` is a link to its programs. Removed at the end.
    pub folder: PathBuf,
    share: PathBuf,
    library: PathBuf,
    user: Option<User>,
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Install {
    /// Copies `$DRUGEMBED_TEST_POSTGRES`, or what `make private` put into the checkout's cache.
    pub fn copy() -> Install {
        let cached = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/servers/18");
        Install::copy_of(&std::env::var_os("DRUGEMBED_TEST_POSTGRES").map_or_else(cached, PathBuf::from), "test")
    }

    /// Copies the relocatable PostgreSQL of the folder `source`, whose `bin` is (a link to) its programs; `name` tells copies of one
    /// process apart.
    pub fn copy_of(source: &Path, name: &str) -> Install {
        let installed = pg_config(source, "--sharedir").join("extension/drugembed.control");
        assert!(installed.exists(), "{} is missing: run \"make private\" first", installed.display());

        let folder = std::env::temp_dir().join(format!("drugembed-{name}-{}", id()));
        fs::create_dir(&folder).expect("a fresh folder");
        let mut install = Install { folder, share: PathBuf::new(), library: PathBuf::new(), user: server_user() };
        fs::set_permissions(&install.folder, fs::Permissions::from_mode(0o755)).expect("permissions");
        install.own(&install.folder);
        run(Command::new("cp").arg("-r").arg(source.join(".")).arg(&install.folder));
        install.share = pg_config(&install.folder, "--sharedir");
        install.library = pg_config(&install.folder, "--pkglibdir");
        install
    }

    /// Folder of the programs' folder `bin`.
    pub fn root(&self) -> &Path {
        &self.folder
    }

    /// `SHAREDIR`, with the folder `extension`.
    pub fn share(&self) -> &Path {
        &self.share
    }

    /// `PKGLIBDIR`, with the library `drugembed.so`.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// Major version of PostgreSQL.
    pub fn major(&self) -> u32 {
        let version = pg_config(&self.folder, "--version");
        let text = version.to_string_lossy();
        let digits: String =
            text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("no version in {text:?}"))
    }

    /// Whether the server has what came with `major`; says that `what` is skipped if it has not.
    pub fn has(&self, major: u32, what: &str) -> bool {
        let present = self.major() >= major;
        if !present {
            crate::skipped(what, &format!("PostgreSQL {} has none, {major} brought it", self.major()));
        }
        present
    }

    /// What `CREATE DATABASE` needs so that `LOCALE 'C'` means libc's; before 15 there is no other.
    pub fn libc_locale(&self) -> &'static str {
        if self.major() < 15 { "LOCALE 'C'" } else { "LOCALE_PROVIDER libc LOCALE 'C'" }
    }

    /// The folder of the model that answers when nothing is set.
    pub fn model(&self) -> PathBuf {
        self.share.join("drugembed/models/drug-e5-mini-ko")
    }

    pub fn runtime(&self) -> PathBuf {
        self.library.join("drugembed/libonnxruntime.so")
    }

    /// The same bundle used without PostgreSQL.
    pub fn encoder(&self) -> Encoder {
        let options = Options { runtime: self.runtime(), cache_entries: 0 };
        Encoder::open(&self.model(), &options).expect("the installed bundle opens")
    }

    /// A copy of the bundle to spoil, readable by the server.
    pub fn copy_model(&self, name: &str) -> PathBuf {
        let copy = self.folder.join(name);
        run(Command::new("cp").arg("-r").arg(self.model()).arg(&copy));
        copy
    }

    /// A command in the name of the user that runs the server; it gets SIGINT when the thread that starts it ends.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(user) = self.user {
            command.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid)).arg("--clear-groups");
        }
        command.args(["--pdeathsig", "INT", "--"]).arg(program).env_remove("RUST_BACKTRACE").env("HOME", "/tmp");
        command
    }

    /// Gives a file or folder to the user that runs the server.
    pub fn own(&self, path: &Path) {
        if let Some(user) = self.user {
            chown(path, Some(user.uid), Some(user.gid)).expect("chown");
        }
    }
}

impl Drop for Install {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What the `pg_config` of a server's folder says of `option`.
fn pg_config(folder: &Path, option: &str) -> PathBuf {
    let program = folder.join("bin/pg_config");
    let output = Command::new(&program).arg(option).output().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

fn server_user() -> Option<User> {
    let number = |arguments: &[&str]| -> u32 {
        let output = Command::new("id").args(arguments).output().expect("id");
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse().unwrap_or_else(|_| panic!("no user \"{SERVER_USER}\": run scripts/servers.sh first"))
    };
    let is_root = number(&["-u"]) == 0;
    is_root.then(|| User { uid: number(&["-u", SERVER_USER]), gid: number(&["-g", SERVER_USER]) })
}

pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
