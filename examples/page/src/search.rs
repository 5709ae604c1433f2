//! `GET /search?q=...&mode=...`: what drug_search finds, with the DUR marks of each product, as JSON.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use deadpool_postgres::{Pool, PoolError};
use serde::Deserialize;
use serde_json::{Value, json};

const SEARCH: &str = include_str!("../search.sql");
const ROWS: i32 = 10;

#[derive(Deserialize)]
pub struct Question {
    q: String,
    #[serde(default = "hybrid")]
    mode: String,
}

fn hybrid() -> String {
    "hybrid".into()
}

/// An error as the page shows it: PostgreSQL's message and HINT.
pub struct Failure {
    status: StatusCode,
    message: String,
    hint: Option<String>,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "message": self.message, "hint": self.hint }))).into_response()
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Failure {
        match error.as_db_error() {
            // Class 22: the question itself is at fault.
            Some(error) => Failure {
                status: if error.code().code().starts_with("22") {
                    StatusCode::BAD_REQUEST
                } else {
                    StatusCode::INTERNAL_SERVER_ERROR
                },
                message: error.message().into(),
                hint: error.hint().map(Into::into),
            },
            None => Failure { status: StatusCode::SERVICE_UNAVAILABLE, message: error.to_string(), hint: None },
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Failure {
        match error {
            PoolError::Backend(error) => error.into(),
            error => Failure { status: StatusCode::SERVICE_UNAVAILABLE, message: error.to_string(), hint: None },
        }
    }
}

pub async fn search(State(pool): State<Pool>, Query(question): Query<Question>) -> Result<Json<Value>, Failure> {
    let client = pool.get().await?;
    let statement = client.prepare_cached(SEARCH).await?;
    let rows = client.query(&statement, &[&question.q, &question.mode, &ROWS]).await?;
    let found: Vec<Value> = rows.iter().map(|row| row.get(0)).collect();
    Ok(Json(json!({ "rows": found })))
}
