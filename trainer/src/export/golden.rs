//! The texts whose vectors a bundle carries.

use encoder::Role::{self, Document, Query, Similarity};

/// Korean, English and mixed; short and of more than 200 tokens; decomposed jamo, full-width and compatibility characters.
pub const TEXTS: [(Role, &str); 28] = [
    (Document, "타이레놀정500밀리그램(아세트아미노펜)"),
    (Document, "아모잘탄정5/50밀리그램"),
    (Document, "게보린정 해열.진통.소염제 아세트아미노펜, 이소프로필안티피린, 카페인무수물"),
    (Document, "Acetaminophen 500 mg film-coated tablet"),
    (Document, "Amlodipine Besylate/Losartan Potassium"),
    (Document, "Water for Injection, Sodium Chloride 0.9 %, 1000 mL (NaCl) pH 4.5-7.0"),
    (Document, "휴물린엔주100단위/밀리리터(인슐린, 이소판인슐린)"),
    (Document, "주사용수"),
    (Document, "α-토코페롤아세테이트 · β-카로틴 복합 비타민제 [Vitamin E/A]"),
    (Document, "當歸芍藥散 엑스과립 (당귀작약산)"),
    // Full-width letters and digits, units as single characters, a circled digit.
    (Document, "ＡＢＣ시럽　１２㎎／５㎖ ① ㈜한국제약"),
    // 타이레놀정 in decomposed jamo.
    (
        Document,
        "\u{1110}\u{1161}\u{110b}\u{1175}\u{1105}\u{1166}\u{1102}\u{1169}\u{11af}\u{110c}\u{1165}\u{11bc} 500mg",
    ),
    (Document, LONG_KOREAN),
    (Document, LONG_MIXED),
    (Document, LONG_ENGLISH),
    (Query, "열을 내리는 약은?"),
    (Query, "임산부가 복용하면 안 되는 약은?"),
    (Query, "아이가 밤에 기침을 심하게 하는데 먹일 수 있는 시럽 있나요"),
    (Query, "혈압약이랑 같이 먹으면 안 되는 진통제"),
    (Query, "속쓰림"),
    (Query, "what can I take for a runny nose without getting drowsy?"),
    (Query, "ibuprofen 먹고 위가 아픈데 대신할 약"),
    (Query, "ㅋㅋ 머리 아픈데 뭐 먹지 ㅠㅠ!!! 😢"),
    (Similarity, "해열제"),
    (Similarity, "열을 내리고 통증을 줄이는 약"),
    (Similarity, "antipyretic"),
    (Similarity, "병용금기: 두 약을 함께 먹으면 위험하다"),
    (Similarity, "1"),
];

const LONG_KOREAN: &str = "이 약은 감기의 여러 증상인 콧물, 코막힘, 재채기, 인후통, 기침, 가래, 오한, 발열, 두통, 관절통, 근육통을 \
    덜어 주는 데 쓰는 복합 감기약이다. 만 15세 이상과 성인은 한 번에 두 알씩 하루 세 번 식후 30분에 복용하고, 만 7세에서 15세 미만은 한 번에 \
    한 알씩 복용한다. 다른 해열진통제나 감기약, 진정제와 함께 복용하지 말아야 하며, 이 약을 먹는 동안에는 술을 마시지 않는다. 간질환이나 신장질환, \
    갑상선질환, 당뇨병, 고혈압이 있는 사람, 임부 또는 임신하고 있을 가능성이 있는 여성, 수유부, 고령자는 복용하기 전에 의사나 약사와 상의한다. \
    졸음이 올 수 있으므로 운전하거나 기계를 조작하지 않는다. 발진이나 가려움, 구역, 구토, 식욕부진, 어지러움, 두근거림이 나타나면 복용을 멈추고 \
    전문가에게 알린다. 5일쯤 먹어도 나아지지 않으면 진료를 받는다. 어린이의 손이 닿지 않는 곳에, 직사광선을 피하고 습기가 적은 서늘한 곳에 \
    뚜껑을 꼭 닫아 보관한다.";

const LONG_MIXED: &str = "메트포르민염산염(Metformin Hydrochloride) 500 mg과 시타글립틴인산염수화물(Sitagliptin Phosphate Hydrate) 50 mg을 담은 \
    서방정으로, 식사요법과 운동요법만으로 혈당이 충분히 조절되지 않는 제2형 당뇨병(type 2 diabetes mellitus) 성인 환자에게 쓴다. 하루 한 번 저녁 \
    식사와 함께 통째로 삼키며 쪼개거나 씹지 않는다. eGFR이 30 mL/min/1.73㎡ 미만인 중증 신장애, 대사성 산증(metabolic acidosis), 당뇨병성 \
    케톤산증 환자에게는 쓰지 않는다. 요오드화 조영제(iodinated contrast media)를 쓰는 검사를 받을 때는 48시간 동안 복용을 멈춘다. 흔한 이상반응은 \
    설사, 구역, 복부 팽만, 상기도 감염, 비인두염(nasopharyngitis)이며, 드물게 젖산산증(lactic acidosis), 급성 췌장염(acute pancreatitis), \
    Stevens-Johnson 증후군이 보고되었다. 설포닐우레아(sulfonylurea)나 인슐린과 함께 쓰면 저혈당이 생기기 쉬우므로 용량을 줄일 수 있다. \
    비타민 B12 흡수가 떨어질 수 있어 오래 쓰는 환자는 해마다 수치를 확인한다. 임부와 수유부, 18세 미만에서의 안전성은 확립되지 않았다.";

const LONG_ENGLISH: &str = "Each film-coated tablet contains atorvastatin calcium trihydrate equivalent to 20 mg of atorvastatin. It lowers \
    low-density lipoprotein cholesterol and triglycerides in adults with primary hypercholesterolaemia or mixed dyslipidaemia when diet and \
    exercise alone are not enough. Take one tablet by mouth once a day, at any time, with or without food. Do not take it during pregnancy or \
    breast-feeding, or with active liver disease. Tell your doctor about unexplained muscle pain, tenderness or weakness, dark urine, or \
    yellowing of the skin. Clarithromycin, itraconazole, ciclosporin and large quantities of grapefruit juice raise its concentration in blood \
    and with it the risk of rhabdomyolysis. Liver function is checked before treatment and regularly afterwards. Common adverse reactions are \
    nasopharyngitis, constipation, flatulence, dyspepsia, nausea, diarrhoea, myalgia, arthralgia, pain in the extremities, back pain and raised \
    creatine kinase. Store below 30 degrees Celsius in the original package, out of the sight and reach of children.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_there_and_no_text_twice() {
        for role in [Document, Query, Similarity] {
            assert!(TEXTS.iter().filter(|(r, _)| *r == role).count() >= 4);
        }
        let distinct: std::collections::HashSet<_> = TEXTS.iter().collect();
        assert_eq!(distinct.len(), TEXTS.len());
    }
}
