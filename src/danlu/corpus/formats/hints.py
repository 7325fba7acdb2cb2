"""What the names of elements and the wording of short lines say about text: navigation, comments, who wrote it when.

Names are those that templates of English and Chinese sites share, pinyin among them. They are hints: an element that
holds most of a page's text is its main text, whatever it is called.
"""

from __future__ import annotations

import re

from danlu.corpus.formats.markup import INLINE

OTHER = 1
"""Not the main text: navigation, advertisement, footer, related links, what one clicks on."""
COMMENTS = 2
HEADER = 4
"""May hold the title of the text beside the navigation."""
GONE = 8
"""Parts of lines that are not shown, or are marks for readers such as [edit]: dropped wherever they are."""
META = 16
"""Who wrote it when, if it is short."""

NEVER = 32
"""Beside `OTHER`: never the main text, however little else there is."""

OTHER_TAGS = frozenset({"nav", "footer", "aside", "menu", "form"})

NEVER_TAGS = frozenset({"nav", "footer"})
NEVER_PARTS = re.compile(r"footer|copyright|cookie|consent|gdpr|breadcrumb|contentinfo|banquan|mianbao")
OTHER_PARTS = re.compile(
    r"sidebar|breadcrumb|relate|recommend|newsletter|subscri|cookie|consent|gdpr|footer|copyright|advert|banner|"
    r"paginat|pager|navbar|navigat|navbox|menu|toolbar|popup|modal|promo|sponsor|widget|catlinks|hatnote|"
    r"login|signup|signin|register|share|sharing|social|outbrain|taboola|qrcode|siderail|sidecolumn|postnav|prevnext|"
    r"tuijian|xiangguan|fenxiang|guanggao|daohang|mianbao|dibu|caidan|erweima|banquan|youqing|"
    r"editsection|jumpto|skiplink|printfooter|readmore|moreon|morestor|mostread|popular|trending|upsell|crosssell"
)
OTHER_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    ad ads adv adsense adsbox gg nav foot bottom side aside tags tag tools sns crumb crumbs rail masthead pages
    hot rank ranking search topbar toptb share bdshare byline author vote votes rating stats toc catalog
    references reflist reactions likes follow feedback colophon infobar postmeta announcement alert notice
    hotlist navigation contentinfo complementary banner reply respond signature profile avatar cart wishlist
        """,
    )
)
META_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    meta byline dateline date time timestamp author info source publish published updated
        """,
    )
)
COMMENT_PARTS = re.compile(r"comment|disqus|respon[ds]|pinglun|liuyan|discussion|replies")
HEADER_WORDS = frozenset({"header", "head", "hd", "masthead", "top"})
MAIN_PARTS = re.compile(
    r"articlebody|article_?content|entry-?content|post-?(?:content|body)|story-?body|artibody|rich_media_content|"
    r"main-?content|trs_editor|zhengwen|vsb_content|content_views|markdown|mw-parser-output"
)
GONE_PARTS = re.compile(
    r"editsection|headerlink|header-anchor|anchorjs|noprint|sr-only|screen-?reader|visually-?hidden"
)
GONE_ATTRIBUTES = re.compile(r'\s(?:hidden(?:=""|\s|$)|aria-hidden="true")|style="[^"]*display:\s*none')

NAMES = re.compile(r'\s(class|id|role|itemprop)="([^"]*)"')
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_known: dict[tuple[str, str], int] = {}
MOST_KNOWN = 20_000


def hint(tag: str, attributes: str) -> int:
    """What the name and the attributes of an element say of it: the flags above."""
    key = (tag, attributes)
    flags = _known.get(key)
    if flags is None:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        flags = _known[key] = _hint(tag, attributes)
    return flags


def _hint(tag: str, attributes: str) -> int:
    found = NAMES.findall(attributes)
    # Programs that write documentation give sections and entries the words of their headings for an id.
    is_part = tag not in ("div", "ul", "aside", "table", "td") or any("section" in value for _, value in found)
    names = " ".join(value for name, value in found if name != "id" or not is_part)
    lower = names.lower()
    is_hidden = GONE_ATTRIBUTES.search(attributes) is not None
    if tag in INLINE:
        is_note = tag == "sup" and "reference" in lower
        return GONE if is_hidden or is_note or GONE_PARTS.search(lower) else 0
    flags = OTHER if tag in OTHER_TAGS or is_hidden else HEADER if tag == "header" else 0
    flags |= NEVER if tag in NEVER_TAGS else 0
    if not names or tag in ("html", "body"):
        return flags
    joined = lower.replace("-", "").replace("_", "")
    words = {word.lower() for word in WORDS.findall(names)}
    if MAIN_PARTS.search(lower) or "main" in words:
        return flags
    if COMMENT_PARTS.search(joined):
        flags |= COMMENTS
    if OTHER_PARTS.search(joined) or GONE_PARTS.search(lower) or not OTHER_WORDS.isdisjoint(words):
        flags |= OTHER
    if NEVER_PARTS.search(joined):
        flags |= OTHER | NEVER
    if not META_WORDS.isdisjoint(words):
        flags |= META
    if not HEADER_WORDS.isdisjoint(words):
        flags |= HEADER
    return flags


