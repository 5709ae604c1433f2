#!/usr/bin/env python3
"""make.py FOLDER: 지어낸 품목으로, 공공 API와 nedrug가 보내는 모든 모양의 파일을 만든다.
Writes files in every shape in which the public APIs and nedrug send their data, with products that are made up."""

import json
import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[1])
DOCUMENT = (
    '<DOC title="효능효과" type="EE"><SECTION title=""><ARTICLE title="1. 주효능 &amp; 효과"><PARAGRAPH tagName="p" textIndent="0" marginLeft="0">'
    "<![CDATA[가상의 두통 &lt;편두통&gt;,&nbsp;발열]]></PARAGRAPH></ARTICLE></SECTION></DOC>"
)


def product(number, **other):
    """한 품목, 허가 목록의 이름으로. / One product, with the names of the permit list."""
    return {
        "ITEM_SEQ": f"9{number:08}", "ITEM_NAME": f"가나다정{number}밀리그램", "ITEM_ENG_NAME": f"Ganada Tab. {number}mg",
        "ENTP_NAME": "가상제약(주)", "ITEM_PERMIT_DATE": "20240102", "SPCLTY_PBLC": "일반의약품",
        "PRDUCT_TYPE": "[01140]해열.진통.소염제", "ITEM_INGR_NAME": "Acetaminophen/Anhydrous Caffeine", "CANCEL_NAME": "정상", **other,
    }


def envelope(items, total=None, inside_response=False):
    body = {"pageNo": 1, "totalCount": str(total or len(items)), "numOfRows": 100, "items": items}
    page = {"header": {"resultCode": "00", "resultMsg": "NORMAL SERVICE."}, "body": body}
    return {"response": page} if inside_response else page


def xml(items):
    def element(name, value):
        if value is None:
            return f"<{name}/>"
        if not value.startswith("<"):
            value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f"<{name}>{value}</{name}>"

    rows = "\n".join("<item>" + "".join(element(*field) for field in item.items()) + "</item>" for item in items)
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<response><header><resultCode>00</resultCode>'
        "<resultMsg>NORMAL SERVICE.</resultMsg></header><body><numOfRows>100</numOfRows><pageNo>1</pageNo>"
        f"<totalCount>{len(items)}</totalCount><items>\n{rows}\n</items></body></response>\n"
    )


def write(name, content, encoding="utf-8"):
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (FOLDER / name).write_bytes(text.encode(encoding))


def permits():
    write("permit_list.json", envelope([product(1), product(1), product(2, ITEM_NAME=" 라마바캡슐 (수출명:Rama Cap.(Export)) ")]))
    write("permit_item_list.json", envelope({"item": [product(3, ITEM_SEQ=900000003, ITEM_ENG_NAME=None)]}, inside_response=True))
    write("permit_one_item.json", envelope({"item": product(4, ITEM_NAME="사아자&#xC815; 5&#37;&nbsp;&amp;lt;신형&amp;gt;")}))
    write("permit_wrapped.json", envelope([{"item": product(5, ITEM_NAME="\u200b차카타정\u00a0\u3000")}]))
    write("permit_bom.json", "\ufeff" + json.dumps(envelope([product(6, ITEM_NAME="한글정".encode().decode())]), indent=1))
    write("permit_empty.json", envelope(""))
    write("permit_nothing.json", {"header": {"resultCode": "00", "resultMsg": "NORMAL SERVICE."}, "body": {"totalCount": 0, "items": None}})
    write("permit.xml", xml([product(7, ITEM_NAME="파하정 <1&2>"), product(8, ITEM_NAME="<![CDATA[거너정 <신형>]]>", ITEM_ENG_NAME=None)]))
    # 맥에서 온 분해된 한글. / Decomposed Hangul, as macOS writes it.
    write("permit_nfd.json", envelope([product(9, ITEM_NAME="\u1100\u1161\u1102\u1161\u1103\u1161\u110c\u1165\u11bc")]))


