"""Chinese addresses: from the largest place that is named down to the house or room.

A house number behind the name of a road, village or estate is what begins the search. To the left the address reaches
to the province, city or district that is named there, or else as far as characters may be part of a name; to the right
over building, unit, floor, room and postcode. Names of places without a number are no addresses.
"""

from __future__ import annotations

import re

from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import Span
from danlu.corpus.personal.kinds.chinese_places import alternatives

HAN = "\u3400-\u9fff"
PROVINCE, CITY = alternatives()
NUMERALS = "0-9一二三四五六七八九十百零〇"
NUMBER = (
    rf"(?:[A-Za-z]?[{NUMERALS}]{{1,6}}[A-Za-z]?|[A-Za-z甲乙丙丁]|[东西南北])"
    r"(?:[-~/#][A-Za-z]?[0-9]{1,5}[A-Za-z]?){0,3}"
)
COUNTED = "号院|号楼|号|弄|巷|栋|幢|座|单元|室|楼|层|房|组|队|门|区|村|铺|户|社|期|支弄|院"
NAME = rf"(?:(?![的是在旁边附近对面有和与了到处前后左右内外])[{HAN}A-Z])"
BUILDING = (
    rf"{NAME}{{2,9}}?(?:小区|花园|家园|大厦|广场|公寓|大楼|新村|苑|商城|名邸|公馆|科技园|产业园|工业园|写字楼|中心)"
)
POSTCODE = r"(?:[ ,，]{0,2}(?:\(?邮编[: ]{0,2})?[0-9]{6}\)?(?![0-9A-Za-z_]))?"
TAIL = re.compile(
    rf"{NUMBER}(?:{COUNTED})(?:[之附][{NUMERALS}]{{1,3}}号?)?"
    rf"(?: ?(?:{BUILDING})?{NUMBER}(?:{COUNTED})(?:[之附][{NUMERALS}]{{1,3}}号?)?)*"
    rf"(?:[0-9]{{3,4}}(?![0-9A-Za-z_年月日元万人]))?"
    rf"(?:{BUILDING}(?![{HAN}]))?{POSTCODE}"
)
ROADS = (
    "路|大街|街|大道|巷|弄|胡同|里弄|里|村|新村|小区|花园|家园|苑|大厦|广场|公寓|工业区|工业园|科技园|产业园|开发区|镇|乡|街道|"
    "屯|庄|坊|营|湾|道|段|公路|国道|环|线|条|桥|园|城|寨|沟|岭|头|口|桩"
)
STREET = re.compile(
    rf"[{HAN}{NUMERALS}]+?(?:{ROADS})(?:[东西南北中一二三四五六七八九十0-9]{{0,3}}(?:路|街|段|巷|条|里|弄|口|支路|横街))?$"
)
NOT_STREETS = re.compile(
    r"(?:知道|报道|说道|问道|频道|通道|跑道|轨道|隧道|味道|公里|英里|海里|里程|这里|那里|哪里|家里|手里|城里|心里|网络|线路|铁路|高速|"
    r"公园|校园|电路|思路|一路|半路|上街|逛街|农村|全村|进口|出口|人口|窗口|路口|街头|码头|带头|开头|里头|前头|点头|年头|环线|干线|在线|"
    r"一线|二线|三线|专线|直线|曲线|热线|连线|路线|航线|条线|第一条|第二条|现场|全城|进城|长城)$"
)
LONGEST = 40
"""Characters before the house number that are looked at."""
LONGEST_NAME = 16
"""Characters before the house number where no province, city or district is named."""
START = re.compile(rf"{PROVINCE}|{CITY}")
ADMINISTRATIVE = re.compile(
    rf"(?:{PROVINCE})?,?\s?(?:{CITY})?\s?(?:[{HAN}]{{1,12}}?(?:自治县|新区|区|县|市|旗|镇|乡|街道|开发区)\s?)*"
)
STOPS = re.compile(
    r"(?:位于|坐落于|坐落在|地址(?:是|为|在|改为|变更为)?|住址|住所|住在|住|家在|家住|搬到|搬至|搬去|迁至|迁到|迁往|寄到|寄往|寄至|送到|送至|送往|"
    r"地点|设在|设于|开在|来到|去到|赶到|到达|前往|赶往|抵达|现居|居于|座落于|在|于|到|往|从|是|为|了|去|的|由|与|离|距|等|他|她|我|你|至|址|和|及|将|把|给|让|被|请|请寄)"
)
KEPT = re.compile(
    r"和平|和谐|和睦|和顺|和兴|和田|自由|由义|为民|为公|至善|至诚|往来|大于|在水|永和|太和|祥和|仁和|中和|人和|泰和|怡和|共和|颐和|淳于|单于|于洪|于都|平等|"
    r"到岸|从化|从江|等驾坡|给水|让胡路|离石|离堆|距|将台|将军|的士|是非|将乐|与共|元和|义和|呼和|安和|新和|云和|同和|嘉和|万和|协和|德和|顺和|广和"
)

FICTION = (
    ("云麓", "望舒", "澄江", "栖霞岭", "临渊", "青崖"),
    ("松鹤", "拾光", "晴川", "知秋", "听雨", "问渠", "枕流", "采薇"),
    ("路", "街", "巷"),
)
"""Names of no real city or road, as far as is known, for stand-ins."""


def find(text: str, position: int, size: int) -> Span | None:
    tail = TAIL.match(text, position)
    if tail is None:
        return None
    start = _first(text, position)
    return None if start is None else (start, tail.end())


def _first(text: str, position: int) -> int | None:
    """Where the address begins whose house number is at `position`; None if no street stands before it."""
    window = text[max(0, position - LONGEST) : position]
    clean = re.search(rf"[{HAN}{NUMERALS}A-Za-z ,-]*$", window)
    assert clean is not None
    window = clean.group()
    street = window.rstrip(" ")
    if not STREET.search(street) or NOT_STREETS.search(street):
        return None
    for place in START.finditer(window):
        between = window[place.start() :]
        if _is_one_address(between):
            return position - len(between)
    name = re.split(r"[ ,\-A-Za-z]", street)[-1]
    cut = _after_last_stop(name)
    found = name[cut:]
    longest = LONGEST if ADMINISTRATIVE.match(found).end() else LONGEST_NAME  # type: ignore[union-attr]
    if not 2 <= len(found) <= longest:
        return None
    return position - (len(window) - len(street)) - len(found)


def _is_one_address(text: str) -> bool:
    """Whether nothing stands between the largest place and the house number but names of smaller places."""
    rest = text[ADMINISTRATIVE.match(text).end() :]  # type: ignore[union-attr]
    return _after_last_stop(text) == 0 and len(rest) <= LONGEST_NAME and "," not in rest and "  " not in text


def _after_last_stop(text: str) -> int:
    """Where a name begins that ends where `text` does: behind the last word that is no part of names."""
    kept = {place for found in KEPT.finditer(text) for place in range(*found.span())}
    ends = [found.end() for found in STOPS.finditer(text) if found.start() not in kept]
    return ends[-1] if ends else 0


def canonical(value: str) -> str:
    return "".join(value.split())


def stand_in(draw: Draw, value: str) -> str:
    """A made-up city, road and number."""
    cities, roads, ends = FICTION
    road = draw.choice(roads) + draw.choice(ends)
    return f"{draw.choice(cities)}市{road}{1 + draw.below(999)}号{1 + draw.below(30)}室"
