//! `drugembed.prepare`: a model made ready for this machine, once for all sessions.

use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::errors;
use crate::resident;
use crate::settings;

/// Writes the files of the model that the settings name, unless they are there and sound. Superusers only: the check is here
/// rather than in a GRANT, so that it can say what to do.
///
/// The SQL stands here because pgrx puts functions only into schemas that it creates itself.
#[pg_extern(
    sql = "
CREATE FUNCTION drugembed.prepare(OUT model text, OUT folder text, OUT bytes bigint, OUT made boolean)
RETURNS SETOF record ROWS 1 VOLATILE STRICT PARALLEL UNSAFE
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
",
    requires = ["schema"]
)]
#[allow(clippy::type_complexity)]
fn prepare() -> Result<
    TableIterator<'static, (name!(model, String), name!(folder, String), name!(bytes, i64), name!(made, bool))>,
    ErrorReport,
> {
    // SAFETY: reads the role of the running transaction.
    if !unsafe { pg_sys::superuser() } {
        return Err(errors::not_superuser());
    }
    let (folder, library) = (settings::model().1, settings::onnxruntime());
    let made = encoder::prepare(&folder, &settings::prepared_folder(), &library, &mut resident::check)
        .map_err(errors::report)?;
    resident::forget();
    let model = resident::with_encoder(|encoder| Ok(encoder.manifest().id()))?;
    if made.new && resident::origin()?.0 {
        notice!("restart the server to preload the prepared model");
    }
    let row = (model, made.folder.display().to_string(), made.bytes as i64, made.new);
    Ok(TableIterator::once(row))
}
