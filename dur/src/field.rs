//! What the columns of the lists are called.

use unicode_normalization::UnicodeNormalization;

/// A column that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Type,
    ItemSeq,
    ItemName,
    Ingredient,
    IngredientEnglish,
    IngredientCode,
    /// The other active ingredients of a combined product.
    OtherIngredients,
    /// All active ingredients of a product.
    MainIngredients,
    PartnerItemSeq,
    PartnerItemName,
    PartnerIngredient,
    PartnerIngredientEnglish,
    PartnerOtherIngredients,
    PartnerMainIngredients,
    Grade,
    Age,
    AgeUnit,
    AgeCondition,
    Dose,
    Days,
    EffectGroup,
    Series,
    Form,
    Reason,
    Remark,
    Notified,
    Deleted,
    // Of the envelope of the API's answers.
    Total,
    ResultCode,
    ResultMessage,
}

impl Field {
    pub const COUNT: usize = Field::ResultMessage as usize + 1;

    /// Whether a header with it is one of a list: it names a product or an ingredient.
    pub fn names(self) -> bool {
        matches!(
            self,
            Field::ItemSeq | Field::ItemName | Field::Ingredient | Field::IngredientEnglish | Field::MainIngredients
        )
    }

    /// The field of a key or a header, whatever its case, width, blanks and punctuation.
    pub fn of(name: &str) -> Option<Field> {
        const LONGEST: usize = 200;
        if name.len() > LONGEST {
            return None;
        }
        let key: String = name.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect();
        NAMES.iter().find(|(names, _)| names.split('|').any(|name| name == key)).map(|(_, field)| *field)
    }
}

/// By MFDS's API; then by the CSVs of KIDS and HIRA and the tables of the notifications.
const NAMES: &[(&str, Field)] = &[
    ("typename|유형|유형명|금기유형|dur유형|구분명", Field::Type),
    (
        "itemseq|품목기준코드|품목일련번호|제품코드|제품코드1|제품코드a|약품코드|약품코드1|약품코드a|code|codea",
        Field::ItemSeq,
    ),
    ("itemname|품목명|제품명|제품명1|제품명a|약품명|약품명1|약품명a|name|namea", Field::ItemName),
    (
        "ingrkorname|ingrname|성분명국문|성분명한글|한글성분명|성분명|성분명1|성분명a|dur성분명|유효성분1|유효성분|주성분명|일반명",
        Field::Ingredient,
    ),
    ("ingrengname|성분명영문|영문성분명", Field::IngredientEnglish),
    ("ingrcode|성분코드|성분코드1|성분코드a", Field::IngredientCode),
    ("mixingr|복합제", Field::OtherIngredients),
    ("mainingr|주성분", Field::MainIngredients),
    (
        "mixtureitemseq|제품코드2|제품코드b|약품코드2|약품코드b|상대제품코드|병용금기제품코드|codeb",
        Field::PartnerItemSeq,
    ),
    ("mixtureitemname|제품명2|제품명b|약품명2|약품명b|상대제품명|병용금기제품명|nameb", Field::PartnerItemName),
    (
        "mixtureingrkorname|mixtureingrname|성분명2|성분명b|유효성분2|상대성분명|병용금기성분명|병용금기dur성분",
        Field::PartnerIngredient,
    ),
    ("mixtureingrengname|병용금기성분명영문", Field::PartnerIngredientEnglish),
    ("mixturemixingr", Field::PartnerOtherIngredients),
    ("mixturemainingr", Field::PartnerMainIngredients),
    ("grade|금기등급|임부금기등급|등급", Field::Grade),
    ("agebase|연령기준|연령|특정연령|해당연령|limitnm", Field::Age),
    ("연령단위|특정연령단위|해당연령단위|unit", Field::AgeUnit),
    ("연령처리조건|처리조건|연령조건|standard", Field::AgeCondition),
    ("maxqty|1일최대투여량|1일최대용량|일최대투여량|최대투여량", Field::Dose),
    ("maxdosageterm|최대투여기간일수|최대투여기간", Field::Days),
    ("effectname|effectcode|효능군|효능효과군", Field::EffectGroup),
    ("sersname|계열명|그룹구분|group|그룹", Field::Series),
    ("formname|formcodename|제형|제형명", Field::Form),
    (
        "prohbtcontent|금기내용|금기사유|상세정보|약품상세정보|상세내용|주의내용|주의사항|허가사항|content",
        Field::Reason,
    ),
    ("remark|비고", Field::Remark),
    ("notificationdate|고시일자|공고일자|고시적용일|고시일|공고일", Field::Notified),
    ("delyn|삭제여부|상태", Field::Deleted),
    ("totalcount", Field::Total),
    ("resultcode|returnreasoncode", Field::ResultCode),
    ("resultmsg|returnauthmsg", Field::ResultMessage),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_source() {
        for (name, field) in [
            ("INGR_KOR_NAME", Field::Ingredient),
            ("TYPE_NAME  ", Field::Type),
            ("유효성분 '2'", Field::PartnerIngredient),
            ("임부금기(등급)", Field::Grade),
            ("1일 최대용량", Field::Dose),
            ("성분명Ｂ", Field::PartnerIngredient),
        ] {
            assert_eq!(Field::of(name), Some(field), "{name}");
        }
        assert_eq!(Field::of("업체명"), None);
        assert_eq!(Field::of(""), None);
    }

    #[test]
    fn each_name_is_of_one_field() {
        let names: Vec<&str> = NAMES.iter().flat_map(|(names, _)| names.split('|')).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
    }
}
