//! Products of the public drug tables, merged by item sequence (품목기준코드).

use super::csv::{Table, UnclosedQuote};
use super::{efficacy, names};
use anyhow::{Result, bail};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// One product. What a table doesn't say is empty.
#[derive(Clone, Debug, Default)]
pub struct Product {
    pub code: String,
    pub name: String,
    pub name_en: String,
    /// Active ingredients as the tables write them, in Korean and in English.
    pub ingredients: Vec<String>,
    pub ingredients_en: Vec<String>,
    /// MFDS type code and name.
    pub type_code: String,
    pub type_name: String,
    /// Efficacy text and its phrases.
    pub efficacy: String,
    pub phrases: Vec<String>,
    pub otc: bool,
    /// Kinds of DUR warnings whose lists name it, as `drug_document` writes them.
    pub warnings: Vec<String>,
}

impl Product {
    /// Salt-free keys of the active ingredients.
    pub fn ingredient_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.ingredients.iter().map(|i| names::ingredient_key(i)).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// The files of a data folder this reads; those that are not there are skipped, but one must be.
const FILES: &[(&str, Reader)] = &[
    ("mfds/pill_products_2020.csv", pills),
    ("mfds/pill_products_2023.csv", pills),
    ("seed/drug_data_20_per_product_type.csv", seed_products),
    ("seed/drug_details_100.csv", seed_details),
    ("seed/drug_summary_100.csv", seed_summary),
    ("mfds/otc_products.csv", otc_products),
];
type Reader = fn(&Table, &mut Products) -> Result<()>;

/// Lists of DUR warnings by product code, and their kind.
const WARNINGS: &[(&str, &str)] = &[
    ("dur/preg.csv", "임부금기"),
    ("dur/age.csv", "특정연령대금기"),
    ("dur/old.csv", "노인주의"),
    ("dur/amount.csv", "용량주의"),
    ("dur/period.csv", "투여기간주의"),
];

/// Products by code, in code order.
pub type Products = BTreeMap<String, Product>;

/// Reads and merges the tables under `dir` (see the file list above); a later table fills or replaces what it knows.
pub fn read(dir: &Path) -> Result<Vec<Product>> {
    read_files(dir, FILES)
}

/// The seed's own products only.
pub fn read_seed(dir: &Path) -> Result<Vec<Product>> {
    let seed: Vec<_> = FILES.iter().filter(|(file, _)| file.starts_with("seed/")).copied().collect();
    read_files(dir, &seed)
}

fn read_files(dir: &Path, files: &[(&str, Reader)]) -> Result<Vec<Product>> {
    let mut products = Products::new();
    let mut seen = false;
    for (file, reader) in files {
        let path = dir.join(file);
        if path.exists() {
            reader(&Table::read(&path, UnclosedQuote::Refuse)?, &mut products)?;
            seen = true;
        }
    }
    if !seen {
        let wanted: Vec<&str> = files.iter().map(|(f, _)| *f).collect();
        bail!("{}: none of {} is there", dir.display(), wanted.join(", "));
    }
    for (file, kind) in WARNINGS {
        let path = dir.join(file);
        if path.exists() {
            warnings(&Table::read(&path, UnclosedQuote::Refuse)?, kind, &mut products)?;
        }
    }
    let mut products: Vec<Product> = products.into_values().filter(|p| !p.name.is_empty()).collect();
    fill_ingredients_from_names(&mut products);
    Ok(products)
}

fn entry<'a>(products: &'a mut Products, code: &str, name: &str) -> &'a mut Product {
    let product = products.entry(code.to_owned()).or_default();
    product.code = code.to_owned();
    if !name.is_empty() {
        product.name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    product
}

fn set_type(product: &mut Product, code: &str, name: &str) {
    if code.len() == 5 && !name.is_empty() {
        product.type_code = code.to_owned();
        product.type_name = name.to_owned();
    }
}

fn pills(table: &Table, products: &mut Products) -> Result<()> {
    let [code, name, type_code, type_name, otc] =
        table.columns(["품목일련번호", "품목명", "분류번호", "분류명", "전문일반구분"])?;
    for row in table.rows() {
        let product = entry(products, table.required(row, code)?, row.cells[name].trim());
        set_type(product, row.cells[type_code].trim(), row.cells[type_name].trim());
        product.otc = row.cells[otc].trim() == "일반의약품";
    }
    Ok(())
}

fn seed_products(table: &Table, products: &mut Products) -> Result<()> {
    let [code, name, type_code, type_name, ko, en] = table.columns([
        "item_sequence",
        "item_name",
        "type_code",
        "type_name",
        "main_ingredient",
        "main_ingredient_eng",
    ])?;
    for row in table.rows() {
        let product = entry(products, table.required(row, code)?, row.cells[name].trim());
        set_type(product, row.cells[type_code].trim(), row.cells[type_name].trim());
        set_ingredients(product, &row.cells[ko], &row.cells[en]);
    }
    Ok(())
}

