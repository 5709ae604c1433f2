//! `drug-fetch SERVICE/OPERATION [CONNECTION]`: see `USAGE`.

use std::process::ExitCode;
use std::thread::sleep;

use drug_fetch::api::{Api, ApiError};
use drug_fetch::fetch::{FetchError, Plan, fetch};
use drug_fetch::store::Database;
use postgres::{Client, NoTls};

const USAGE: &str = "\
usage: drug-fetch [--again] SERVICE/OPERATION [CONNECTION]
  SERVICE/OPERATION  such as DrugPrdtPrmsnInfoService07/getDrugPrdtPrmsnInq07, as the portal names it
  CONNECTION         such as \"host=/var/run/postgresql user=me dbname=drugs\"
  --again            fetches pages that are there, too
environment:
  SERVICE_KEY        the key of the portal (encoded or decoded)
  API_URL            instead of https://apis.data.go.kr/1471000";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let before = arguments.len();
    arguments.retain(|argument| argument != "--again");
    let again = arguments.len() < before;
    let [service, connection @ ..] = arguments.as_slice() else { return Err(USAGE.into()) };
    let Some((_, operation)) = service.split_once('/') else { return Err(USAGE.into()) };
    let key = std::env::var("SERVICE_KEY").map_err(|_| "SERVICE_KEY is not set: the key that the portal gave you")?;
    let base = std::env::var("API_URL").unwrap_or_else(|_| "https://apis.data.go.kr/1471000".into());
    let connection = connection.first().map_or("host=/var/run/postgresql user=postgres", String::as_str);

    let client = Client::connect(connection, NoTls)?;
    let mut store = Database { client, operation: operation.to_owned() };
    let plan = Plan { again, ..Plan::default() };
    match fetch(&Api::new(&base, service, &key), &mut store, &plan, sleep) {
        Ok(fetched) => println!("{operation}: {} of {} pages fetched", fetched.pages, fetched.of),
        Err(FetchError::Api { page, error: error @ ApiError::QuotaUsedUp }) => {
            return Err(format!("page {page}: {error}; call this again tomorrow: it goes on there").into());
        }
        Err(error) => return Err(error.to_string().into()),
    }
    Ok(())
}
