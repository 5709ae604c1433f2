//! Against a server on this machine that behaves as the documented API: 100 rows at most, errors as XML under status 200, a quota.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use drug_fetch::api::{Api, ApiError};
use drug_fetch::fetch::{FetchError, Fetched, Plan, fetch};
use drug_fetch::store::Store;

/// Answers that come before the regular ones, by the page asked for, and what was asked.
#[derive(Default)]
struct Portal {
    first: Vec<(u64, &'static str)>,
    total: u64,
    asked: Vec<u64>,
}

const OPERATION: &str = "DrugPrdtPrmsnInfoService07/getDrugPrdtPrmsnInq07";
const KEY: &str = "a+key/of=";

fn portal(portal: Portal) -> (Api, Arc<Mutex<Portal>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let portal = Arc::new(Mutex::new(portal));
    let shared = Arc::clone(&portal);
    thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| serve(stream, &mut shared.lock().expect("the portal")))
    });
    (Api::new(&base, OPERATION, KEY), portal)
}

fn serve(mut stream: TcpStream, portal: &mut Portal) {
    let mut lines = BufReader::new(stream.try_clone().expect("the stream")).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    let parameter = |name: &str| -> String {
        let query = request.split(['?', ' ']).nth(2).unwrap_or_default();
        query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().to_owned()
    };
    let page: u64 = parameter("pageNo").parse().unwrap_or(0);
    portal.asked.push(page);
    let early = portal.first.iter().position(|(of, _)| *of == page).map(|place| portal.first.remove(place).1);
    let answer = match early {
        Some(answer) => answer.to_owned(),
        None if !request.starts_with(&format!("GET /{OPERATION}?")) => status("404 Not Found", ""),
        None if parameter("serviceKey") != "a%2Bkey%2Fof%3D" => {
            ok(&gateway_error("SERVICE_KEY_IS_NOT_REGISTERED_ERROR", 30))
        }
        None => ok(&rows(page, parameter("numOfRows").parse().unwrap_or(10).min(100), portal.total)),
    };
    let _ = stream.write_all(answer.as_bytes());
}

