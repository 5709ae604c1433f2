//! What a drug is taken together with: `와파린이랑 같이`, `혈압약 먹는 중인데`.

use std::ops::Range;

use serde::Serialize;

use crate::names::{Mention, Name, NameKind};
use crate::text::Text;

/// The drugs, or drug and food, that meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// One or two names; of one, the partners are asked for.
    pub names: Vec<Name>,
}

const TAKING: &str = "\
    먹는중|먹고있|복용중|복용하고있|복용하는중|드시는중|드시고있|쓰는중|쓰고있|먹는데|복용하는데|복용하는환자|복용환자|먹는사람|맞고있|바르고있|투여중|복용자|먹은뒤|먹은후|먹고|먹는환자|먹는분|드시는분|드시는데|\
    드시는|투약중|먹으면서|복용하면서|쓰면서|쓰는환자|쓰는사람|처방받은환자|먹고나서|복용후|먹을때|복용할때|복용시|복용하는사람|복용하는분|맞는환자|먹는도중|먹던중|쓰는데|먹는";
const WITH: &str = "이랑|랑|하고|와|과|및|+|이나|에다|한테";
const DRINKING: &str = "마시|먹고|먹은|먹으면서|마셔|이랑|랑|하고|와|과|한잔|마신|드시|마실";

/// The mention that is being taken already, or that something is to be taken with.
pub(crate) fn taken(text: &Text<'_>, mentions: &[Mention]) -> Option<Range<usize>> {
    mentions.iter().find_map(|mention| {
        let end = behind(text, &mention.range)?;
        Some(mention.range.start..end)
    })
}

/// End of the words behind a mention that make it a companion.
fn behind(text: &Text<'_>, range: &Range<usize>) -> Option<usize> {
    let bare = text.longest(range.end, TAKING).map(|length| range.end + length);
    let object = || {
        let length = text.longest(range.end, "을|를|도|은|는|제를|제|약을|약")?;
        text.longest(range.end + length, TAKING).map(|verb| range.end + length + verb)
    };
    let drinking = || text.longest(range.end, DRINKING).map(|length| range.end + length);
    let object_drinking = || {
        let length = text.longest(range.end, "을|를")?;
        text.longest(range.end + length, DRINKING).map(|verb| range.end + length + verb)
    };
    bare.or_else(object).or_else(drinking).or_else(object_drinking)
}

/// Indices of the names of a pair, in a question about taking things together.
pub(crate) fn members(text: &Text<'_>, mentions: &[Mention]) -> Vec<usize> {
    let joined = |mention: &Mention| {
        behind(text, &mention.range).is_some()
            || text.longest(mention.range.end, WITH).is_some()
            || text
                .longest(
                    mention.range.end,
                    "같이|함께|동시에|을같이|를같이|을함께|를함께|병용|도같이|섞어|를동시에|을동시에|복용|먹어도|을먹어도|를먹어도",
                )
                .is_some()
    };
    let drug = |mention: &Mention| matches!(mention.name.kind, NameKind::Ingredient | NameKind::Brand);
    let other = |mention: &Mention| matches!(mention.name.kind, NameKind::Class | NameKind::Food) && joined(mention);
    mentions.iter().enumerate().filter(|(_, m)| !m.used && (drug(m) || other(m))).map(|(i, _)| i).take(2).collect()
}
