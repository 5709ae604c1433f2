#!/usr/bin/env python3
"""Makes ingredients.tsv, brands.tsv and companies.txt: names alone, taken as facts from the project's knowledge and MFDS's product lists.

    names.py KNOWLEDGE.csv OTC.csv PERMITS.csv PAIRS.json PRODUCTS.csv ... < general text

KNOWLEDGE is trainer/data/ingredients.csv; OTC has 주성분 and 주성분영문; PERMITS main_ingredient and main_ingredient_eng; PAIRS is KIDS's table of contraindicated pairs;
PRODUCTS has 품목명 and 업소명. The general text on standard input tells which brands are also ordinary words.
"""
import collections
import csv
import json
import re
import sys
import unicodedata

csv.field_size_limit(1 << 30)

SALTS = """염산염 이염산염 황산염 말레산염 말레인산염 메실산염 메탄설폰산염 타르타르산염 주석산염 베실산염 푸마르산염 숙신산염 시트르산염
구연산염 아세트산염 초산염 인산염 브롬화수소산염 브롬화물 질산염 락트산염 젖산염 글루콘산염 토실산염 캄실산염 에실산염 니코틴산염
히벤즈산염 파모산염 오로트산염 옥살산염 벤조산염 트로메타민 트로메타몰 아르기닌 리신 수화물 일수화물 이수화물 삼수화물 반수화물
사수화물 오수화물 무수물 칼륨 이칼륨 나트륨 이나트륨 칼슘 마그네슘 메독소밀 프록세틸 악세틸 실렉세틸 피복실 프로판디올수화물
베실레이트 말레이트 메실레이트 타르트레이트 피돌산염 아디프산염 에디실산염 세스키히드레이트 세스키수화물 헤미하이드레이트 하이클레이트 염""".split()
SALTS.sort(key=len, reverse=True)
PREFIX_SALTS = """염산 황산 말레인산 말레산 메실산 주석산 타르타르산 베실산 푸마르산 숙신산 구연산 시트르산 초산 브롬화수소산
브롬화 질산 젖산 글루콘산 히벤즈산""".split()
MINERAL = set("""염화 탄산 탄산수소 산화 황산 인산 수산화 질산 붕산 아세트산 초산 젖산 락트산 글루콘산 시트르산 구연산 아스파르트산 과산화
요오드화 브롬화 규산 메타규산 침강탄산 건조 스테아르산 피콜린산 오로트산 살리실산 에데트산 인산수소 인산이수소 티오황산 아황산 아질산
피로인산 글리세로인산 푸마르산 숙신산 말레산 글리세롤인산 무수인산수소 침강 피돌산 폴리카르보필 케이산 락토 산""".split())
ENGLISH_SALTS = set("""hydrochloride dihydrochloride sulfate maleate mesylate tartrate bitartrate besylate fumarate succinate citrate acetate
phosphate hydrobromide nitrate lactate gluconate tosylate camsylate hydrate monohydrate dihydrate trihydrate hemihydrate sesquihydrate
anhydrous sodium potassium calcium magnesium disodium medoxomil proxetil axetil cilexetil pivoxil tromethamine trometamol arginine lysine
hibenzate pamoate orotate oxalate benzoate hydrochlorid hcl propanediol hemifumarate adipate edisylate""".split())
METAL = set("sodium calcium potassium magnesium zinc ferrous ferric iron aluminum aluminium ammonium manganese lithium silver bismuth "
            "selenium copper barium dried precipitated light heavy choline".split())
FORMS = """필름코팅정 연질캡슐 건조시럽 현탁시럽 구강붕해정 구강붕해필름 구강용해필름 츄어블정 츄정 저작정 발포정 서방캡슐 서방정 장용정 장용캡슐 설하정 질정
질캡슐 질연질캡슐 질좌제 좌제 좌약 트로키 점안액 점안겔 점안 점이액 점이현탁액 점비액 나잘스프레이 비강분무액 비강스프레이 외용액 외용겔 내복액 현탁액 주사액 주사 프리필드시린지주 주
카타플라스마 플라스타 패취 패치 첩부제 크림 크림제 연고 로션 스프레이 에어로솔 네일라카 샴푸 가글액 가글 과립 세립 산 환 정 캡슐 캅셀 시럽 액 겔 젤 필름 껌 안연고 관장액 관장 엑스과립 엑스정 엑스산 엑스
이중정 다층정 분산정 나정 당의정 구강정 확산정 속붕정 오디정 흡입액 흡입제 에어로졸 폼 비누 반창고 탕 고 산제 환제 수액 원 플라스터 파스""".split()
FORMS.sort(key=len, reverse=True)
ESTERS = r"(.{3,}?)(푸로에이트|푸로산염|프로피오네이트|디프로피오네이트|프로피온산에스테르|아세테이트|발레레이트|포스페이트|부티레이트|팔미테이트|팔미틴산|크시나포산염|크시나포산|에난테이트|운데카노에이트|시피오네이트|데카노에이트|헥사아세토니드|아세토니드|숙시네이트|스테아르산|에스톨레이트|에틸숙시네이트|디에틸암모늄|베타덱스|β-시클로덱스트린|피코놀|디이소프록실|디소프록실|디피복실|알라페나미드|글라진|리스프로|아스파르트|데글루덱|디테미르|글루리신)$"
COMPANY_LEGAL = re.compile(r"\(주\)|주식회사|\(유\)|유한회사|\(재\)|\(사\)|㈜|\s")


