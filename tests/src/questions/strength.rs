//! Strengths in a product's name, in one unit: mass in mg, the rest as it is (`500mg`, `5%`, `1000IU`, `30mL`).

use regex::Regex;
use std::sync::LazyLock;

static NUMBERS: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"\d[\d,]*(?:\.\d+)?";
    let unit = "밀리그[램람]|밀리리터|밀리|마이크로그[램람]|그[램람]|퍼센트|만단위|단위|아이유|[mM][gG]|㎎|[mM][lL]|㎖|mcg|[μµ]g|㎍|[iI]\\.?[uU]\\.?|g|%";
    Regex::new(&format!(r"({number})((?:[/,·]{number})*)\s*({unit})((?:[/,·]{number})*)")).expect("a pattern")
});

/// Every strength that the name tells; those before one unit share it (`5/160밀리그램`).
pub fn of_name(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in NUMBERS.captures_iter(name) {
        let unit = &part[3];
        let more = part[2].split(['/', '·']).filter(|n| !n.is_empty());
        for number in std::iter::once(&part[1]).chain(more) {
            if let Some(strength) = canonical(number, unit) {
                found.push(strength);
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The name without its strengths.
pub fn without(name: &str) -> String {
    NUMBERS.replace_all(name, "").into_owned()
}

/// The strengths as the name writes them.
pub fn texts(name: &str) -> String {
    NUMBERS.find_iter(name).map(|found| found.as_str()).collect()
}

/// `0.5`, `그램` -> `500mg`.
fn canonical(number: &str, unit: &str) -> Option<String> {
    let number: f64 = number.replace(',', "").parse().ok()?;
    let (factor, unit) = match unit.to_lowercase().replace('.', "").as_str() {
        "밀리그램" | "밀리그람" | "밀리" | "mg" | "㎎" => (1.0, "mg"),
        "그램" | "그람" | "g" => (1000.0, "mg"),
        "마이크로그램" | "마이크로그람" | "mcg" | "μg" | "µg" | "㎍" => (0.001, "mg"),
        "%" | "퍼센트" => (1.0, "%"),
        "밀리리터" | "ml" | "㎖" => (1.0, "mL"),
        "만단위" => (10_000.0, "IU"),
        "단위" | "아이유" | "iu" => (1.0, "IU"),
        _ => return None,
    };
    let value = (number * factor * 1e6).round() / 1e6;
    Some(format!("{value}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_come_in_one_unit() {
        assert_eq!(of_name("가나정500밀리그램"), ["500mg"]);
        assert_eq!(of_name("가나정0.5그램"), ["500mg"]);
        assert_eq!(of_name("가나정5/160밀리그램(나, 다)"), ["160mg", "5mg"]);
        assert_eq!(of_name("가나정50마이크로그램"), ["0.05mg"]);
        assert_eq!(of_name("가나액5% 1,000mL"), ["1000mL", "5%"]);
        assert_eq!(of_name("가나정"), Vec::<String>::new());
    }
}