fn rows(page: u64, rows: u64, total: u64) -> String {
    let items: Vec<String> =
        ((page - 1) * rows..(page * rows).min(total)).map(|n| format!(r#"{{"ITEM_SEQ":"{n}"}}"#)).collect();
    format!(
        r#"{{"header":{{"resultCode":"00","resultMsg":"NORMAL SERVICE."}},"body":{{"pageNo":{page},"totalCount":{total},"numOfRows":{rows},"items":[{}]}}}}"#,
        items.join(",")
    )
}

fn status(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{headers}Connection: close\r\n\r\n")
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn gateway_error(message: &str, code: u32) -> String {
    format!(
        "<OpenAPI_ServiceResponse><cmmMsgHeader><errMsg>SERVICE ERROR</errMsg><returnAuthMsg>{message}</returnAuthMsg>\
         <returnReasonCode>{code}</returnReasonCode></cmmMsgHeader></OpenAPI_ServiceResponse>"
    )
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[derive(Default)]
struct Memory(BTreeMap<String, String>);

impl Store for Memory {
    type Error = Infallible;

    fn has(&mut self, source: &str) -> Result<bool, Infallible> {
        Ok(self.0.contains_key(source))
    }

    fn put(&mut self, source: &str, body: &str) -> Result<(), Infallible> {
        self.0.insert(source.into(), body.into());
        Ok(())
    }
}

/// A run, and how long it waited before its tries.
fn run(api: &Api, store: &mut Memory) -> (Result<Fetched, FetchError<Infallible>>, Vec<Duration>) {
    let waits = RefCell::new(Vec::new());
    let plan = Plan { pause: Duration::ZERO, ..Plan::default() };
    let result = fetch(api, store, &plan, |wait| {
        if !wait.is_zero() {
            waits.borrow_mut().push(wait);
        }
    });
    (result, waits.into_inner())
}

#[test]
fn every_page_once_and_again_only_what_may_have_grown() {
    let (api, portal) = portal(Portal { total: 250, ..Portal::default() });
    let mut store = Memory::default();
    assert_eq!(run(&api, &mut store).0.expect("pages"), Fetched { pages: 3, of: 3 });
    let ids: usize = store.0.values().map(|body| body.matches("ITEM_SEQ").count()).sum();
    assert_eq!(ids, 250);
    portal.lock().expect("the portal").total = 420;
    assert_eq!(
        run(&api, &mut store).0.expect("pages"),
        Fetched { pages: 3, of: 5 },
        "1, 4 and 5; the third was not full"
    );
    assert_eq!(portal.lock().expect("the portal").asked, [1, 2, 3, 1, 4, 5]);
}

#[test]
fn backs_off_while_an_error_may_pass() {
    let first = vec![
        (2, leak(status("503 Service Unavailable", ""))),
        (2, leak(ok(&gateway_error("HTTP_ERROR", 4)))),
        (2, leak(status("429 Too Many Requests", "Retry-After: 7\r\n"))),
        (2, leak(ok(r#"{"header":{"resultCode":"99","resultMsg":"UNKNOWN ERROR"}}"#))),
        (2, ""),
    ];
    let (api, portal) = portal(Portal { total: 150, first, ..Portal::default() });
    let (result, waits) = run(&api, &mut Memory::default());
    assert_eq!(result.expect("pages"), Fetched { pages: 2, of: 2 });
    let seconds: Vec<u64> = waits.iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [1, 2, 7, 8, 16], "doubled, but for the server's own wish");
    assert_eq!(portal.lock().expect("the portal").asked.len(), 7);
}

#[test]
fn gives_up_after_some_tries() {
    let first = (0..20).map(|_| (1, leak(status("500 Internal Server Error", "")))).collect();
    let (api, portal) = portal(Portal { total: 1, first, ..Portal::default() });
    let (result, waits) = run(&api, &mut Memory::default());
    assert!(matches!(result, Err(FetchError::Api { page: 1, error: ApiError::Passing { .. } })), "{result:?}");
    assert_eq!((portal.lock().expect("the portal").asked.len(), waits.len()), (8, 7));
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(60)), "{waits:?}");
}

#[test]
fn goes_on_the_next_day_where_the_quota_ended() {
    let first = vec![(3, leak(ok(&gateway_error("LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR", 22))))];
    let (api, portal) = portal(Portal { total: 450, first, ..Portal::default() });
    let mut store = Memory::default();
    let (result, waits) = run(&api, &mut store);
    assert!(matches!(result, Err(FetchError::Api { page: 3, error: ApiError::QuotaUsedUp })), "{result:?}");
    assert!(waits.is_empty(), "asking again would not help");
    assert_eq!(store.0.len(), 2);
    assert_eq!(run(&api, &mut store).0.expect("the rest"), Fetched { pages: 4, of: 5 });
    assert_eq!(portal.lock().expect("the portal").asked, [1, 2, 3, 1, 3, 4, 5]);
}

#[test]
fn the_key_is_never_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let nobody = Api::new(&base, OPERATION, "very-secret").page(1, 10).expect_err("nobody listens");
    assert!(!format!("{nobody} {nobody:?}").contains("secret"), "{nobody:?}");
}

#[test]
fn refusals() {
    for (answer, part) in [
        (ok(&gateway_error("SERVICE_KEY_IS_NOT_REGISTERED_ERROR", 30)), "SERVICE_KEY_IS_NOT_REGISTERED_ERROR (30)"),
        (
            ok(r#"{"response":{"header":{"resultCode":"10","resultMsg":"INVALID_REQUEST_PARAMETER_ERROR"}}}"#),
            "INVALID_REQUEST_PARAMETER_ERROR",
        ),
        (status("404 Not Found", ""), "404"),
    ] {
        let (api, portal) = portal(Portal { total: 5, first: vec![(1, leak(answer))], ..Portal::default() });
        let (result, waits) = run(&api, &mut Memory::default());
        let Err(FetchError::Api { page: 1, error: ApiError::Refused(reason) }) = result else { panic!("{result:?}") };
        assert!(reason.contains(part), "{reason}");
        assert_eq!((portal.lock().expect("the portal").asked.len(), waits.len()), (1, 0));
    }
}
