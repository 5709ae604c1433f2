//! One request of the API, and what its answer means.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// An answer that is no page.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The network, an overloaded gateway, an internal error of the service: the next try may succeed.
    #[error("{reason}")]
    Passing { reason: String, retry_after: Option<Duration> },
    /// The requests of a day are used up (code 22).
    #[error("the requests of this key for today are used up")]
    QuotaUsedUp,
    /// The key, the address or the request is wrong: asking again will not help.
    #[error("the API refuses the request: {0}")]
    Refused(String),
}

/// A page as it came, and how many rows there are in all.
#[derive(Debug)]
pub struct Page {
    pub body: String,
    pub total: u64,
}

/// An operation of a service, such as `DrugPrdtPrmsnInfoService07/getDrugPrdtPrmsnInq07`.
pub struct Api {
    agent: ureq::Agent,
    url: String,
    key: String,
}

impl Api {
    /// `key` as the portal shows it, encoded (with `%`) or decoded.
    pub fn new(base: &str, operation: &str, key: &str) -> Api {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).http_status_as_error(false);
        let key =
            if key.contains('%') { key.to_owned() } else { utf8_percent_encode(key, NON_ALPHANUMERIC).to_string() };
        Api { agent: config.build().into(), url: format!("{}/{operation}", base.trim_end_matches('/')), key }
    }

    /// Page `page`, from 1, of `rows` rows.
    pub fn page(&self, page: u64, rows: u64) -> Result<Page, ApiError> {
        let url = format!("{}?serviceKey={}&type=json&pageNo={page}&numOfRows={rows}", self.url, self.key);
        // The address holds the key: it must not get into an error.
        let passing = |error: ureq::Error| ApiError::Passing {
            reason: error.to_string().replace(&self.key, "***"),
            retry_after: None,
        };
        let mut response = self.agent.get(&url).call().map_err(passing)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.body_mut().with_config().limit(256 << 20).read_to_string().map_err(passing)?;
        match status {
            200 => understand(body),
            429 | 500..=599 => Err(ApiError::Passing {
                reason: format!("HTTP status {status}"),
                retry_after: retry_after.map(Duration::from_secs),
            }),
            _ => Err(ApiError::Refused(format!("HTTP status {status}"))),
        }
    }
}

/// The gateway's own errors are XML, whatever type was asked for, under HTTP status 200.
fn understand(body: String) -> Result<Page, ApiError> {
    let Ok(json) = serde_json::from_str::<Value>(body.trim_start_matches('\u{feff}')) else {
        let code = element(&body, "returnReasonCode").or_else(|| element(&body, "resultCode"));
        let message = element(&body, "returnAuthMsg")
            .or_else(|| element(&body, "resultMsg"))
            .unwrap_or("neither JSON nor an error");
        return Err(error_of(code.unwrap_or("99"), message));
    };
    let answer = json.get("response").unwrap_or(&json);
    let header = |name: &str| answer.pointer(&format!("/header/{name}")).and_then(Value::as_str);
    match header("resultCode").unwrap_or("00") {
        "00" | "0" | "000" => {}
        code => return Err(error_of(code, header("resultMsg").unwrap_or_default())),
    }
    let total = answer
        .pointer("/body/totalCount")
        .and_then(|total| total.as_u64().or_else(|| total.as_str()?.trim().parse().ok()));
    let total = total
        .ok_or_else(|| ApiError::Passing { reason: "the page does not say totalCount".into(), retry_after: None })?;
    Ok(Page { body, total })
}

/// By the portal's table of codes.
fn error_of(code: &str, message: &str) -> ApiError {
    match code.trim_start_matches('0') {
        "22" => ApiError::QuotaUsedUp,
        // Application, database, HTTP and time-out errors, too many at a time, and what it does not know itself.
        "1" | "2" | "4" | "5" | "21" | "23" | "99" => {
            ApiError::Passing { reason: format!("{message} ({code})"), retry_after: None }
        }
        _ => ApiError::Refused(format!("{message} ({code})")),
    }
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0.trim())
}
