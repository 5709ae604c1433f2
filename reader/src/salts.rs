//! Salts and hydrates of an ingredient, which do not change what it is: 로사르탄칼륨 is 로사르탄.

use crate::text::{Text, is_one_of};

const SUFFIXES: &str = "\
    염산염|이염산염|황산염|말레산염|말레인산염|메실산염|메탄설폰산염|타르타르산염|주석산염|베실산염|푸마르산염|숙신산염|시트르산염|구연산염|아세트산염|초산염|인산염|브롬화수소산염|브롬화물|질산염|락트산염|젖산염|\
    글루콘산염|토실산염|캄실산염|에실산염|니코틴산염|히벤즈산염|파모산염|오로트산염|옥살산염|벤조산염|트로메타민|트로메타몰|아르기닌|리신|수화물|일수화물|이수화물|삼수화물|반수화물|사수화물|오수화물|무수물|칼륨|\
    이칼륨|나트륨|이나트륨|칼슘|마그네슘|메독소밀|프록세틸|악세틸|실렉세틸|피복실|프로판디올수화물|베실레이트|말레이트|메실레이트|타르트레이트|피돌산염|아디프산염|에디실산염|세스키히드레이트|세스키수화물|\
    헤미하이드레이트|하이클레이트|염";

const PREFIXES: &str = "염산|황산|말레인산|말레산|메실산|주석산|타르타르산|베실산|푸마르산|숙신산|구연산|시트르산|초산|브롬화수소산|브롬화|질산|젖산|글루콘산|히벤즈산|무수";

/// What is left when the salt goes is no ingredient: 염화나트륨, 탄산칼슘.
const MINERALS: &str = "\
    염화|탄산|탄산수소|산화|황산|인산|수산화|질산|붕산|아세트산|초산|젖산|락트산|글루콘산|시트르산|구연산|아스파르트산|과산화|요오드화|브롬화|규산|메타규산|침강탄산|건조|스테아르산|피콜린산|오로트산|살리실산|\
    에데트산|인산수소|인산이수소|티오황산|아황산|아질산|피로인산|글리세로인산|푸마르산|숙신산|말레산|글리세롤인산|무수인산수소|침강|피돌산|폴리카르보필|케이산";

const ENGLISH: &str = "\
    hydrochloride|dihydrochloride|sulfate|maleate|mesylate|tartrate|bitartrate|besylate|fumarate|succinate|citrate|\
    acetate|phosphate|hydrobromide|nitrate|lactate|gluconate|tosylate|camsylate|hydrate|monohydrate|dihydrate|\
    trihydrate|hemihydrate|sesquihydrate|anhydrous|sodium|potassium|calcium|magnesium|disodium|medoxomil|proxetil|\
    axetil|cilexetil|pivoxil|tromethamine|trometamol|arginine|lysine|hibenzate|pamoate|orotate|oxalate|benzoate|hcl|\
    propanediol|hemifumarate|adipate|edisylate";

const METALS: &str = "\
    sodium|calcium|potassium|magnesium|zinc|ferrous|ferric|iron|aluminum|aluminium|ammonium|manganese|lithium|silver|\
    bismuth|selenium|copper|barium|dried|precipitated|light|heavy|choline";

/// Whether a word is a salt that stands before an ingredient, as in 염산로페라미드.
pub(crate) fn is_prefix(word: &str) -> bool {
    is_one_of(word, PREFIXES)
}

/// End of the salts that follow an ingredient that ends at `at`.
pub(crate) fn end_of_salts(text: &Text<'_>, mut at: usize) -> usize {
    while !text.starts(at) {
        match text.longest(at, SUFFIXES) {
            Some(length) => at += length,
            None => break,
        }
    }
    at
}

/// End of the English salts that follow an ingredient that ends at `at`, as words of their own.
pub(crate) fn end_of_english_salts(text: &Text<'_>, mut at: usize) -> usize {
    while at < text.len() && text.starts(at) {
        match text.longest(at, ENGLISH).map(|length| at + length) {
            Some(end) if text.starts(end) => at = end,
            _ => break,
        }
    }
    at
}

/// A Korean name without its salts; `name` is in normal form.
pub(crate) fn korean_base(name: &str) -> &str {
    let mut base = name;
    loop {
        let longest = SUFFIXES.split('|').filter(|salt| base.ends_with(*salt)).max_by_key(|salt| salt.len());
        let shorter = longest.map(|salt| &base[..base.len() - salt.len()]);
        match shorter {
            Some(rest) if rest.chars().count() >= 2 && !is_one_of(rest, MINERALS) => base = rest,
            _ => return base,
        }
    }
}

/// A Korean name without a salt before it.
pub(crate) fn without_prefix(name: &str) -> Option<&str> {
    PREFIXES.split('|').filter_map(|salt| name.strip_prefix(salt)).find(|rest| rest.chars().count() >= 3)
}

/// An English name without its salts, words joined.
pub(crate) fn english_base(name: &str) -> String {
    let mut words: Vec<&str> = name.split_whitespace().skip_while(|word| *word == "anhydrous").collect();
    while words.len() > 1
        && words.last().is_some_and(|last| is_one_of(last, ENGLISH))
        && !words[..words.len() - 1].iter().any(|word| is_one_of(word, METALS))
    {
        words.pop();
    }
    words.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_go_and_minerals_stay() {
        for (name, base) in [
            ("로사르탄칼륨", "로사르탄"),
            ("아토르바스타틴칼슘삼수화물", "아토르바스타틴"),
            ("염화나트륨", "염화나트륨"),
            ("탄산수소나트륨", "탄산수소나트륨"),
            ("세티리진염산염", "세티리진"),
            ("히알루론산나트륨", "히알루론산"),
        ] {
            assert_eq!(korean_base(name), base);
        }
        assert_eq!(english_base("losartan potassium"), "losartan");
        assert_eq!(english_base("sodium chloride"), "sodiumchloride");
        assert_eq!(without_prefix("염산로페라미드"), Some("로페라미드"));
    }
}
