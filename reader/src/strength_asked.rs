//! Which amounts of a question are strengths of a product: not doses, laboratory values or ages.

use std::ops::Range;

use crate::asked_form::AskedForm;
use crate::form::Form;
use crate::names::{Mention, NameKind};
use crate::strength::{self, Measured, Strength, Unit};
use crate::text::{Text, is_one_of};

pub(crate) fn find(
    text: &Text<'_>,
    measured: &[Measured],
    mentions: &[Mention],
    forms: &[AskedForm],
) -> Vec<(Range<usize>, Strength, f64)> {
    let liquid = forms.iter().any(|form| {
        !form.excluded && [Form::OralLiquid, Form::Infusion, Form::Gargle].iter().any(|family| form.form.is_a(*family))
    });
    let near = |range: &Range<usize>| is_near(range, mentions, forms);
    let mut found: Vec<(Range<usize>, Strength, f64)> = measured
        .iter()
        .filter(|amount| is_strength(text, amount, &near))
        .map(|amount| {
            let unit = if amount.ambiguous && liquid && !is_behind_name(amount, mentions) {
                Unit::Millilitre
            } else {
                amount.strength.unit
            };
            (amount.range.clone(), Strength { unit, ..amount.strength }, if amount.ambiguous { 0.8 } else { 0.95 })
        })
        .collect();
    found.extend(bare_numbers(text, mentions, forms, &found));
    found.sort_by_key(|(range, ..)| range.start);
    found.dedup_by(|a, b| a.1 == b.1);
    found
}

/// Whether a name or a form stands within a few characters.
fn is_near(range: &Range<usize>, mentions: &[Mention], forms: &[AskedForm]) -> bool {
    const NEAR: usize = 8;
    let ranges = mentions.iter().map(|m| &m.range).chain(forms.iter().map(|form| &form.range));
    ranges.into_iter().any(|other| {
        let gap =
            if other.start >= range.end { other.start - range.end } else { range.start.saturating_sub(other.end) };
        gap <= NEAR
    })
}

fn is_behind_name(amount: &Measured, mentions: &[Mention]) -> bool {
    mentions.iter().any(|mention| mention.range.end == amount.range.start)
}

fn is_strength(text: &Text<'_>, amount: &Measured, near: &dyn Fn(&Range<usize>) -> bool) -> bool {
    const LABORATORY: &str = "\
        혈당|혈당이|콜레스테롤|콜레스테롤이|크레아티닌|요산|요산이|수치|수치가|체중|몸무게|당화혈색소|당화혈색소가|포화도|포화도가|박출률|박출률이|기능이|확률|혈압|혈압이|물|단백뇨|중성지방|중성지방이|\
        a1c|a1c가|지방|물을|습도|염분|기능";
    const DOSE: &str = "하루|하루에|1일|일일|매일|총|한번에|1회|한번|날마다|최대";
    const TAKEN: &str = "먹었|먹였|마셨|씩|정도마|먹고|이상먹|넘게먹|맞았|먹어도|를초과|을초과|초과|이상복용|빠졌|쪘|먹으면|넘으면|이넘";
    let (start, end) = (amount.range.start, amount.range.end);
    let excluded =
        text.preceded_by(start, LABORATORY) || text.preceded_by(start, DOSE) || text.longest(end, TAKEN).is_some();
    match amount.strength.unit {
        _ if excluded => false,
        Unit::Percent | Unit::Millilitre => near(&amount.range),
        Unit::Milligram if amount.ambiguous || amount.strength.amount >= 2000.0 => near(&amount.range),
        _ => true,
    }
}

/// `로사르탄 50`, `타이레놀 500`, `메트포르민 서방정 1000`: a number right behind a name and its form, without a unit or a counter.
fn bare_numbers(
    text: &Text<'_>,
    mentions: &[Mention],
    forms: &[AskedForm],
    found: &[(Range<usize>, Strength, f64)],
) -> Vec<(Range<usize>, Strength, f64)> {
    const COUNTERS: &str = "\
        정|알|캡슐|병|개|일|살|세|시간|번|주|월|년|대|도|회|박스|통|원|명|분|포|매|장|차|가지|종|앰플|등|급|-|~|.|:|만|천|호|배|단계|kg|킬로|cm|/|형|주차|바이알|팩|곽|초|\
        세대|인|개월|달|mm|+";
    // Vitamins that are counted in units.
    const IN_UNITS: &str = "콜레칼시페롤|레티놀팔미테이트|토코페롤아세테이트|헤파린|인슐린글라진";
    mentions
        .iter()
        .filter(|mention| matches!(mention.name.kind, NameKind::Ingredient | NameKind::Brand))
        .flat_map(|mention| {
            let form = forms.iter().find(|form| form.range.start == mention.range.end && !form.excluded);
            let form = form.filter(|form| form.form.is_a(Form::Oral));
            let start = form.map_or(mention.range.end, |form| form.range.end);
            std::iter::successors(Some(start), |&at| {
                // `아모잘탄 5/50`
                let (_, end) = strength::number(text, at)?;
                (text.follows(end, "/") && strength::number(text, end + 1).is_some()).then_some(end + 1)
            })
            .take(4)
            .map(move |at| (mention, at))
        })
        .filter_map(|(mention, at)| {
            let (amount, end) = strength::number(text, at)?;
            let digits = text.chars[at].is_ascii_digit();
            let counted = text.longest(end, COUNTERS).is_some_and(|length| is_counter(text, end, length));
            let unit =
                if is_one_of(mention.name.name.as_str(), IN_UNITS) { Unit::InternationalUnit } else { Unit::Milligram };
            let range = at..end;
            let taken = found.iter().any(|(other, ..)| other.start <= range.start && range.start < other.end);
            let plausible = (0.01..=5000.0).contains(&amount) || unit == Unit::InternationalUnit;
            (digits && !counted && plausible && !taken).then_some((range, Strength { amount, unit }, 0.7))
        })
        .collect()
}

/// Whether what follows a number makes it a count: `3일`, `20~`, not `10 일반의약품` or `80/암로디핀 5`.
fn is_counter(text: &Text<'_>, at: usize, length: usize) -> bool {
    match text.chars[at] {
        '정' if length == 1 => !is_tablet(text, at),
        // A series goes on: what ends it decides.
        '/' => text.chars.get(at + 1).is_none_or(|c| c.is_ascii_digit()) && !is_bare_series(text, at + 1),
        c => !c.is_alphabetic() || !text.starts(at) || crate::particles::closes(text, at + length),
    }
}

fn is_bare_series(text: &Text<'_>, at: usize) -> bool {
    strength::number(text, at).is_some_and(|(_, end)| text.starts(end) && !text.follows(end, "/"))
}

/// `노바스크 5정`: a strength and a form, if the number is one that tablets are not counted by.
fn is_tablet(text: &Text<'_>, at: usize) -> bool {
    text.starts(at)
}