def fold(text):
    return unicodedata.normalize("NFKC", text).strip().lower()


def tidy(name):
    name = fold(name)
    name = re.sub(r"\([^)]*\)|\[[^\]]*\]", "", name)
    name = re.sub(r"^(dl|d|l|s|r)-", "", name)
    return re.sub(r"\s+", " ", name).strip(" ,.")


def korean_base(name):
    name = tidy(name).replace(" ", "")
    name = re.sub(r"(연질캡슐|캡슐|주사액|현탁액|현탁|건조시럽|시럽)$", "", name)
    again = True
    while again:
        again = False
        for salt in SALTS:
            rest = name[: -len(salt)]
            if name.endswith(salt) and len(rest) >= 2 and rest not in MINERAL:
                name, again = rest, True
                break
    return name


def ester_stem(name):
    """The ingredient that an ester or preparation is one of: 모메타손 of 모메타손푸로에이트."""
    match = re.match(ESTERS, name)
    return match.group(1) if match and match.group(1) not in MINERAL else None


def english_base(name):
    words = tidy(name).split(" ")
    if words and words[0] == "anhydrous":
        words = words[1:]
    while len(words) > 1 and words[-1] in ENGLISH_SALTS and not (set(words[:-1]) & METAL):
        words.pop()
    return " ".join(words)


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


class Groups:
    def __init__(self):
        self.parent = {}

    def find(self, x):
        self.parent.setdefault(x, x)
        while self.parent[x] != x:
            x = self.parent[x]
        return x

    def join(self, a, b):
        a, b = self.find(a), self.find(b)
        if a != b:
            self.parent[b] = a


def active(name):
    """A name that can be asked for by itself: no concentrate, fraction or parenthesis."""
    return name and len(name) <= 24 and not re.search(r"[0-9%→:;,+/|]{2,}|[%→:;|,]|캡슐|색|타입|배산|ex$|추출물$", name)


def ingredients(knowledge, otc, permits, dur):
    groups, chosen, count = Groups(), {}, collections.Counter()
    synonym_of = collections.defaultdict(set)
    for row in rows(knowledge):
        for synonym in row["synonyms"].split("|"):
            synonym_of[korean_base(synonym)].add(row["name_ko"])
    for row in rows(knowledge):
        korean, english = korean_base(row["name_ko"]), english_base(row["name_en"])
        groups.find(("k", korean))
        if english:
            groups.join(("k", korean), ("e", english))
        chosen.setdefault(groups.find(("k", korean)), korean)
        count[("k", korean)] += 1000
        for synonym in row["synonyms"].split("|"):
            base = korean_base(synonym)
            if len(base) >= 2 and active(base) and len(synonym_of[base]) == 1:
                kind = "e" if base.isascii() else "k"
                base = english_base(synonym) if kind == "e" else base
                if groups.find((kind, base)) == (kind, base):
                    groups.join(("k", korean), (kind, base))
    pairs = []
    for row in rows(otc):
        pairs.append((row["주성분"].split("/"), row["주성분영문"].split("/"), True))
    for row in rows(permits):
        names = row["main_ingredient"].split("|")
        names = list(dict.fromkeys(re.sub(r"^\[\w+\]", "", name) for name in names))
        english = row["main_ingredient_eng"].split("/")
        pairs.append((names, english, len(names) == 1))
    with open(dur, encoding="utf-8") as file:
        table = json.load(file)
    for product, code in table["product_to_code"].items():
        inside = re.search(r"\(([^()]+)\)", product)
        english = table["name_of"].get(code, "").split(" (as")[0]
        if inside and inside.group(1) not in ("바이알", "앰플", "백", "병") and english and "/" not in english and not re.search("[a-z:]|수출", fold(inside.group(1))) and not re.search(r"\d", inside.group(1)):
            pairs.append(([inside.group(1)], [english], True))
    together = collections.Counter()
    for names, english, aligned in pairs:
        for name in names:
            if active(korean_base(name)):
                count[("k", korean_base(name))] += 1
                groups.find(("k", korean_base(name)))
        if aligned and len(names) == len(english):
            for name, other in zip(names, english):
                if active(korean_base(name)) and active(english_base(other)):
                    together[(korean_base(name), english_base(other))] += 1
    seen = set()
    for (korean, english), _ in together.most_common():
        if korean in seen or english in seen and ("e", english) in groups.parent and together[(korean, english)] < 2:
            continue
        seen |= {korean, english}
        groups.join(("k", korean), ("e", english))
    for kind, name in sorted(groups.parent):
        stem = ester_stem(name) if kind == "k" else None
        if stem and ("k", stem) not in groups.parent:
            groups.join((kind, name), ("k", stem))
    members = collections.defaultdict(list)
    for node in groups.parent:
        members[groups.find(node)].append(node)
    table = []
    for nodes in members.values():
        korean = sorted((n for kind, n in nodes if kind == "k" and active(n)), key=lambda n: (-count[("k", n)], len(n)))
        english = sorted((n for kind, n in nodes if kind == "e"), key=len)
        # Of esters and preparations of one name, the shortest is the ingredient: 프레드니솔론, not 프레드니솔론아세테이트.
        if korean:
            first = korean[0]
            korean.sort(key=lambda n: n != (ester_stem(first) or first))
            table.append((korean[0], english[0] if english else "", [n for n in korean[1:] + english[1:] if len(n) > 1]))
    return sorted(table)


