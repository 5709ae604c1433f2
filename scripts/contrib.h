/* Included before PostgreSQL 15's contrib modules: what another major, or an older minor release, calls otherwise or has not. */
#include "postgres.h"
#include "executor/instrument.h"
#include "mb/pg_wchar.h"
#include "tsearch/ts_locale.h"
#include "utils/array.h"
#include "utils/guc.h"

#ifdef BEFORE_BOUNDED_LENGTHS
#define pg_mblen_range(text, end) pg_mblen(text)
#define pg_mblen_unbounded(text) pg_mblen(text)
#define t_isalpha_with_len(text, length) t_isalpha(text)
#define t_isdigit_with_len(text, length) t_isdigit(text)
#define t_isspace_with_len(text, length) t_isspace(text)
#endif
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#define pg_prng_double(state) drand48()
#endif
#if PG_VERSION_NUM < 140000
#define InstrAlloc(n, options, async) InstrAlloc(n, options)
#endif
