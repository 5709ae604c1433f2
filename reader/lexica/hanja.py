#!/usr/bin/env python3
"""Makes hanja.tsv: Korean readings of Chinese characters with their variants, from the Unicode Han database (Unicode licence).

    hanja.py Unihan_Readings.txt Unihan_Variants.txt Unihan_OtherMappings.txt > hanja.tsv

A line is a reading and its characters, in groups: the character, then what is written for it in Japan and China. A character with
several readings has the one that is common in words, by COMMON; what is read otherwise stands in hanja_words.tsv.
"""
import collections
import re
import sys
import unicodedata

# The common reading, where the database's first one is another.
COMMON = dict(pair.split("=") for pair in """
降=강 便=변 車=차 更=갱 惡=악 度=도 讀=독 見=견 省=성 復=복 切=절 塞=색 沈=침 率=률 北=북 索=색 說=설 宿=숙 識=식 樂=락 糖=당 茶=차 金=금 易=이 數=수
殺=살 宅=택 拓=척 洩=설 泄=설 辰=진 什=십 不=불 參=삼 刺=자 布=포 暴=폭 行=행 咽=인 乾=건 奈=나 單=단 洞=동 兩=량 反=반 狀=상 若=약 於=어 著=저 徵=징
差=차 帖=첩 炭=탄 合=합 滑=활 畫=화 瘍=양 痢=리 療=료 淋=림 痲=마 顆=과 粒=립 葛=갈 癒=유 唇=순 脣=순 齒=치 癎=간 膵=췌 腺=선 癤=절 疱=포 皰=포 嘔=구
吐=토 痔=치 寧=녕 廓=곽 怒=노 懶=라 癩=라 蘿=라 螺=라 裸=라 邏=라 喇=라 諾=낙
""".split())
TRADITIONAL_OF = """
薬=藥 药=藥 剤=劑 剂=劑 鎮=鎭 镇=鎭 塩=鹽 盐=鹽 圧=壓 压=壓 経=經 经=經 関=關 脳=腦 脑=腦 臓=臟 脏=臟 胆=膽 気=氣 湿=濕 痒=癢 児=兒 医=醫 証=證 検=檢
効=效 円=圓 麦=麥 真=眞 唇=脣 済=濟 荘=莊 醗=醱 発=發 髪=髮 鉄=鐵 歯=齒 痩=瘦 覚=覺 黄=黃 清=淸 青=靑 痴=癡 齢=齡 労=勞 栄=榮 営=營 焼=燒 涙=淚 泪=淚
渇=渴 虫=蟲 糸=絲 触=觸 聴=聽 静=靜 脉=脈 徴=徵 処=處 处=處 帯=帶 状=狀 壊=壞 変=變 变=變 転=轉 総=總
""".split()


def rows(path, wanted):
    for line in open(path, encoding="utf-8"):
        if line.startswith("U+"):
            code, field, value = line.rstrip("\n").split("\t")
            if field in wanted:
                yield chr(int(code[2:], 16)), field, value


def characters(value):
    return [chr(int(code, 16)) for code in re.findall(r"U\+([0-9A-F]+)", value)]


def main(readings_path, variants_path, mappings_path):
    readings = {}
    for char, _, value in rows(readings_path, {"kHangul"}):
        pairs = [pair.split(":") for pair in value.split()]
        # E: taught in schools; 0: of KS X 1001. Of 낙 and 락 the one that is no initial sound.
        initial = lambda sound: "나" <= sound < "다" or "아" <= sound < "자"
        best = min(pairs, key=lambda pair: ("E" not in pair[1], "0" not in pair[1], initial(pair[0])))
        readings[char] = unicodedata.normalize("NFC", COMMON.get(char, best[0]))
    in_korea = {char for char, _, _ in rows(mappings_path, {"kKSC0", "kKSC1", "kKPS0"})} if mappings_path else set()
    of = {}
    links = collections.defaultdict(list)
    for char, field, value in rows(variants_path, {"kTraditionalVariant", "kZVariant", "kSemanticVariant"}):
        for other in characters(value):
            links[char].append((field, other))
    for char, others in links.items():
        for field, other in others:
            better = other in readings and (char not in readings or char not in in_korea and other in in_korea)
            if other != char and better and (field != "kSemanticVariant" or char not in readings):
                of.setdefault(char, other)
    for pair in TRADITIONAL_OF:
        char, other = pair.split("=")
        if char != other and other in readings:
            of[char] = other
    groups = collections.defaultdict(list)
    for char, other in of.items():
        other = of.get(other, other)
        if other != char and ord(char) < 0x20000:
            groups[other].append(char)
    variants = {char for group in groups.values() for char in group}
    table = collections.defaultdict(list)
    for char in sorted(readings):
        if char not in variants and ord(char) < 0x20000:
            table[readings[char]].append(char + "".join(sorted(groups.get(char, []))))
    print("# From the Unicode Han database, copyright Unicode, Inc.: packaging/licences/UNICODE")
    for reading in sorted(table):
        print(reading, " ".join(table[reading]), sep="\t")


main(*sys.argv[1:])
