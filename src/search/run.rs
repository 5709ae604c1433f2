//! The steps of a search: read the question, look things up with the right rights, run the statement.

use std::cell::Cell;
use std::ffi::CStr;

use encoder::Role;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::{self, Oid};
use pgrx::{JsonB, PgLogLevel};
use reader::Question;

use super::Mode;
use super::asked::{self, Asked};
use super::filter::{self, Filter};
use super::lexical::{self, Engine};
use super::safety::{self, Known};
use super::statement::Statement;
use super::substitution::{self, Same, Substitute};
use crate::dur::{self, list::DurList};
use crate::tracking::attributes::Attributes;
use crate::tracking::catalog::{Tracked, Vector};
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::rights::{self, Scope};
use crate::tracking::sql;
use crate::tracking::state::Space;
use crate::{resident, settings, vector};

/// Candidates that the vector index keeps (`hnsw.ef_search`): so many for each row that is wanted, and never fewer than the least.
const EF_SEARCH_PER_ROW: usize = 20;
const MIN_EF_SEARCH: usize = 200;

/// A row as it is returned: key, score, rank by vector and by letters, similarity, document, what it meets.
pub type Row = (Option<String>, Option<f64>, Option<i32>, Option<i32>, Option<f64>, Option<String>, JsonB);

/// A search of a table, its arguments checked.
pub struct Search {
    tracked: Tracked,
    attributes: Attributes,
    k: usize,
    mode: Mode,
    engine: Option<Engine>,
    filter: Filter,
    vector: Vector,
    list: Option<DurList>,
}

impl Search {
    pub fn begin(
        relation: Option<Oid>,
        k: Option<i32>,
        mode: Mode,
        filter: Option<JsonB>,
        target: Option<&CStr>,
    ) -> SqlResult<Search> {
        let k = k.filter(|k| (1..=1000).contains(k)).ok_or_else(|| errors::bad_k(k))? as usize;
        let target = target.map(|name| name.to_string_lossy().into_owned());
        let list = dur::list::find()?;
        let _scope = Scope::caller();
        let tracked = Tracked::find(relation.ok_or_else(errors::no_source)?, target.as_deref())?;
        let engine = if mode == Mode::Vector { None } else { Engine::find()? };
        match (&engine, mode) {
            (None, Mode::Lexical) => return Err(errors::no_pg_trgm()),
            (None, Mode::Hybrid) => errors::without_pg_trgm().report(PgLogLevel::NOTICE),
            _ => {}
        }
        let filter = filter::read(&tracked, filter.map(|filter| filter.0))?;
        let attributes = Attributes::of(&tracked)?;
        Ok(Search { attributes, k, mode, engine, filter, vector: Vector::find()?, list, tracked })
    }

    /// The question, read; none if it is one of safety that no list answers.
    pub fn read(&self, query: &str) -> SqlResult<Option<Asked>> {
        let mut question = Question::read(query);
        if question.is_plain() && question.uses.is_empty() && question.candidates.is_empty() {
            return Ok(Some(Asked::plain(&asked::text(&question, query))));
        }
        let (known, substitute) = {
            let _scope = self.readable()?;
            let names = self.brands_among(&question)?;
            if !names.is_empty() {
                question = Question::read_with(query, &|word| names.iter().any(|name| name == word));
            }
            let of = question.substitution.as_ref().map(|found| &found.value.of);
            let substitute = of.map(|of| Substitute::find(&self.tracked, &self.attributes, of, Same::default()));
            (Known::find(&self.tracked, &self.attributes, &question)?, substitute.transpose()?.flatten())
        };
        let _scope = Scope::caller();
        let warnings = if question.dur.is_empty() && question.age.is_none() {
            Some(Vec::new())
        } else {
            if let Some(list) = &self.list {
                list.require("SELECT")?;
            }
            safety::warnings(&question, &known, &self.attributes, self.list.as_ref())?
        };
        let mut asked =
            warnings.map(|warnings| Asked::read(&question, query, &self.attributes, warnings, substitute.as_ref()));
        if let Some(asked) = &mut asked {
            if self.mode == Mode::Lexical {
                asked.names_as_typed(&question);
            }
            asked.report_untold(&self.tracked.name);
        }
        Ok(asked)
    }

    pub fn substitute(&self, name: &str, same: Same) -> SqlResult<Option<Asked>> {
        let _scope = self.readable()?;
        // A product of the table before all else: its name may hold that of its ingredient.
        let brand = reader::Name::brand(name);
        let of = if substitution::rows_of_brand(&self.tracked, &self.attributes, &brand.name)?.is_empty() {
            let question = Question::read(&format!("{name} 대신"));
            question.substitution.map_or(brand, |found| found.value.of)
        } else {
            brand
        };
        let found = Substitute::find(&self.tracked, &self.attributes, &of, same)?;
        let none = Question::read("");
        Ok(found.map(|found| Asked::read(&none, name, &self.attributes, Vec::new(), Some(&found))))
    }

    /// Words that are brands of this table.
    fn brands_among(&self, question: &Question) -> SqlResult<Vec<String>> {
        let mut brands = Vec::new();
        for word in question.candidates.iter().map(|found| reader::normalise_name(&found.value)) {
            if !substitution::rows_of_brand(&self.tracked, &self.attributes, &word)?.is_empty() {
                brands.push(word);
            }
        }
        Ok(brands)
    }

    /// The rights to read the table, once it is clear that the caller may read all that is shown or compared.
    fn readable(&self) -> SqlResult<Scope> {
        let scope = Scope::caller();
        let mut columns = self.tracked.key()?;
        columns.extend(self.tracked.sources()?);
        columns.extend(self.filter.columns.iter().cloned());
        columns.push(self.tracked.target.clone());
        rights::require(self.tracked.relation, &columns, "SELECT")?;
        drop(scope);
        Ok(self.tracked.reader())
    }

