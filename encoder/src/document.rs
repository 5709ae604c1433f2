//! The text that stands for a product: what is embedded, in training and in SQL alike.

use std::collections::HashSet;

use crate::error::Result;
use crate::memory;

/// Longest part that the SQL function takes, in bytes: four times what can be embedded, since codes and repeated ingredients are
/// dropped. It is read in some milliseconds.
pub const MAX_DOCUMENT_BYTES: usize = 4 * crate::tokens::MAX_TEXT_BYTES;

/// `NAME | TYPE | ingredient, ingredient`, without the parts that are blank.
///
/// Takes the columns of the MFDS tables as they are: the code before a type (`[01140]해열.진통.소염제`) or an ingredient
/// (`[M040702]포도당|[M040420]염화나트륨`) is dropped, ingredients separated by `|`, or by `/` where there is no `|`
/// (`Acetaminophen/Anhydrous Caffeine`), are joined by commas, each once.
pub fn document(name: &str, product_type: &str, ingredients: &str) -> String {
    let parts = [name.trim().to_owned(), uncoded(product_type).to_owned(), ingredient_list(ingredients)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" | ")
}

/// [`document`], or an error where memory is wanting for it.
pub fn try_document(name: &str, product_type: &str, ingredients: &str) -> Result<String> {
    let separators = ingredients.bytes().filter(|byte| matches!(byte, b'|' | b'/')).count();
    // Parts, list and joined text, each at most doubled as it grows; the set of what was seen.
    memory::require(6 * (name.len() + product_type.len() + ingredients.len()) + BYTES_OF_A_NAME * (separators + 1))?;
    Ok(document(name, product_type, ingredients))
}

/// Of a set's entry, with what the set leaves free and its copy while it grows.
const BYTES_OF_A_NAME: usize = 80;

fn ingredient_list(ingredients: &str) -> String {
    let separator = if ingredients.contains('|') { '|' } else { '/' };
    let mut seen = HashSet::new();
    let mut list = String::new();
    for name in ingredients.split(separator).map(uncoded).filter(|name| !name.is_empty()) {
        if seen.insert(name) {
            list.push_str(if list.is_empty() { "" } else { ", " });
            list.push_str(name);
        }
    }
    list
}

/// Without a leading `[code]`.
fn uncoded(text: &str) -> &str {
    let text = text.trim();
    let code = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match code {
        Some((code, rest)) if !code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric()) => rest.trim_start(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn codes_are_dropped_and_ingredients_joined() {
        assert_eq!(
            document("판콜에이내복액", "[01140]해열.진통.소염제", "Acetaminophen/Anhydrous Caffeine"),
            "판콜에이내복액 | 해열.진통.소염제 | Acetaminophen, Anhydrous Caffeine"
        );
        assert_eq!(
            document(
                " 중외5%포도당생리식염액 ",
                "[03310]혈액대용제",
                "[M040702]포도당|[M040420]염화나트륨|[M040702]포도당"
            ),
            "중외5%포도당생리식염액 | 혈액대용제 | 포도당, 염화나트륨"
        );
    }

    #[test]
    fn blank_parts_leave_no_separator() {
        assert_eq!(document("타이레놀정", "", " "), "타이레놀정");
        assert_eq!(document("", "[01140]해열.진통.소염제", ""), "해열.진통.소염제");
        assert_eq!(document("", "", "/"), "");
    }

    #[test]
    fn a_bracket_that_is_no_code_stays() {
        assert_eq!(document("[수출용] 정제", "[해열]제", ""), "[수출용] 정제 | [해열]제");
    }
}