def brand(name):
    name = fold(name)
    name = re.sub(r"^\d+\.\s*", "", name).split(",")[0]
    name = re.sub(r"[(\[].*", "", name)
    name = re.sub(r"[\d.,/]+\s*(밀리그램|밀리그람|밀리|mg|g|그램|그람|ml|%|퍼센트|마이크로그램|밀리리터|단위|iu|mcg|μg).*", "", name)
    name = name.replace(" ", "")
    again = True
    while again:
        again = False
        for form in FORMS:
            if name.endswith(form) and len(name) - len(form) >= 2:
                name, again = name[: -len(form)], True
                break
        stripped = re.sub(r"[\d./-]+$", "", name)
        if stripped != name and len(stripped) >= 2 and not re.search(r"[a-z가-힣]\d$", name):
            name, again = stripped, True
    return name


# In brackets behind a product's name, and no ingredient.
NOTES = ("미분화", "수출용", "수출명", "내수용")


def main(knowledge, otc, permits, dur, *products):
    table = ingredients(knowledge, otc, permits, dur)
    index = {}
    for i, (korean, english, others) in enumerate(table):
        for name in (korean, *others):
            index.setdefault(name, i)
    stems_of_ingredients = collections.Counter(korean_base(n) for row in rows(otc) for n in row["주성분"].split("/"))
    stems_of_ingredients.update(korean_base(re.sub(r"^\[\w+\]", "", n)) for row in rows(permits) for n in row["main_ingredient"].split("|"))
    brand_synonyms = set()
    stems, companies = collections.defaultdict(collections.Counter), collections.Counter()
    for path in (otc, permits, *products):
        for row in rows(path):
            full = row.get("제품명") or row.get("item_name") or row.get("품목명")
            company = row.get("업체명") or row.get("enterprise_name") or row.get("업소명") or ""
            companies[COMPANY_LEGAL.sub("", fold(company))] += 1
            inside = re.search(r"\(([^()]+)\)", fold(full))
            inside = inside.group(1) if inside and inside.group(1) not in NOTES else ""
            known = row.get("주성분") or row.get("main_ingredient") or inside
            known = re.sub(r"\[\w+\]", "", known)
            known = list(dict.fromkeys(korean_base(k) for k in re.split(r"[/|]", known) if k))
            one = index.get(known[0], -1) if len(known) == 1 else -1
            stem = brand(full)
            if stem in index and stem not in (table[index[stem]][0], table[index[stem]][1]) and not stems_of_ingredients[stem] and stem[:2] != table[index[stem]][0][:2]:
                # A brand that the knowledge has as a synonym: 인데놀 of 프로프라놀롤.
                brand_synonyms.add(stem)
                one = index[stem]
            if 2 <= len(stem) <= 14 and not any(len(name) >= 3 and name in stem for name in known):
                stems[stem][one] += 1
    with open("ingredients.tsv", "w", encoding="utf-8") as out:
        for korean, english, others in table:
            others = [name for name in others if name not in brand_synonyms]
            out.write("\t".join([korean, english, "|".join(others)]).rstrip("\t") + "\n")
    for name in brand_synonyms:
        index.pop(name, None)
    bases = {name for name in index if len(name) >= 3}
    general = collections.Counter()
    for line in sys.stdin:
        for word in re.findall(r"[가-힣a-z0-9]+", fold(line)):
            for end in range(2, min(len(word), 8) + 1):
                general[word[:end]] += 1
    with open("brands.tsv", "w", encoding="utf-8") as out:
        for stem in sorted(stems):
            if stem in index or any(stem.endswith(b) or stem.startswith(b) for b in bases) or not re.search("[가-힣a-z]", stem):
                continue
            if stem in companies or general[stem] >= 5:
                continue
            best, times = stems[stem].most_common(1)[0]
            sure = best >= 0 and times * 2 > sum(stems[stem].values())
            weak = general[stem] > 0
            out.write(f"{stem}\t{table[best][0] if sure else ''}\t{'?' if weak else ''}".rstrip("\t") + "\n")
    with open("companies.txt", "w", encoding="utf-8") as out:
        for name, times in sorted(companies.items()):
            if len(name) >= 2 and times >= 2:
                out.write(name + "\n")


main(*sys.argv[1:])
