//! Settings `drugembed.*`.
//!
//! Those that name files can be set by a superuser alone: the server reads what they name, and loads code from it.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::{Path, PathBuf};

use encoder::Overflow;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::dur;

/// The model that answers when nothing is set.
const DEFAULT_MODEL: &CStr = c"drug-e5-mini-ko";

/// Kept recent texts: a vector of 384 takes 1.6 kB, so 256 cost a backend 0.4 MB; one is enough for the constant side of a query.
const DEFAULT_CACHE_ENTRIES: i32 = 256;
/// Any user may set it, so it bounds what a session can hold: a text of more than 1 kB is not kept, so 10,000 take at most 28 MB.
const MAX_CACHE_ENTRIES: i32 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub enum OnOverflow {
    #[name = c"error"]
    Error,
    #[name = c"truncate"]
    Truncate,
    #[name = c"window"]
    Window,
}

static MODEL: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(DEFAULT_MODEL));
static ONNXRUNTIME: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static ON_OVERFLOW: GucSetting<OnOverflow> = GucSetting::<OnOverflow>::new(OnOverflow::Error);
static DUR_LIST: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static CACHE_ENTRIES: GucSetting<i32> = GucSetting::<i32>::new(DEFAULT_CACHE_ENTRIES);

pub fn define() {
    // SAFETY: the hooks are guarded functions that live as long as the library.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"drugembed.model",
            c"Model that embeds: the name of an installed one, or the absolute path of a bundle.",
            c"A name means the folder of that name in SHAREDIR/drugembed/models.",
            &MODEL,
            GucContext::Suset,
            GucFlags::default(),
            Some(check_model),
            None,
            None,
        );
        GucRegistry::define_string_guc_with_hooks(
            c"drugembed.onnxruntime",
            c"Absolute path of the ONNX Runtime library.",
            c"Empty means PKGLIBDIR/drugembed/libonnxruntime.so. A session keeps the library that it loaded first.",
            &ONNXRUNTIME,
            GucContext::Suset,
            GucFlags::default(),
            Some(check_onnxruntime),
            None,
            None,
        );
        GucRegistry::define_string_guc_with_hooks(
            c"drugembed.dur_list",
            c"Table of drug utilisation review (DUR) entries that drug_search reads.",
            c"A name, or schema and name, of a table that drugembed.create_dur_list made. Empty means none.",
            &DUR_LIST,
            GucContext::Userset,
            GucFlags::default(),
            Some(check_dur_list),
            None,
            None,
        );
    }
    GucRegistry::define_enum_guc(
        c"drugembed.on_overflow",
        c"What happens to a text that is longer than the model's limit.",
        c"\"error\" refuses it, \"truncate\" embeds its beginning, \"window\" averages the vectors of its parts.",
        &ON_OVERFLOW,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"drugembed.cache_entries",
        c"Recent texts whose vectors a session keeps; 0 keeps none.",
        c"Without an index, PostgreSQL computes the constant side of ORDER BY once a row: the cache makes that one inference.",
        &CACHE_ENTRIES,
        0,
        MAX_CACHE_ENTRIES,
        GucContext::Userset,
        GucFlags::default(),
    );
    reserve_prefix();
}

/// The setting as written, and the folder that it means.
pub fn model() -> (String, PathBuf) {
    let name = string(&MODEL);
    let folder =
        if name.starts_with('/') { PathBuf::from(&name) } else { share_folder().join("drugembed/models").join(&name) };
    (name, folder)
}

/// Absolute path of the ONNX Runtime library.
pub fn onnxruntime() -> PathBuf {
    match string(&ONNXRUNTIME) {
        path if path.is_empty() => library_folder().join("drugembed/libonnxruntime.so"),
        path => PathBuf::from(path),
    }
}

/// The server's data folder, which belongs to the server's user alone.
pub fn data_folder() -> PathBuf {
    // SAFETY: DataDir is a C string set before any library is loaded.
    unsafe { path_of(pg_sys::DataDir) }
}

/// Where models are prepared for this machine: `drugembed` in the data folder.
pub fn prepared_folder() -> PathBuf {
    data_folder().join("drugembed")
}

/// Name of the DUR list as it was set, maybe empty.
pub fn dur_list() -> String {
    string(&DUR_LIST)
}

pub fn on_overflow() -> Overflow {
    match ON_OVERFLOW.get() {
        OnOverflow::Error => Overflow::Error,
        OnOverflow::Truncate => Overflow::Truncate,
        OnOverflow::Window => Overflow::Window,
    }
}

pub fn cache_entries() -> usize {
    usize::try_from(CACHE_ENTRIES.get()).unwrap_or_default()
}

fn string(setting: &'static GucSetting<Option<CString>>) -> String {
    setting.get().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
}

fn is_model(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    value.starts_with('/') || (value.starts_with(|c: char| c.is_ascii_alphanumeric()) && value.chars().all(plain))
}

#[pg_guard]
unsafe extern "C-unwind" fn check_model(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: PostgreSQL passes the address of the proposed value.
    unsafe {
        check(
            value,
            is_model,
            c"Give the name of an installed model, such as \"drug-e5-mini-ko\", or an absolute path.",
        )
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_onnxruntime(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    let valid = |path: &str| path.is_empty() || Path::new(path).is_absolute();
    // SAFETY: PostgreSQL passes the address of the proposed value.
    unsafe { check(value, valid, c"Give an absolute path, or an empty string for the installed library.") }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_dur_list(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    let valid = |name: &str| CString::new(name).is_ok_and(|name| dur::list::is_name(&name));
    // SAFETY: PostgreSQL passes the address of the proposed value.
    unsafe { check(value, valid, c"Give the name of a table, or its schema and name, such as \"public.dur\".") }
}

/// # Safety
/// `value` is the address of a C string or of NULL.
unsafe fn check(value: *mut *mut c_char, valid: impl Fn(&str) -> bool, hint: &CStr) -> bool {
    // SAFETY: the caller's promise; pstrdup copies the hint to where PostgreSQL keeps such messages until it reports them.
    unsafe {
        if !(*value).is_null() && CStr::from_ptr(*value).to_str().is_ok_and(valid) {
            return true;
        }
        pg_sys::GUC_check_errhint_string = pg_sys::MemoryContextStrdup(pg_sys::ErrorContext, hint.as_ptr());
        false
    }
}

/// A misspelt `drugembed.*` is refused from now on, and one set before is reported.
fn reserve_prefix() {
    // SAFETY: a constant C string.
    unsafe {
        #[cfg(any(feature = "pg13", feature = "pg14"))]
        pg_sys::EmitWarningsOnPlaceholders(c"drugembed".as_ptr());
        #[cfg(not(any(feature = "pg13", feature = "pg14")))]
        pg_sys::MarkGUCPrefixReserved(c"drugembed".as_ptr());
    }
}

fn share_folder() -> PathBuf {
    let mut path = [0 as c_char; pg_sys::MAXPGPATH as usize];
    // SAFETY: my_exec_path is a C string set at the start of the process; get_share_path writes at most MAXPGPATH bytes.
    unsafe {
        pg_sys::get_share_path((&raw const pg_sys::my_exec_path).cast(), path.as_mut_ptr());
        path_of(path.as_ptr())
    }
}

fn library_folder() -> PathBuf {
    // SAFETY: pkglib_path is a C string set at the start of the process.
    unsafe { path_of((&raw const pg_sys::pkglib_path).cast()) }
}

/// # Safety
/// `path` is a C string.
unsafe fn path_of(path: *const c_char) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: the caller's promise.
    PathBuf::from(std::ffi::OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()))
}
