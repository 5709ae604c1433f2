//! Lists in the shapes of their sources, with products that do not exist.

use std::ops::ControlFlow;

use dur_lists::{Entry, Error, Report, Sink, read};
use reader::DurKind;

#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
    limit: Option<usize>,
}

impl Sink for Kept {
    fn entry(&mut self, entry: Entry) -> ControlFlow<()> {
        self.entries.push(entry);
        if self.limit == Some(self.entries.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn entries_of(data: &[u8], kind: Option<DurKind>) -> (Vec<Entry>, Report) {
    let mut kept = Kept::default();
    let report = read(data, kind, &mut kept).expect("a list");
    (kept.entries, report)
}

fn error_of(data: &[u8], kind: Option<DurKind>) -> Error {
    read(data, kind, &mut Kept::default()).expect_err("an error")
}

const PAIR: &str = r#"{"DUR_SEQ":"1","TYPE_CODE":"A","TYPE_NAME":"병용금기","MIX":"단일","INGR_CODE":"D900001",
    "INGR_KOR_NAME":"없던성분염산염","INGR_ENG_NAME":"Nonesuchine Hydrochloride","MIX_INGR":null,"ITEM_SEQ":"209900001",
    "ITEM_NAME":"없던정(없던성분염산염)","FORM_NAME":"나정","MIXTURE_INGR_KOR_NAME":"로사르탄칼륨",
    "MIXTURE_INGR_ENG_NAME":"Losartan Potassium","MIXTURE_ITEM_SEQ":209900002,"MIXTURE_ITEM_NAME":"꾸민정",
    "NOTIFICATION_DATE":"20090303","PROHBT_CONTENT":"작용이 세진다\n","REMARK":null}"#;

fn answer(items: &str) -> String {
    format!(
        r#"{{"header":{{"resultCode":"00","resultMsg":"NORMAL SERVICE."}},"body":{{"pageNo":1,"totalCount":2,"numOfRows":100,"items":{items}}}}}"#
    )
}

#[test]
fn the_answers_of_the_service_in_every_envelope() {
    let one = format!("[{PAIR}]");
    let wrapped = format!(r#"[{{"item":{PAIR}}}]"#);
    let inner = format!(r#"{{"item":[{PAIR}]}}"#);
    let outer = format!(r#"{{"response":{}}}"#, answer(&one));
    let single = format!(r#"{{"item":{PAIR}}}"#);
    for data in [answer(&one), answer(&wrapped), answer(&inner), answer(&single), outer, one.clone(), PAIR.to_owned()] {
        let (entries, _) = entries_of(data.as_bytes(), None);
        assert_eq!(entries.len(), 1, "{data}");
        let entry = &entries[0];
        assert_eq!(entry.kind, DurKind::Combination);
        assert_eq!(entry.item_seq.as_deref(), Some("209900001"));
        assert_eq!(entry.ingredient.as_deref(), Some("없던성분"));
        assert_eq!(entry.partner_item_seq.as_deref(), Some("209900002"));
        assert_eq!(entry.partner_ingredient.as_deref(), Some("로사르탄"));
        assert_eq!(entry.partner_ingredient_english.as_deref(), Some("Losartan Potassium"));
        assert_eq!(entry.reason.as_deref(), Some("작용이 세진다"));
        assert_eq!(entry.notified.as_deref(), Some("2009-03-03"));
    }
    // Pages one after another; with a byte order mark.
    let pages = format!("\u{feff}{}\n{}", answer(&one), answer(&one));
    let (entries, report) = entries_of(pages.as_bytes(), Some(DurKind::Combination));
    assert_eq!((entries.len(), report.records, report.total), (2, 2, Some(2)));
    assert_eq!(entries_of(answer("[]").as_bytes(), None).0, []);
}

#[test]
fn entries_by_ingredient() {
    let list = r#"[
        {"TYPE_NAME":"특정연령대금기","MIX_TYPE":"단일","INGR_NAME":"없던성분","INGR_ENG_NAME":"Nonesuchine","FORM_NAME":"정제","AGE_BASE":"18세 이하","DEL_YN":"정상"},
        {"TYPE_NAME":"특정연령대금기","INGR_NAME":"없던성분","AGE_BASE":"12세 미만","DEL_YN":"삭제"},
        {"TYPE_NAME":"임부금기","INGR_NAME":"없던성분","GRADE":"2등급","PROHBT_CONTENT":"\"태아에 해\"","REMARK":"다만 예외"},
        {"TYPE_NAME":"용량주의","INGR_NAME":"없던성분","MAX_QTY":"24밀리그램"},
        {"TYPE_NAME":"투여기간주의","INGR_NAME":"없던성분","MAX_DOSAGE_TERM":"7"},
        {"TYPE_NAME":"효능군중복","INGR_NAME":"없던성분","EFFECT_CODE":"호흡기관용약","SERS_NAME":"항히스타민제"},
        {"TYPE_NAME":"노인주의","INGR_NAME":"로사르탄칼륨","MIX_TYPE":"복합","MIX_INGR":"[M1]암로디핀베실산염"},
        {"TYPE_NAME":"분할주의","ITEM_SEQ":"209900001","ITEM_NAME":"없던정","MAIN_INGR":"[M1]로사르탄칼륨/[M2]암로디핀","PROHBT_CONTENT":"분할불가"},
        {"TYPE_NAME":"첨가제주의","ITEM_SEQ":"209900001"},
        {"TYPE_NAME":"임부금기,노인주의,병용금기","ITEM_SEQ":"209900009"}
    ]"#;
    let (entries, report) = entries_of(list.as_bytes(), None);
    let [age, pregnancy, dose, duration, duplication, elderly, splitting, two @ ..] = &entries[..] else { panic!() };
    assert_eq!((age.months_from, age.months_below, age.item_seq.as_deref()), (None, Some(228), None));
    assert_eq!(age.reason.as_deref(), Some("제형: 정제"));
    assert_eq!(pregnancy.grade.as_deref(), Some("2"));
    assert_eq!(pregnancy.reason.as_deref(), Some("태아에 해; 다만 예외"));
    assert_eq!(dose.quantity.as_deref(), Some("24밀리그램"));
    assert_eq!(duration.quantity.as_deref(), Some("7일"));
    assert_eq!(duplication.effect_group.as_deref(), Some("호흡기관용약 / 항히스타민제"));
    assert_eq!(elderly.ingredient.as_deref(), Some("로사르탄+암로디핀"));
    assert_eq!((splitting.kind, splitting.ingredient.as_deref()), (DurKind::Splitting, Some("로사르탄+암로디핀")));
    assert_eq!(two.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [DurKind::Pregnancy, DurKind::Elderly]);
    assert_eq!((report.records, report.deleted, report.of_other_kinds, report.nameless), (10, 1, 1, 1));
    assert!(report.other_kinds.contains("첨가제주의"));
}

#[test]
fn ages_of_products_are_read_off_the_reason_or_counted() {
    let list = r#"[{"TYPE_NAME":"특정연령대금기","ITEM_SEQ":"209900001","INGR_NAME":"없던성분","PROHBT_CONTENT":"12세 미만의 소아에 투여하지 않는다"},
                   {"TYPE_NAME":"특정연령대금기","ITEM_SEQ":"209900002","INGR_NAME":"없던성분","PROHBT_CONTENT":null}]"#;
    let (entries, report) = entries_of(list.as_bytes(), None);
    assert_eq!(entries.iter().map(|entry| entry.months_below).collect::<Vec<_>>(), [Some(144), None]);
    assert_eq!(report.ageless, 1);
}

const PAIRS: &str = "성분명1,성분코드1,제품코드1,제품명1,업체명1,급여구분1,성분명2,성분코드2,제품코드2,제품명2,업체명2,급여구분2,공고번호,공고일자,금기사유\r\n\
    nonesuchine hydrochloride,900001ATB,649900010,없던정_(5mg/1정),꾸민제약,급여,losartan potassium,900002ATB,649900020,꾸민정_(50밀리그램/1정),꾸민제약,급여,20090001,20090303,\"작용이\r\n세진다, 많이\"\r\n\
    \r\n\
    nonesuchine,900001ATB,649900011,없던캡슐\r\n";

#[test]
fn pairs_as_csv_in_every_encoding() {
    let (cp949, _, unmappable) = encoding_rs::EUC_KR.encode(PAIRS);
    assert!(!unmappable);
    let marked = format!("\u{feff}{PAIRS}");
    let tabs: String =
        PAIRS.replace("세진다, 많이", "세진다 많이").replace(',', "\t").replace("세진다 많이", "세진다, 많이");
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(tabs.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for data in [PAIRS.as_bytes(), &cp949, marked.as_bytes(), &utf16] {
        let (entries, report) = entries_of(data, None);
        assert_eq!(entries.len(), 1);
        let entry = &entries[0];
        assert_eq!(entry.kind, DurKind::Combination);
        assert_eq!(entry.item_name.as_deref(), Some("없던정"));
        assert_eq!(entry.ingredient_english.as_deref(), Some("nonesuchine hydrochloride"));
        assert_eq!(entry.partner_ingredient.as_deref(), Some("로사르탄"));
        assert_eq!(entry.reason.as_deref(), Some("작용이 세진다, 많이"));
        assert_eq!(entry.notified.as_deref(), Some("2009-03-03"));
        // The short line has no partner; the numbers are the health insurance's.
        assert_eq!((report.nameless, report.other_codes, report.unreadable), (1, 1, 0));
    }
}

#[test]
fn lists_of_one_drug_as_csv() {
    let age = "성분명,성분코드,제품코드,제품명,업체명,특정연령,특정연령단위,연령처리조건,고시번호,고시일자,상세정보,급여여부\n\
        nonesuchine,1,209900001,없던정,꾸민,12,세,미만,1,20200101,주의,급여\n없던성분,1,209900002,꾸민정,꾸민,３,개월,이하,1,2020-01-01,,급여\n";
    let (entries, _) = entries_of(age.as_bytes(), None);
    assert_eq!(entries.iter().map(|entry| entry.months_below).collect::<Vec<_>>(), [Some(144), Some(4)]);
    // A title above the header, as the tables of the notifications have it.
    let titled = "임부금기 의약품 (2020.1.1. 고시 기준),,,\n연번,성분명,임부금기(등급),비고,상세정보\n1,nonesuchine,1등급,,해로움\n2,꾸민성분,,,\n";
    let (entries, _) = entries_of(titled.as_bytes(), None);
    assert_eq!(entries.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [DurKind::Pregnancy, DurKind::Pregnancy]);
    assert_eq!((entries[0].grade.as_deref(), entries[1].grade.as_deref()), (Some("1"), None));
    // What a list of the elderly is, its columns do not show.
    let elderly = "성분명,성분코드,제품코드,제품명,업체명,공고번호,공고일자,약품상세정보\n없던성분,1,209900001,없던정,꾸민,1,20200101,어지럽다\n";
    assert!(matches!(error_of(elderly.as_bytes(), None), Error::NoKind));
    assert_eq!(entries_of(elderly.as_bytes(), Some(DurKind::Elderly)).0[0].reason.as_deref(), Some("어지럽다"));
    // Two columns the wrong way round, blanks for zeros.
    let group = "효능군,그룹구분,성분코드,성분명,제품코드,제품명\n해열진통소염제,Group 1,losartan potassium,1 13 1ATB,2 99    1,없던정\n";
    let entry = &entries_of(group.as_bytes(), None).0[0];
    assert_eq!((entry.kind, entry.ingredient.as_deref()), (DurKind::Duplication, Some("로사르탄")));
    assert_eq!(
        (entry.item_seq.as_deref(), entry.effect_group.as_deref()),
        (Some("209900001"), Some("해열진통소염제 / Group 1"))
    );
}

#[test]
fn decomposed_jamo_are_composed() {
    use unicode_normalization::UnicodeNormalization;
    let list: String = "제품코드,제품명,금기등급,상세정보\n209900001,없던정,2등급,해롭다\n".nfd().collect();
    let entry = &entries_of(list.as_bytes(), None).0[0];
    assert_eq!((entry.item_name.as_deref(), entry.reason.as_deref()), (Some("없던정"), Some("해롭다")));
}

#[test]
fn what_is_no_list() {
    assert!(matches!(error_of(b" \n", None), Error::Empty));
    assert!(matches!(error_of(b"<response/>", None), Error::Xml));
    assert!(matches!(error_of(b"PK\x03\x04", None), Error::Binary));
    assert!(matches!(error_of(b"{\"a\": 1}", None), Error::NoEntries));
    assert!(matches!(error_of(b"[{\"ITEM_SEQ\": ", None), Error::Json { line: 1, .. }));
    assert!(matches!(error_of(&b"[".repeat(1_000_000), None), Error::Json { .. }));
    let refused = br#"{"OpenAPI_ServiceResponse":{"cmmMsgHeader":{"errMsg":"SERVICE ERROR","returnAuthMsg":"NOT REGISTERED","returnReasonCode":"30"}}}"#;
    assert!(
        matches!(error_of(refused, None), Error::Answer { code, message } if code == "30" && message == "NOT REGISTERED")
    );
    assert!(
        matches!(error_of("이름,값\n가,나\n".as_bytes(), None), Error::UnknownHeader { found } if found == ["\"이름\"", "\"값\""])
    );
    assert!(matches!(error_of(PAIR.as_bytes(), Some(DurKind::Age)), Error::OtherKind { .. }));
    assert!(matches!(error_of(PAIRS.as_bytes(), Some(DurKind::Age)), Error::OtherKind { .. }));
    let endless = format!("제품코드,제품명,금기등급\n1,\"{}", "가".repeat(1_000_000));
    assert!(matches!(error_of(endless.as_bytes(), None), Error::Csv { line: 2, .. }));
    let mut kept = Kept { limit: Some(1), ..Kept::default() };
    assert!(matches!(read(format!("[{PAIR},{PAIR}]").as_bytes(), None, &mut kept), Err(Error::Stopped)));
    assert_eq!(kept.entries.len(), 1);
}
