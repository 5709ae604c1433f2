//! Every error that SQL can see: SQLSTATE, message, DETAIL, HINT.

use std::io::ErrorKind;

use encoder::Error;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

pub type SqlResult<T> = Result<T, ErrorReport>;

const REINSTALL: &str =
    "Install the model again with \"make install\", or set drugembed.model to a bundle that is whole.";

const FEWER: &str = "Embed the texts in several calls, or a row at a time: drug_embed(column).";

/// An error of the encoder as PostgreSQL reports it.
pub fn report(error: Error) -> ErrorReport {
    use PgSqlErrorCode::*;
    let message = error.to_string();
    if error.is_out_of_memory() {
        return out_of_memory(if let Error::OutOfMemory { bytes } = error { bytes } else { None });
    }
    match error {
        Error::Unreadable { path, source } => {
            let code = match source.kind() {
                ErrorKind::NotFound => ERRCODE_UNDEFINED_FILE,
                ErrorKind::PermissionDenied => ERRCODE_INSUFFICIENT_PRIVILEGE,
                _ => ERRCODE_IO_ERROR,
            };
            new(code, format!("could not read model bundle file \"{}\"", path.display()))
                .set_detail(format!("The operating system says: {source}."))
                .set_hint(
                    "Set drugembed.model to the name of an installed model, or to the absolute path of a bundle \
                     that the server's user can read.",
                )
        }
        Error::Malformed { path, reason } => {
            new(ERRCODE_CONFIG_FILE_ERROR, format!("model bundle file \"{}\" is not valid", path.display()))
                .set_detail(sentence(&reason))
                .set_hint(REINSTALL)
        }
        Error::Tampered { path } => {
            new(ERRCODE_DATA_CORRUPTED, format!("file \"{}\" does not match its recorded SHA-256", path.display()))
                .set_detail("The file is truncated or was changed after it was made.")
                .set_hint("Install it again with \"make install\".")
        }
        Error::GoldenMismatch { model, text, cosine } => new(
            ERRCODE_SYSTEM_ERROR,
            format!("model \"{model}\" does not reproduce its reference vectors on this machine"),
        )
        .set_detail(format!("The vector of {text:?} has cosine {cosine:.6} to its reference."))
        .set_hint("Use the ONNX Runtime version named in the model's manifest.toml, or an fp32 bundle of the model."),
        Error::Runtime { path, reason } => {
            let code = if path.exists() { ERRCODE_SYSTEM_ERROR } else { ERRCODE_UNDEFINED_FILE };
            new(code, format!("could not use ONNX Runtime library \"{}\"", path.display()))
                .set_detail(sentence(&reason))
                .set_hint(
                    "Install it again with \"make install\", or set drugembed.onnxruntime to the absolute path of \
                     libonnxruntime.so, beside which \"sha256sum\" has put libonnxruntime.so.sha256, and reconnect.",
                )
        }
        Error::Unwritable { path, source } => {
            let code = match source.kind() {
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => ERRCODE_INSUFFICIENT_PRIVILEGE,
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ERRCODE_DISK_FULL,
                _ => ERRCODE_IO_ERROR,
            };
            new(code, format!("could not write \"{}\"", path.display()))
                .set_detail(format!("The operating system says: {source}."))
                .set_hint("Let the server's user write to that folder, and see that the disk has 120 MB free.")
        }
        Error::Unprepared { folder, reason } => {
            new(ERRCODE_SYSTEM_ERROR, format!("could not prepare a model in \"{}\"", folder.display()))
                .set_detail(sentence(&reason))
                .set_hint("Sessions go on with the model as it is installed; check that the disk has 120 MB free.")
        }
        Error::Inference(reason) => new(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION, "could not compute an embedding")
            .set_detail(sentence(&reason))
            .set_hint("Check the model and the ONNX Runtime version with drug_model()."),
        Error::Tokenize(reason) => new(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION, "could not tokenize the text")
            .set_detail(sentence(&reason))
            .set_hint("Remove unusual characters from the text."),
        Error::Blank => new(ERRCODE_INVALID_PARAMETER_VALUE, "text to embed is empty or holds only blanks")
            .set_hint("Give NULL for a missing text, as NULLIF(btrim(column), '') does: the answer is then NULL."),
        Error::TooLarge { .. } => new(ERRCODE_PROGRAM_LIMIT_EXCEEDED, message)
            .set_hint("Embed a part of it, such as left(text, 2000), or one row for each section."),
        Error::TooLong { .. } => new(ERRCODE_PROGRAM_LIMIT_EXCEEDED, message).set_hint(
            "Set drugembed.on_overflow to \"truncate\" to embed its beginning, or to \"window\" to embed all of it \
             in parts; a call that names its model always refuses.",
        ),
        Error::TooMany { .. } => new(ERRCODE_PROGRAM_LIMIT_EXCEEDED, message).set_hint(FEWER),
        Error::OutOfMemory { bytes } => out_of_memory(bytes),
        Error::Changed { path } => {
            new(ERRCODE_DATA_CORRUPTED, format!("file \"{}\" changed while it was used", path.display()))
                .set_detail(
                    "It was truncated or written to, or its disk fails; no vector was made from what it holds now.",
                )
                .set_hint(
                    "Run the statement again: the session then loads the model anew. As a superuser, call \
                     drugembed.prepare() to prepare it again.",
                )
        }
        Error::Cancelled => new(ERRCODE_QUERY_CANCELED, message).set_hint("Run the statement again."),
    }
}

