//! The products that the questions are asked of: rows of the public tables, merged by item sequence (품목기준코드).

use super::dur::{self, Listed};
use super::pairs::Pairs;
use super::tables::{self, Record, cell};
use super::{forms, ingredients, strength};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// One product.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub code: String,
    pub name: String,
    pub name_en: String,
    pub company: String,
    pub type_code: String,
    pub type_name: String,
    /// 전문의약품 or 일반의약품.
    pub rx: String,
    /// 제형코드명; empty outside of the pill table.
    pub form_name: String,
    pub ingredients: Vec<String>,
    pub ingredients_en: Vec<String>,
    pub efficacy: String,
    pub dur: Listed,
    /// Ingredient codes by which the pair table knows it.
    pub pair_codes: Vec<String>,
    /// Read off the columns above; see the modules of that name.
    pub keys: Vec<String>,
    pub forms: forms::Forms,
    pub route: &'static str,
    pub strengths: Vec<String>,
}

/// Liquids of these alone are for the nose, though their names end in `액`.
const DECONGESTANTS: &[&str] = &["옥시메타졸린", "자일로메타졸린", "크실로메타졸린", "나파졸린", "페닐레프린"];

/// Rows and the pair table over them.
pub struct Corpus {
    pub rows: Vec<Row>,
    pub pairs: Pairs,
}

impl Corpus {
    /// Reads the tables under `data` and keeps `size` products: all that an over-the-counter, seed or DUR table holds, then pills by
    /// the hash of their code, those with known ingredients first.
    pub fn read(data: &Path, size: usize) -> Corpus {
        let mut products: BTreeMap<String, Row> = BTreeMap::new();
        pills(&data.join("mfds/pill_products_2023.csv"), &mut products);
        let mut kept: Vec<String> = seed(&data.join("seed/drug_data_20_per_product_type.csv"), &mut products);
        kept.extend(over_the_counter(&data.join("mfds/otc_products.csv"), &mut products));
        let pairs = Pairs::read(&data.join("dur/contraindicated_pairs_2024.json"));
        fill_ingredients(&mut products, &pairs);
        for row in products.values_mut() {
            row.keys = row.ingredients.iter().map(|i| ingredients::key(i)).collect();
            row.forms = forms::of(&row.form_name, &row.name, &row.efficacy);
            if row.forms.contains("liquid")
                && DECONGESTANTS.iter().any(|d| matches!(&row.keys[..], [key] if ingredients::is(key, d)))
            {
                row.forms = forms::Forms::from(["nasal_spray"]);
            }
            row.route = forms::route(&row.forms, &row.efficacy);
            row.strengths = strength::of_name(&row.name);
        }
        kept.extend(dur::list(data, &mut products));
        pairs.assign(&mut products);
        let rows = choose(products, &kept, size);
        Corpus { rows, pairs }
    }
}

fn choose(mut products: BTreeMap<String, Row>, kept: &[String], size: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = kept.iter().filter_map(|code| products.remove(code)).collect();
    let mut others: Vec<Row> = products.into_values().collect();
    others.sort_by_key(|row| (row.keys.is_empty(), hash(&row.code)));
    rows.extend(others);
    rows.truncate(size);
    rows.sort_by(|a, b| a.code.cmp(&b.code));
    rows
}

/// FNV-1a, 64 bits, multiplied once more so that its high bits depend on every byte.
pub fn hash(text: &str) -> u64 {
    let h = text.bytes().fold(0xCBF2_9CE4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
    (h ^ (h >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn entry<'a>(products: &'a mut BTreeMap<String, Row>, code: &str) -> &'a mut Row {
    let row = products.entry(code.to_owned()).or_default();
    row.code = code.to_owned();
    row
}

/// Sets a cell that the table has.
fn set(target: &mut String, value: &str) {
    if !value.is_empty() && value != "NULL" {
        *target = value.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}

fn pills(path: &Path, products: &mut BTreeMap<String, Row>) {
    for record in tables::read(path) {
        let row = entry(products, cell(&record, "품목일련번호"));
        set(&mut row.name, cell(&record, "품목명"));
        set(&mut row.company, cell(&record, "업소명"));
        set(&mut row.type_code, cell(&record, "분류번호"));
        set(&mut row.type_name, cell(&record, "분류명"));
        let rx = if cell(&record, "전문일반구분").starts_with("일반") {
            "일반의약품"
        } else {
            "전문의약품"
        };
        set(&mut row.rx, rx);
        set(&mut row.form_name, cell(&record, "제형코드명"));
    }
}

fn seed(path: &Path, products: &mut BTreeMap<String, Row>) -> Vec<String> {
    let read = |record: &Record| {
        let row = entry(products, cell(record, "item_sequence"));
        set(&mut row.name, cell(record, "item_name"));
        set(&mut row.company, cell(record, "enterprise_name"));
        set(&mut row.type_code, cell(record, "type_code"));
        set(&mut row.type_name, cell(record, "type_name"));
        row.ingredients = ingredients::list(cell(record, "main_ingredient"));
        row.ingredients_en = ingredients::list(cell(record, "main_ingredient_eng"));
        row.code.clone()
    };
    tables::read(path).iter().map(read).collect()
}

fn over_the_counter(path: &Path, products: &mut BTreeMap<String, Row>) -> Vec<String> {
    let read = |record: &Record| {
        let row = entry(products, cell(record, "품목기준코드"));
        set(&mut row.name, cell(record, "제품명"));
        set(&mut row.name_en, cell(record, "제품영문명"));
        set(&mut row.company, cell(record, "업체명"));
        set(&mut row.efficacy, cell(record, "효능"));
        set(&mut row.rx, "일반의약품");
        row.ingredients = ingredients::list(cell(record, "주성분"));
        row.ingredients_en = ingredients::list(cell(record, "주성분영문"));
        row.code.clone()
    };
    tables::read(path).iter().map(read).collect()
}

/// Products without an ingredient column: what their name's parentheses say, or the pair table, or another product of the brand.
fn fill_ingredients(products: &mut BTreeMap<String, Row>, pairs: &Pairs) {
    let korean = korean_names(products.values());
    let mut of_brand: HashMap<String, Vec<String>> = HashMap::new();
    for row in products.values_mut() {
        if row.ingredients.is_empty() {
            row.ingredients = ingredients::in_name(&row.name);
        }
        if row.ingredients.is_empty() {
            let english = pairs.english_of_product(&row.name);
            let known: Option<Vec<String>> = english.iter().map(|name| korean.get(name).cloned()).collect();
            row.ingredients = known.unwrap_or_default();
        }
        if !row.ingredients.is_empty() {
            of_brand.entry(ingredients::brand(&row.name)).or_insert_with(|| row.ingredients.clone());
        }
    }
    for row in products.values_mut().filter(|row| row.ingredients.is_empty()) {
        row.ingredients = of_brand.get(&ingredients::brand(&row.name)).cloned().unwrap_or_default();
    }
}

/// Korean name of an English substance, from the products that give both.
pub fn korean_names<'a>(rows: impl Iterator<Item = &'a Row>) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for row in rows.filter(|row| row.ingredients.len() == row.ingredients_en.len()) {
        for (korean, english) in row.ingredients.iter().zip(&row.ingredients_en) {
            names.entry(super::pairs::substance(english)).or_insert_with(|| korean.clone());
        }
    }
    names
}