fn seed_details(table: &Table, products: &mut Products) -> Result<()> {
    let [code, name, otc, ko, en] =
        table.columns(["item_sequence", "item_name", "etc_otc_code", "main_item_ingredient", "main_ingredient_eng"])?;
    for row in table.rows() {
        let product = entry(products, table.required(row, code)?, row.cells[name].trim());
        product.otc = row.cells[otc].trim() == "일반의약품";
        set_ingredients(product, &row.cells[ko], &row.cells[en]);
    }
    Ok(())
}

fn seed_summary(table: &Table, products: &mut Products) -> Result<()> {
    let [code, name, kind, en] = table.columns(["item_sequence", "item_name", "product_type", "ingredient_name"])?;
    for row in table.rows() {
        let product = entry(products, table.required(row, code)?, row.cells[name].trim());
        if let Some((code, name)) = names::coded(&row.cells[kind]) {
            set_type(product, code, name);
        }
        set_ingredients(product, "", &row.cells[en]);
    }
    Ok(())
}

fn otc_products(table: &Table, products: &mut Products) -> Result<()> {
    let [code, name, english, ko, en, text] =
        table.columns(["품목기준코드", "제품명", "제품영문명", "주성분", "주성분영문", "효능"])?;
    for row in table.rows() {
        let product = entry(products, table.required(row, code)?, row.cells[name].trim());
        set_ingredients(product, &row.cells[ko], &row.cells[en]);
        product.name_en = row.cells[english].split_whitespace().collect::<Vec<_>>().join(" ");
        product.otc = true;
        product.efficacy = row.cells[text].split_whitespace().collect::<Vec<_>>().join(" ");
        product.phrases = efficacy::phrases(&row.cells[text]);
    }
    Ok(())
}

fn warnings(table: &Table, kind: &str, products: &mut Products) -> Result<()> {
    let [code] = table.columns(["code"])?;
    for row in table.rows() {
        let known = products.get_mut(row.cells[code].trim()).filter(|p| !p.warnings.iter().any(|own| own == kind));
        if let Some(product) = known {
            product.warnings.push(kind.to_owned());
        }
    }
    Ok(())
}

fn set_ingredients(product: &mut Product, korean: &str, english: &str) {
    let ko = names::ingredient_list(korean);
    if !ko.is_empty() {
        product.ingredients = ko;
    }
    let en = names::ingredient_list(english);
    if !en.is_empty() {
        product.ingredients_en = en;
    }
}

/// Gives products without an ingredient column the ingredients in their name's parentheses, when these are known from
/// another product or stand in the parentheses of at least two; then those of the same brand.
fn fill_ingredients_from_names(products: &mut [Product]) {
    let mut count: HashMap<String, usize> = HashMap::new();
    for product in products.iter() {
        let weight = 2;
        product.ingredients.iter().for_each(|i| *count.entry(names::ingredient_key(i)).or_default() += weight);
        candidates(&product.name).iter().for_each(|i| *count.entry(names::ingredient_key(i)).or_default() += 1);
    }
    let mut of_brand: HashMap<String, Vec<String>> = HashMap::new();
    for product in products.iter_mut() {
        if product.ingredients.is_empty() {
            let found = candidates(&product.name);
            if !found.is_empty() && found.iter().all(|i| count[&names::ingredient_key(i)] >= 2) {
                product.ingredients = found;
            }
        }
        if !product.ingredients.is_empty() {
            of_brand.insert(names::brand(&product.name), product.ingredients.clone());
        }
    }
    for product in products.iter_mut().filter(|p| p.ingredients.is_empty()) {
        if let Some(same) = of_brand.get(&names::brand(&product.name)) {
            product.ingredients = same.clone();
        }
    }
}

fn candidates(name: &str) -> Vec<String> {
    let not_ingredient = ["수출", "맛", "향", "용", "내수", "캡슐", "정제", "개정", "일반", "전문", "밀리"];
    let Some(part) = names::parenthesised(name).into_iter().rfind(|p| {
        p.chars().filter(|c| ('가'..='힣').contains(c)).count() >= 3
            && !not_ingredient.iter().any(|n| p.contains("수출") || p.ends_with(n))
    }) else {
        return Vec::new();
    };
    part.split(['·', ',', '/', 'ㆍ', '+'])
        .map(str::trim)
        .filter(|i| i.chars().filter(|c| ('가'..='힣').contains(c)).count() >= 2)
        .map(str::to_owned)
        .collect()
}