# Headings and short lines under which something else begins.
OTHER_HEADING = re.compile(
    r"^\W*(?:"
    r"related|more (?:on|from|stories|like)|(?:you|readers|others?|customers|people|visitors) (?:may|might|also|who)|"
    r"recommended|read (?:also|more|next)|keep reading|see also:?$|most (?:read|popular|viewed|shared)|"
    r"popular|trending|latest (?:news|posts|stories)|recent (?:posts|comments)|don't miss|up next|"
    r"from the (?:web|archive)|"
    r"suggested|goes well with|hot (?:network )?questions|similar|"
    r"\d* ?(?:comments?|responses|replies|reviews)\b(?:\W*\d*\W*$)|leave a (?:reply|comment)|"
    r"join the (?:discussion|conversation)|"
    r"your answer|write a (?:review|comment)|what others say|customer reviews|"
    r"share (?:this|on)|follow us|sign up|subscribe|newsletter|about the author|tags|references$|external links$|"
    r"notes and references$|"
    r"相关(?:阅读|新闻|文章|推荐|链接|内容|报道|专题|资讯|问题|视频|商品)|相關(?:閱讀|新聞|文章|報導|連結)|"
    r"延伸(?:阅读|閱讀)|"
    r"猜你喜欢|猜你喜歡|(?:热门|精彩|为您|编辑|今日|最新|热点|本周)(?:推荐|文章|新闻|评论|回顾|标签|排行|图片|资讯)|"
    r"推荐(?:文章|阅读|视频|新闻)|"
    r"其他类似|看过|看了又看|买过|大家都在|"
    r"(?:网友|最新|全部|用户|精彩|热门)?(?:评论|留言|跟帖|回复)\W*\d*\W*(?:条)?\W*$|共有?\s*\d+\s*条|"
    r"发表(?:评论|回复)|我要评论|参考(?:资料|文献)$|扩展阅读|友情链接|最多人看|熱門|推薦"
    r")",
    re.IGNORECASE,
)

# Short lines that say who wrote it, when, how often it was read, or that ask for a click.
META_LINE = re.compile(
    r"^\W*(?:"
    r"by [A-Z][\w.]+(?: [A-Z][\w.]+){0,3}(?:\W|$)|posted (?:on|by|in|at)\b|published\b|updated\b|"
    r"last (?:updated|modified|edited)|"
    r"filed under|tags?:|topics?:|categor(?:y|ies):|read more|continue reading|advertisement|sponsored|"
    r"share(?: this| on)?\W*$|print(?: this)?(?: page| view)?\W*$|download\W|back to (?:top|home)|next\W*$|"
    r"prev(?:ious)?\W*$|jump to\b|skip to\b|"
    r"\d+ min(?:ute)?s? read|\d+ (?:comments?|replies|views|likes|shares)\b|asked\b.{0,30}\d|answered\b.{0,30}\d|"
    r"viewed \d|"
    r"copyright|©|all rights reserved|accept (?:all )?cookies|sign (?:in|up)|log ?in\b|was this|did you find|"
    r"view (?:all|page source|this)|report\W*$|reply\W*$|top\W*$|profile\W*$|permalink|page \d+ of \d+|"
    r"来源[:：]|作者[:：]|编辑[:：]|责任编辑|責任編輯|责编|发布(?:时间|日期|者|于)|发表于|更新(?:时间|日期|于)|"
    r"上次更新|浏览(?:次数|量)?[:：\d]|"
    r"点击(?:数|次数|量)?[:：]|"
    r"阅读(?:次数|量|数|全文|原文)?(?:[:：(（\d]|$)|分享(?:到|至)?|打印|列印|关闭|【?(?:打印|关闭|字体|字号|字號)|[小大中]字号|收藏|点赞|"
    r"标签[:：]|关键[词字][:：]|關鍵[字詞]|上一(?:篇|条|页|章|則)|下一(?:篇|条|页|章|則)|版权(?:所有|声明)|版權|"
    r"免责声明|未经(?:作者|授权|许可)|扫一扫|"
    r"微信扫|关注(?:我们|公众号|者|楼主)|举报|回复\W*$|广告\W*$|廣告|首页\W*$|返回|只看该作者|复制链接|编辑\W*$|"
    r"我来答|我要(?:评论|反馈)|"
    r"[\d,.]+ ?万?(?:人|次)(?:赞同|浏览|收藏|点赞|关注|阅读)|(?:编辑|发布)于 ?[12]|查看[:：]|共\d+页|记得登录|"
    r"您(?:现在)?的?位置|当前位置|ICP备|京公网安备"
    r")",
    re.IGNORECASE,
)
DATE_LINE = re.compile(
    r"^\W*(?:(?:19|20)\d\d\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d|"
    r"\d{1,2}(?:st|nd|rd|th)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,? (?:19|20)\d\d|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}(?:st|nd|rd|th)?,? (?:19|20)\d\d).{0,60}$",
    re.IGNORECASE,
)
