//! Whose rights a statement has, and the settings under which rows become text.
//!
//! An expression that a table's owner gave is the owner's code. It runs as the owner, in a security-restricted operation, as
//! PostgreSQL itself runs index expressions in REINDEX and ANALYZE: whoever calls lends it no right, a superuser least of all.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Oid};

use super::errors::{self, SqlResult};
use super::sql;

/// The one home of the settings under which sources and keys become text, and names mean what they say.
const FIXED: &[(&CStr, &CStr)] = &[
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"DateStyle", c"ISO, YMD"),
    (c"TimeZone", c"UTC"),
    (c"IntervalStyle", c"postgres"),
    (c"extra_float_digits", c"1"),
    (c"bytea_output", c"hex"),
    (c"lc_monetary", c"C"),
    (c"standard_conforming_strings", c"on"),
    (c"quote_all_identifiers", c"off"),
];

/// Fixed settings, and maybe another role, until it is dropped. An ERROR puts everything back by itself.
pub struct Scope {
    level: i32,
    caller: Option<(Oid, i32)>,
}

impl Scope {
    /// The caller's own rights.
    pub fn caller() -> Scope {
        Scope { level: fixed_settings(), caller: None }
    }

    /// The rights of the owner, restricted; the caller's own where he is the owner.
    pub fn owner(owner: Oid) -> Scope {
        let (mut user, mut context) = (Oid::INVALID, 0);
        // SAFETY: both are out parameters; the role is put back by Drop, or by the abort of the (sub)transaction.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            if user == owner {
                return Scope::caller();
            }
            let restricted = pg_sys::SECURITY_RESTRICTED_OPERATION | pg_sys::SECURITY_LOCAL_USERID_CHANGE;
            pg_sys::SetUserIdAndSecContext(owner, context | restricted as i32);
        }
        Scope { level: fixed_settings(), caller: Some((user, context)) }
    }

    /// For writing rows. The owner's own writes fire triggers under the search_path of his session, as any write of his does, so
    /// the statement must name everything with its schema. `search_path`: the session's, where the calling function has another.
    pub fn writer(owner: Oid, search_path: Option<&str>) -> Scope {
        // SAFETY: reads a variable.
        if unsafe { pg_sys::GetUserId() } != owner {
            return Scope::owner(owner);
        }
        // SAFETY: a level that Drop, or the end of the transaction, closes.
        let scope = Scope { level: unsafe { pg_sys::NewGUCNestLevel() }, caller: None };
        if let Some(path) = search_path {
            scope.set(c"search_path", path);
        }
        scope
    }

    /// For reading rows: the owner's, unless row-level security hides rows from the caller. Then the caller's: who may be shown
    /// a part of a table only runs its policies, which are the owner's code already.
    pub fn reader(relation: Oid, owner: Oid) -> Scope {
        // SAFETY: reads catalogs; InvalidOid means the current user.
        match unsafe { pg_sys::check_enable_rls(relation, Oid::INVALID, true) } as u32 {
            pg_sys::CheckEnableRlsResult::RLS_ENABLED => Scope::caller(),
            _ => Scope::owner(owner),
        }
    }

    /// A setting for as long as this scope.
    pub fn set(&self, name: &CStr, value: &str) {
        if let Ok(value) = CString::new(value) {
            set(name, &value);
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        // The abort that follows an ERROR does the same.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: closes what the constructor opened.
        unsafe {
            // As at an abort, so that no SET of the owner's code outlives it.
            pg_sys::AtEOXact_GUC(false, self.level);
            if let Some((user, context)) = self.caller {
                pg_sys::SetUserIdAndSecContext(user, context);
            }
        }
    }
}

fn fixed_settings() -> i32 {
    // SAFETY: a level that Drop, or the end of the transaction, closes.
    let level = unsafe { pg_sys::NewGUCNestLevel() };
    FIXED.iter().for_each(|(name, value)| set(name, value));
    level
}

fn set(name: &CStr, value: &CStr) {
    // SAFETY: C strings; GUC_ACTION_SAVE binds the value to the present level.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

/// An error unless the current role has `privilege` on each of these columns.
pub fn require(relation: Oid, columns: &[String], privilege: &str) -> SqlResult<()> {
    let schema =
        "SELECT pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') FROM pg_catalog.pg_class c WHERE c.oid = $1";
    if sql::row(schema, &[relation.into()], |row| row.get::<bool>(1))?.flatten() != Some(true) {
        return Err(errors::no_schema(&sql::name_of(relation).unwrap_or_default()));
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let lacking = "SELECT c FROM unnest($2::text[]) c WHERE NOT pg_catalog.has_column_privilege($1, c, $3) LIMIT 1";
    match sql::row(lacking, &[relation.into(), columns.into(), privilege.into()], |row| row.get::<String>(1))? {
        None => Ok(()),
        Some(column) => Err(errors::no_privilege(
            &sql::name_of(relation).unwrap_or_default(),
            &column.unwrap_or_default(),
            privilege,
        )),
    }
}

/// An error in a transaction that may only read, and on a standby.
pub fn require_writing() -> SqlResult<()> {
    // SAFETY: reads a variable of this session.
    if unsafe { pg_sys::XactReadOnly } { Err(errors::read_only()) } else { Ok(()) }
}

/// Whether policies bind the owner too, as whom a backfill reads and writes.
pub fn binds_its_owner(relation: Oid, owner: Oid) -> bool {
    // SAFETY: reads catalogs.
    unsafe { pg_sys::check_enable_rls(relation, owner, true) as u32 == pg_sys::CheckEnableRlsResult::RLS_ENABLED }
}

/// Whether row-level security makes the current role run the policies of a stranger, who could not act as this role by himself.
pub fn runs_policies_of_a_stranger(relation: Oid, owner: Oid) -> bool {
    // SAFETY: reads catalogs.
    unsafe {
        pg_sys::check_enable_rls(relation, Oid::INVALID, true) as u32 == pg_sys::CheckEnableRlsResult::RLS_ENABLED
            && !pg_sys::has_privs_of_role(owner, pg_sys::GetUserId())
    }
}

/// Whether the current role has the rights of the role `owner`.
pub fn is_owner(owner: Oid) -> bool {
    // SAFETY: reads catalogs.
    unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), owner) }
}
