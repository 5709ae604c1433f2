//! Which pages are missing, and waiting between tries.

use std::time::Duration;

use crate::api::{Api, ApiError, Page};
use crate::store::Store;

/// How to ask.
pub struct Plan {
    /// Rows of a page; the API gives at most 100.
    pub rows: u64,
    /// Fetch pages that are there, too.
    pub again: bool,
    /// Tries of a page before it gives up.
    pub tries: u32,
    /// Wait before the second try; it doubles with each, up to a minute.
    pub first_wait: Duration,
    /// Wait between two pages.
    pub pause: Duration,
}

impl Default for Plan {
    fn default() -> Plan {
        let pause = Duration::from_millis(50);
        Plan { rows: 100, again: false, tries: 8, first_wait: Duration::from_secs(1), pause }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError<S> {
    #[error("page {page}: {error}")]
    Api { page: u64, error: ApiError },
    #[error("the page could not be stored: {0}")]
    Store(S),
}

/// What a run did.
#[derive(Debug, PartialEq)]
pub struct Fetched {
    pub pages: u64,
    pub of: u64,
}

/// Fetches the pages that the store lacks. The first is always asked for, since it says how many there are, and so is the last,
/// which may have grown. `wait` sleeps.
pub fn fetch<S: Store>(
    api: &Api,
    store: &mut S,
    plan: &Plan,
    wait: impl Fn(Duration),
) -> Result<Fetched, FetchError<S::Error>> {
    let name = |page: u64| format!("{page:06} of {} rows", plan.rows);
    let get = |page: u64| retrying(api, page, plan, &wait).map_err(|error| FetchError::Api { page, error });
    let first = get(1)?;
    store.put(&name(1), &first.body).map_err(FetchError::Store)?;
    let last = first.total.div_ceil(plan.rows).max(1);
    let mut fetched = 1;
    for page in 2..=last {
        if page < last && !plan.again && store.has(&name(page)).map_err(FetchError::Store)? {
            continue;
        }
        wait(plan.pause);
        store.put(&name(page), &get(page)?.body).map_err(FetchError::Store)?;
        fetched += 1;
    }
    Ok(Fetched { pages: fetched, of: last })
}

fn retrying(api: &Api, page: u64, plan: &Plan, wait: &impl Fn(Duration)) -> Result<Page, ApiError> {
    let mut next_wait = plan.first_wait;
    let mut tries = 1;
    loop {
        match api.page(page, plan.rows) {
            Err(ApiError::Passing { reason, retry_after }) if tries < plan.tries => {
                let delay = retry_after.unwrap_or(next_wait).min(Duration::from_secs(60));
                eprintln!("page {page}: {reason}; again in {delay:?}");
                wait(delay);
                next_wait *= 2;
                tries += 1;
            }
            answer => return answer,
        }
    }
}
