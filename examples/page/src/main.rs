//! `drug-page CONNECTION [ADDRESS]`: 한국어 검색 페이지. / A search page in Korean, on 127.0.0.1:8080 by default.
//!
//! 질문은 SQL의 매개변수로만 가고, 페이지는 받은 것을 글로만 보인다.
//! A question reaches SQL only as a parameter, and the page shows what it gets only as text.

mod search;

use std::error::Error;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::get;
use deadpool_postgres::{Manager, Pool};
use tokio::net::TcpListener;
use tokio_postgres::NoTls;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let connection = arguments.next().ok_or("usage: drug-page CONNECTION [ADDRESS]")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());

    let pool = Pool::builder(Manager::new(connection.parse()?, NoTls)).max_size(4).build()?;
    let app = Router::new()
        .route("/", get(|| asset("text/html; charset=utf-8", include_str!("../assets/page.html"))))
        .route("/page.css", get(|| asset("text/css; charset=utf-8", include_str!("../assets/page.css"))))
        .route("/page.js", get(|| asset("text/javascript; charset=utf-8", include_str!("../assets/page.js"))))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/search", get(search::search))
        .with_state(pool);
    let listener = TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// Nothing from elsewhere is loaded, and no script but the page's own runs.
async fn asset(content_type: &'static str, body: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, body)
}