pub fn not_utf8() -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, "drugembed works only in a database whose encoding is UTF8")
        .set_hint("Create the database with ENCODING 'UTF8' TEMPLATE template0.")
}

pub fn invalid_utf8() -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE, "text to embed is not valid UTF-8")
        .set_hint("Check how the text was loaded.")
}

pub fn not_one_dimensional(dimensions: i32) -> ErrorReport {
    new(
        PgSqlErrorCode::ERRCODE_ARRAY_ELEMENT_ERROR,
        format!("array of texts to embed has {dimensions} dimensions, not one"),
    )
    .set_hint("Give a one-dimensional array, such as array_agg(column) makes.")
}

pub fn malformed_array() -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, "array of texts to embed is not in the layout of PostgreSQL's arrays")
        .set_hint("Check how the array was made; array_agg(column) makes a sound one.")
}

/// More of something in one array than a call takes.
pub fn too_many(what: &str, actual: usize, limit: usize) -> ErrorReport {
    new(
        PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        format!("array to embed has {actual} {what}, more than the limit of {limit}"),
    )
    .set_hint(FEWER)
}

pub fn out_of_memory(bytes: Option<usize>) -> ErrorReport {
    let report = new(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, "out of memory")
        .set_hint("Embed fewer or shorter texts in a call, run fewer sessions, or give the server more memory.");
    match bytes {
        Some(bytes) => report.set_detail(format!("drugembed could not get {bytes} bytes more.")),
        None => report.set_detail("ONNX Runtime could not get what it needs."),
    }
}

/// Not for users to cause.
pub fn vectors_missing(actual: usize, expected: usize) -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, format!("only {actual} of {expected} texts have a vector"))
        .set_hint("Please report this with the statement that did it.")
}

pub fn list_as_text(text: &str) -> ErrorReport {
    new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("text to embed is an array in its text form: \"{}\"", beginning(text)),
    )
    .set_detail("A driver sends a list so when the parameter has no type.")
    .set_hint(
        "For a list, call drug_embed_many(...) or cast the parameter to text[]; for the elements of a column that is an array, \
         use array_to_string(column, ', '); a text that is meant so is embedded by (drug_embed(ARRAY[...]))[1].",
    )
}

pub fn vector_as_text(text: &str, dimension: usize) -> ErrorReport {
    new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("text to embed is a vector of {dimension} dimensions in its text form: \"{}\"", beginning(text)),
    )
    .set_hint("Cast it to vector, as in drug_similarity($1::vector, $2).")
}

/// Enough of a text to know it again.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

pub fn malformed_vector() -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, "vector is not in the layout of pgvector")
        .set_hint("drugembed knows the layout of pgvector 0.5 to 0.8.")
}

pub fn wrong_dimension(actual: usize, expected: usize, model: &str) -> ErrorReport {
    new(
        PgSqlErrorCode::ERRCODE_DATA_EXCEPTION,
        format!("vector has {actual} dimensions, but model \"{model}\" makes {expected}"),
    )
    .set_hint("Compare only vectors that drug_embed made with this model.")
}

pub fn different_dimensions(a: usize, b: usize) -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_DATA_EXCEPTION, format!("vectors have different dimensions, {a} and {b}"))
        .set_hint("Compare only vectors that drug_embed made with one model.")
}

pub fn no_direction() -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_DATA_EXCEPTION, "vector has no direction: its length is zero or not finite")
        .set_hint("Compare only vectors that drug_embed made.")
}

pub fn other_model(asked: &str, held: &str) -> ErrorReport {
    new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("model \"{}\" is asked for, but this server holds \"{held}\"", beginning(asked)),
    )
    .set_detail("Vectors of different models cannot be compared.")
    .set_hint(
        "Install that model and set drugembed.model to it, or name the held model and make the stored vectors again.",
    )
}

/// For a WARNING: prepared files are there, and this session does without them.
pub fn not_prepared(reason: &str) -> ErrorReport {
    new(
        PgSqlErrorCode::ERRCODE_WARNING,
        "drugembed loads the model as it is installed, which takes more time and memory",
    )
    .set_detail(sentence(reason))
    .set_hint(
        "As a superuser, call drugembed.prepare() to prepare the model again; the vectors are the same either way.",
    )
}

pub fn not_superuser() -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied to prepare a model")
        .set_detail("It writes files into the server's data folder.")
        .set_hint("Ask a superuser to call drugembed.prepare().")
}

pub fn busy() -> ErrorReport {
    new(PgSqlErrorCode::ERRCODE_OBJECT_IN_USE, "the encoder of this session is in use by the calling statement")
        .set_hint("Call the function outside of itself.")
}

#[track_caller]
fn new(code: PgSqlErrorCode, message: impl Into<std::borrow::Cow<'static, str>>) -> ErrorReport {
    ErrorReport::new(code, message, "drugembed")
}

/// A reason as a DETAIL: capitalised, with a full stop.
fn sentence(reason: &str) -> String {
    let reason = reason.trim().trim_end_matches('.');
    let mut letters = reason.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
