//! A real update workload: the products of 2020 become those of 2023 by ordinary SQL.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use postgres::Client;
use server_tests::{database, product_names, value};

use crate::{Test, World, assert_in_step, embedded, pending};

pub const TESTS: &[Test] =
    &[("exactly_the_changed_rows_are_embedded_again", exactly_the_changed_rows_are_embedded_again)];

const SOURCE: &str = "drug_document(\"품목명\", \"분류명\")";

const COLUMNS: &str = "\"품목일련번호\" bigint PRIMARY KEY, \"품목명\" text, \"업소명\" text, \"성상\" text, \"의약품제형\" text, \"분류번호\" text,
    \"분류명\" text, \"전문일반구분\" text, \"품목허가일자\" text, \"제형코드명\" text";

fn exactly_the_changed_rows_are_embedded_again(world: &World) {
    let mut client = database(&world.server, "workload");
    client.batch_execute(&format!("CREATE TABLE pill ({COLUMNS}); CREATE TABLE new ({COLUMNS})")).expect("tables");
    match std::env::var_os("DATA").map(|folder| PathBuf::from(folder).join("mfds")) {
        Some(folder) if folder.join("pill_products_2023.csv").exists() => {
            load(&mut client, "pill", &fs::read_to_string(folder.join("pill_products_2020.csv")).expect("2020"));
            load(&mut client, "new", &fs::read_to_string(folder.join("pill_products_2023.csv")).expect("2023"));
        }
        _ => {
            println!("note: DATA names no folder with the real tables, so the workload is a sample");
            let (old, new) = sample();
            load(&mut client, "pill", &old);
            load(&mut client, "new", &new);
        }
    }
    let rows: u64 = value(&mut client, "SELECT count(*) FROM pill").parse().expect("a number");
    let expected = "SELECT count(*) FROM new n LEFT JOIN pill p USING (\"품목일련번호\")
          WHERE drug_document(n.\"품목명\", n.\"분류명\") IS DISTINCT FROM drug_document(p.\"품목명\", p.\"분류명\")";
    let expected: u64 = value(&mut client, expected).parse().expect("a number");

    client.batch_execute("SELECT drugembed.track('pill', 'drug_document(\"품목명\", \"분류명\")')").expect("track");
    let start = Instant::now();
    assert_eq!(embedded(world, "workload", "pill"), rows);
    println!("first backfill: {rows} rows in {:.1} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    client.batch_execute(UPDATES).expect("2020 becomes 2023");
    println!("updates to 2023, triggers included: {:.2} s", start.elapsed().as_secs_f64());
    assert!(
        pending(&mut client) >= expected,
        "what changed waits; what has another column and the same text waits too"
    );
    assert_eq!(embedded(world, "workload", "pill"), expected, "as many were embedded again");
    println!("{expected} of {} rows embedded again", value(&mut client, "SELECT count(*) FROM pill"));
    assert_in_step(&mut client, "pill", SOURCE);
}

const UPDATES: &str = r#"
    DELETE FROM pill p WHERE NOT EXISTS (SELECT FROM new n WHERE n."품목일련번호" = p."품목일련번호");
    UPDATE pill p SET "품목명" = n."품목명", "업소명" = n."업소명", "성상" = n."성상", "의약품제형" = n."의약품제형", "분류번호" = n."분류번호",
           "분류명" = n."분류명", "전문일반구분" = n."전문일반구분", "품목허가일자" = n."품목허가일자", "제형코드명" = n."제형코드명"
      FROM new n WHERE n."품목일련번호" = p."품목일련번호";
    INSERT INTO pill SELECT * FROM new n WHERE NOT EXISTS (SELECT FROM pill p WHERE n."품목일련번호" = p."품목일련번호")"#;

fn load(client: &mut Client, table: &str, csv: &str) {
    let mut writer = client.copy_in(&format!("COPY {table} FROM STDIN (FORMAT csv, HEADER)")).expect("COPY");
    writer.write_all(csv.trim_start_matches('\u{feff}').as_bytes()).expect("rows");
    writer.finish().expect("the end of COPY");
}

/// Two states of the sample: a tenth gone, a tenth new, a tenth renamed, a third with another maker, and classes that differ in
/// their code alone, which the document leaves out.
fn sample() -> (String, String) {
    let names = product_names();
    let line = |i: usize, name: &str, maker: &str, class: &str| format!("{i},\"{name}\",{maker},,,,{class},,,\n");
    let header = "a,b,c,d,e,f,g,h,i,j\n";
    let (mut old, mut new) = (header.to_owned(), header.to_owned());
    for (i, name) in names.iter().enumerate() {
        if i % 10 != 0 {
            old += &line(i, name, "동아", "[01140]해열.진통.소염제");
        }
        if i % 10 != 1 {
            let name = if i % 10 == 2 { format!("{name} 골드") } else { name.clone() };
            let maker = if i % 3 == 0 { "종근당" } else { "동아" };
            let class = if i % 10 == 5 { "[99999]해열.진통.소염제" } else { "[01140]해열.진통.소염제" };
            new += &line(i, &name, maker, class);
        }
    }
    (old, new)
}