def details():
    detail = {"ITEM_SEQ": "900000001", "ITEM_NAME": "가나다정1밀리그램", "ETC_OTC_CODE": "일반의약품", "CHART": "흰색의 원형 정제",
              "MAIN_ITEM_INGR": "[M000001]아세트아미노펜|[M000002]카페인무수물", "EE_DOC_DATA": DOCUMENT, "STORAGE_METHOD": "실온보관"}
    write("detail.json", envelope([detail]))
    write("detail.xml", xml([{**detail, "ITEM_SEQ": "900000002", "ITEM_NAME": None}]))


def easy():
    write("easy.json", envelope([{
        "entpName": "가상제약(주)", "itemName": "가나다정10밀리그램", "itemSeq": "900000010",
        "efcyQesitm": "<p>이 약은 두통, 치통에 사용합니다.</p>\n", "useMethodQesitm": "성인 1회 1정\n\n", "atpnWarnQesitm": None,
        "atpnQesitm": "임부는 의사와 상의하십시오.", "intrcQesitm": "", "seQesitm": "구역", "depositMethodQesitm": "실온",
    }]))


def pills():
    write("pills.json", envelope([{
        "ITEM_SEQ": "900000011", "ITEM_NAME": "마바사정", "ENTP_NAME": "가상제약(주)", "CHART": "노란색 타원형", "DRUG_SHAPE": "타원형",
        "CLASS_NO": "02390", "CLASS_NAME": "기타의 소화기관용약", "ETC_OTC_NAME": "전문의약품", "ITEM_PERMIT_DATE": "20200230", "FORM_CODE_NAME": "나정",
    }]))


def dur():
    base = {"ITEM_SEQ": "900000001", "ITEM_NAME": "가나다정1밀리그램"}
    operations = {
        "getUsjntTabooInfoList03": {"TYPE_NAME": "병용금기", "MIXTURE_ITEM_SEQ": "900000011", "MIXTURE_ITEM_NAME": "마바사정", "PROHBT_CONTENT": "출혈 위험 증가"},
        "getSpcifyAgrdeTabooInfoList03": {"TYPE_NAME": "특정연령대금기", "PROHBT_CONTENT": "12세 미만"},
        "getPwnmTabooInfoList03": {"TYPE_NAME": "임부금기", "PROHBT_CONTENT": "태아 위험"},
        "getCpctyAtentInfoList03": {"TYPE_NAME": "용량주의", "PROHBT_CONTENT": "1일 4,000mg"},
        "getMdctnPdAtentInfoList03": {"TYPE_NAME": "투여기간주의", "PROHBT_CONTENT": "7일"},
        "getOdsnAtentInfoList03": {"TYPE_NAME": "노인주의", "PROHBT_CONTENT": "신중투여"},
        "getEfcyDplctInfoList03": {"TYPE_NAME": "효능군중복", "EFFECT_NAME": "해열진통소염제", "SERS_NAME": "아세트아미노펜"},
        "getSeobangjeongPartitnAtentInfoList03": {"TYPE_NAME": "분할주의", "PROHBT_CONTENT": "분할불가"},
    }
    for operation, fields in operations.items():
        write(f"dur_{operation}.json", envelope([{"item": {**base, **fields}}, {"item": {**base, **fields}}]))


def nedrug():
    rows = ["품목기준코드,제품명,제품영문명,업체명,주성분,전문의약품,효능"]
    rows += ['900000012,"아자차정 10mg, 20mg",,가상제약(주),이부프로펜,일반의약품,"두통, ""편두통""\r\n발열"', "900000013,똠방각하정 ,Ttom,가상제약(주),,일반의약품,"]
    write("nedrug.csv", "\r\n".join(rows) + "\r\n", "cp949")


FOLDER.mkdir(parents=True, exist_ok=True)
for part in (permits, details, easy, pills, dur, nedrug):
    part()