    pub fn run(&self, asked: &Asked) -> SqlResult<Vec<Row>> {
        let by_vector = if self.mode == Mode::Lexical { None } else { Some(question(&asked.text)?) };
        let scope = self.readable()?;
        self.filter.check(&self.tracked)?;
        let letters = lexical::letters_of(&self.tracked.lexical, self.attributes.sql_of("english_name"));
        let mut found: Vec<Found> = Vec::new();
        for (n, (_, conditions)) in asked.steps().into_iter().enumerate() {
            if found.len() >= self.k {
                break;
            }
            let statement = Statement {
                tracked: &self.tracked,
                vector: &self.vector,
                k: self.k,
                space: by_vector.as_ref().map(|(space, _)| *space),
                engine: self.engine.as_ref(),
                letters: &letters,
                filter: &self.filter,
                asked,
                conditions: &conditions,
            };
            let mut rows = self.rows(&statement, by_vector.as_ref().map(|(_, question)| question), &scope)?;
            rows.retain(|row| !found.iter().any(|other| other.key == row.key));
            if n > 0 {
                rows.sort_by(|a, b| asked.share_met(&b.facts).total_cmp(&asked.share_met(&a.facts)));
            }
            found.extend(rows);
        }
        found.truncate(self.k);
        if let Some((space, _)) = by_vector {
            report_foreign(&self.tracked, space, self.mode, found.iter().any(|row| row.vector_rank.is_some()))?;
        }
        Ok(found.into_iter().map(|row| row.returned(asked)).collect())
    }

    fn rows(
        &self,
        statement: &Statement<'_>,
        question: Option<&encoder::Vector>,
        scope: &Scope,
    ) -> SqlResult<Vec<Found>> {
        load_pgvector(&self.vector)?;
        let ef_search = (EF_SEARCH_PER_ROW * statement.k).clamp(MIN_EF_SEARCH, 1000).to_string();
        for (name, value) in [
            (c"hnsw.iterative_scan", "relaxed_order"),
            (c"hnsw.ef_search", ef_search.as_str()),
            (c"pg_trgm.word_similarity_threshold", lexical::MIN_WORD_SIMILARITY),
        ] {
            // SAFETY: a C string; NULL where the setting is unknown, as in an older pgvector.
            if !unsafe { pg_sys::GetConfigOption(name.as_ptr(), true, false) }.is_null() {
                scope.set(name, value);
            }
        }
        // SAFETY: the datum is of the type that the OID names.
        let question = match question {
            Some(question) => unsafe { DatumWithOid::new(vector::datum(question), self.vector.oid) },
            None => DatumWithOid::null_oid(self.vector.oid),
        };
        let letters = lexical::of_query(&statement.asked.letters);
        let arguments = [letters.into(), question, self.filter.values().into()];
        sql::rows(&statement.sql()?, &arguments, |row| {
            let facts: Option<Vec<Option<String>>> = row.get(7)?;
            Ok(Found {
                key: row.get(1)?,
                score: row.get::<f64>(2)?.unwrap_or_default(),
                vector_rank: row.get(3)?,
                lexical_rank: row.get(4)?,
                similarity: row.get(5)?,
                document: row.get(6)?,
                facts: facts.unwrap_or_default().into_iter().flatten().collect(),
            })
        })
    }
}

/// A row that was found.
struct Found {
    key: Option<String>,
    score: f64,
    vector_rank: Option<i32>,
    lexical_rank: Option<i32>,
    similarity: Option<f64>,
    document: Option<String>,
    facts: Vec<String>,
}

impl Found {
    /// Its score is the larger the more it meets of what was asked.
    fn returned(self, asked: &Asked) -> Row {
        let score = self.score + asked.share_met(&self.facts);
        let matched = JsonB(asked.matched(&self.facts));
        (self.key, Some(score), self.vector_rank, self.lexical_rank, self.similarity, self.document, matched)
    }
}

fn question(query: &str) -> SqlResult<(Space, encoder::Vector)> {
    resident::with_encoder(|encoder| {
        let vector = resident::embed(encoder, Role::Query, &[query], settings::on_overflow())?.remove(0);
        Ok((Space::of(&encoder.manifest().space()), vector))
    })
}

/// pgvector defines its settings when its library is loaded: setting them before would be in vain.
fn load_pgvector(vector: &Vector) -> SqlResult<()> {
    thread_local! {
        static LOADED: Cell<bool> = const { Cell::new(false) };
    }
    if !LOADED.get() {
        sql::run(&format!("SELECT '[1]'::{}", vector.named("vector")), &[])?;
        LOADED.set(true);
    }
    Ok(())
}

/// Vectors of another space are never compared, and never left out in silence.
fn report_foreign(tracked: &Tracked, space: Space, mode: Mode, found: bool) -> SqlResult<()> {
    let state = format!("old.{}", sql::ident(&tracked.state));
    let foreign = format!("SELECT EXISTS (SELECT FROM {} AS old WHERE {})", tracked.rows(), space.foreign(&state));
    if sql::row(&foreign, &[], |row| row.get::<bool>(1))?.flatten() == Some(true) {
        let model = resident::with_encoder(|encoder| Ok(encoder.manifest().id()))?;
        let report = errors::other_model(&tracked.name, &model, &tracked.qualified, found);
        match found || mode == Mode::Hybrid {
            true => report.report(PgLogLevel::WARNING),
            false => return Err(report),
        }
    }
    Ok(())
}
