"""English addresses: number, street, and what follows: flat, city, state and postcode."""

from __future__ import annotations

import re

from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import Span

ENDINGS = (
    "Alley Ally Aly Arcade Avenue Ave Av Bayou Beach Bend Bluff Bluffs Bottom Boulevard Blvd Branch Bridge Brook "
    "Brooks Burg Burgs Bypass Camp Canyon Cape Causeway Center Centers Circle Circles Cir Cliff Cliffs Close "
    "Club Common Commons Corner Corners Course Court Courts Ct Cove Coves Cv Creek Crescent Cres Crest Crossing "
    "Crossroad Crossroads Curve Dale Dam Divide Drive Drives Dr Estate Estates Expressway Expy Extension "
    "Extensions Fall Falls Ferry Field Fields Flat Flats Ford Fords Forest Forge Forges Fork Forks Fort Freeway "
    "Fwy Garden Gardens Gateway Glen Glens Green Greens Grove Groves Harbor Harbors Haven Heights Highway Hwy "
    "Hill Hills Hollow Inlet Island Islands Isle Junction Junctions Key Keys Knoll Knolls Lake Lakes Land "
    "Landing Lane Ln Light Lights Loaf Lock Locks Lodge Loop Mall Manor Manors Meadow Meadows Mews Mill Mills "
    "Mission Motorway Mount Mountain Mountains Neck Orchard Oval Overpass Park Parks Parkway Parkways Pkwy Pass "
    "Passage Path Pike Pine Pines Place Pl Plain Plains Plaza Plz Point Points Port Ports Prairie Radial Ramp "
    "Ranch Rapid Rapids Rest Ridge Ridges Rise River Road Rd Roads Route Row Rue Run Shoal Shoals Shore Shores "
    "Skyway Spring Springs Spur Spurs Square Sq Squares Station Stravenue Stream Street Streets St Str Summit "
    "Terrace Ter Throughway Trace Track Trafficway Trail Trl Tunnel Turnpike Underpass Union Unions Valley "
    "Valleys Via Viaduct View Views Village Villages Ville Vista Walk Walks Wall Way Ways Well Wells Wharf"
)
"""Street suffixes of the postal service of the United States (Publication 28), and British ones."""
STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK "
    "OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR GU VI AS MP PW FM MH AA AE AP"
)
STATE_NAMES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|"
    "Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|"
    "Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|"
    "Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|"
    "Virginia|Washington|West Virginia|Wisconsin|Wyoming"
)
WORD = r"(?:[A-Z][A-Za-z'.-]{0,20}|\d{1,3}(?:st|nd|rd|th))"
DIRECTION = r"(?:[NSEW]|N[EW]|S[EW]|North|South|East|West)"
NUMBER = r"\d{1,6}(?:-\d{1,4})?[A-Za-z]?"
FLAT = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Flat|Room|Rm|Bldg|Building|#)\.? ?#?[A-Za-z0-9-]{1,6}(?!\w))?"
CITY = r"[A-Z][a-z]+(?:[ -][A-Z][a-z]+){0,2}"
STATE = rf"(?:{'|'.join(STATES.split())}|{STATE_NAMES})"
POSTCODE = r"(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})(?![\w-])"
PLACE = (
    rf"(?:,? ?\n?\s?{CITY},? (?:{STATE},? )?{POSTCODE}|,? ?\n?\s?{CITY}, {STATE}(?![A-Za-z])|,? {STATE} {POSTCODE}"
    rf"|, {CITY}(?=[.,;\n\"|]|$))?"
)
ENDING = "|".join(sorted(ENDINGS.split(), key=len, reverse=True))
LINE = re.compile(
    rf"{NUMBER} (?:{DIRECTION}\.? )?(?:{WORD} ){{1,4}}?(?:{ENDING})(?![A-Za-z'])"
    rf"\.?(?: {DIRECTION}(?![A-Za-z.]))?{FLAT}{PLACE}"
)
BROADWAY = re.compile(rf"{NUMBER} (?:{DIRECTION}\.? )?Broadway(?![A-Za-z']){FLAT}{PLACE}")
MILITARY = r"(?:,? ?\n?\s?[AFD]PO,? A[AEP],? \d{5}(?!\d))"
BOX = re.compile(
    rf"(?:PSC|Unit) \d{{2,5}},? Box \d{{2,5}}(?!\w)(?:{MILITARY}|{PLACE})|(?:P\.? ?O\.? ?)?Box \d{{1,6}}(?!\w){PLACE}"
)
SHIP = re.compile(rf"US(?:NS|S|NV|CGC|V) [A-Z][a-z]+{MILITARY}")
LONGEST = 160
"""Characters."""
ROADS = ("Fable", "Quillmoor", "Larkspar", "Thistledown", "Umberfold", "Wrenhollow", "Mistlevane", "Oakenshade")
TOWNS = ("Fernhollow", "Brightmere", "Ashquarry", "Willowmist", "Stonegable", "Northwick Vale")


def find(text: str, position: int, size: int) -> Span | None:
    window = text[position : position + LONGEST]
    match = LINE.match(window) or BROADWAY.match(window) if size == 1 else SHIP.match(window) or BOX.match(window)
    if match is None:
        return None
    start, end = position, position + match.end()
    if size == 2 and text[position : position + 3] == "Box":
        post = re.search(r"P\.? ?O\.? ?$", text[max(0, position - 6) : position])
        if post is None:
            return None
        start -= len(post.group())
    while text[end - 1] in " \n,":
        end -= 1
    return start, end


def stand_in(draw: Draw, value: str) -> str:
    """A made-up road and town."""
    return f"{1 + draw.below(9999)} {draw.choice(ROADS)} Road, {draw.choice(TOWNS)}"
