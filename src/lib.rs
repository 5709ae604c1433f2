//! drugembed: Korean drug text to vectors inside PostgreSQL. This crate is the SQL surface of the `encoder` crate.
//!
//! * [`embed`], [`similarity`], [`document`], [`info`]: the SQL functions.
//! * [`question`]: what a question asks for, by the `reader` crate.
//! * [`resident`]: the one encoder of this process, loaded at first use or preloaded by the postmaster.
//! * [`prepare`]: the SQL function that makes a model ready for this machine.
//! * [`tracking`]: schema `drugembed`: embeddings kept in step with their tables.
//! * [`search`]: the function `drug_search`.
//! * [`dur`]: lists of MFDS's drug utilisation review, tables of the user's.
//! * [`settings`]: the settings, `drugembed.*`.
//! * [`text`], [`texts`], [`vector`], [`vectors`]: `text`, pgvector's `vector` and arrays of them as PostgreSQL passes them; the
//!   `unsafe` code is there. [`literal`]: texts that were meant as something else.
//! * [`errors`]: every error's SQLSTATE, message, DETAIL and HINT.

// pgrx keeps SQLSTATE and HINT only of an ErrorReport that is returned as it is, not boxed.
#![allow(clippy::result_large_err)]

mod document;
mod dur;
mod embed;
mod errors;
mod info;
mod literal;
mod prepare;
mod question;
mod resident;
mod search;
mod settings;
mod similarity;
mod text;
mod texts;
mod tracking;
mod vector;
mod vectors;

use pgrx::prelude::*;

pgrx::pg_module_magic!(name, version);

/// So that an allocation that fails does not end the process, and with it the server's other sessions.
#[global_allocator]
static ALLOCATOR: encoder::memory::Reserving = encoder::memory::Reserving;

extension_sql_file!("../sql/labels.sql", name = "labels", finalize);

#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    // Without it the first call asks again.
    let _ = encoder::memory::restore_reserve();
    settings::define();
    resident::watch_interrupts();
    resident::preload();
}
