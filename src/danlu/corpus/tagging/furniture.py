"""Lines that belong to a page and not to its text. Version 1, written for Danlu, in English and both Chinese scripts.

`LABELS` make up a whole line, alone or several in a row: ``Home > News > Article``. `PHRASES` stand in a line of at
most `LONGEST_LINE` characters, with other words: ``Copyright © 2024 Example Ltd. All rights reserved.``
"""

from __future__ import annotations

import re

LONGEST_LINE = 120
"""Characters. Longer lines are prose more often than not."""
LONGEST_PARTS = 12
"""Labels in a row."""

LABELS = frozenset(
    label
    for line in """
home|about|about us|contact|contact us|login|log in|sign in|sign up|sign out|log out|register|menu|main menu|search
sitemap|site map|help|faq|faqs|rss|subscribe|newsletter|share|share this|share this page|tweet|email|e-mail|print
print this page|facebook|twitter|x|instagram|linkedin|youtube|pinterest|whatsapp|telegram|reddit|next|previous|prev
next page|previous page|next post|previous post|next article|previous article|back|back to top|top|more|read more
show more|see more|load more|view all|see all|continue reading|skip to content|skip to main content|privacy
privacy policy|terms|terms of use|terms of service|terms and conditions|cookie policy|cookies|cookie settings
accept cookies|accept all|accept all cookies|reject all|disclaimer|imprint|legal notice|advertisement|advertise
advertise with us|sponsored|related articles|related posts|related stories|related content|you may also like
recommended|recommended for you|most read|most popular|trending|latest news|recent posts|recent comments
leave a comment|leave a reply|add comment|post comment|comments|no comments|tags|categories|archives|archive|news
careers|jobs|press|support|my account|account|cart|add to cart|checkout|wishlist|download|close|open menu|toggle menu
首页|主页|网站首页|返回首页|回到首页|返回顶部|回到顶部|返回列表|返回目录|目录|上一页|下一页|上一篇|下一篇|上一章|下一章
上一条|下一条|尾页|末页|关于我们|联系我们|加入我们|诚聘英才|招贤纳士|网站地图|网站导航|友情链接|登录|登陆|注册|退出|退出登录
登录/注册|立即登录|立即注册|忘记密码|个人中心|会员中心|搜索|站内搜索|高级搜索|收藏|加入收藏|收藏本站|设为首页|分享|分享到
点赞|评论|发表评论|查看评论|我要评论|写评论|暂无评论|回复|举报|打印|打印本页|关闭|关闭窗口|更多|更多>>|查看更多|加载更多
点击加载更多|阅读更多|阅读全文|点击阅读全文|展开全文|点击展开全文|收起|全部|相关阅读|相关文章|相关新闻|相关推荐|相关链接
延伸阅读|推荐阅读|热门推荐|为您推荐|猜你喜欢|热门文章|最新文章|热点新闻|热门标签|标签|点击排行|阅读排行|免责声明|隐私政策
隐私声明|用户协议|服务条款|使用条款|法律声明|版权声明|广告|广告服务|广告合作|商务合作|意见反馈|投诉建议|客服中心|帮助中心
帮助|手机版|移动版|电脑版|客户端|下载客户端|微信|微博|新浪微博|腾讯微博|QQ空间|QQ好友|朋友圈|微信公众号|扫一扫|正文|新闻
首頁|主頁|網站首頁|返回首頁|返回頂部|回到頂部|返回列表|目錄|上一頁|下一頁|關於我們|聯絡我們|聯繫我們|網站地圖|友情連結|登入
註冊|會員中心|搜尋|分享|留言|發表留言|列印|關閉|更多|查看更多|閱讀更多|閱讀全文|繼續閱讀|相關文章|相關新聞|延伸閱讀|推薦閱讀
熱門文章|最新文章|標籤|免責聲明|隱私權政策|隱私政策|服務條款|使用條款|廣告|意見回饋|常見問題|正體中文|简体中文|繁體中文|english
""".splitlines()
    for label in line.lower().split("|")
    if label
)

SEPARATOR = "|｜>＞»›→/／·•‧∙\u3000"
SEPARATORS = re.compile(rf"\s*(?:[{SEPARATOR}\t]|\s-\s|\s–\s|\s{{2,}})[{SEPARATOR}\s]*")
"""Between labels in a row."""
ORNAMENT = " \t\u3000|｜>＞»›→<＜«‹←·•‧∙*[]【】「」:：↑↓▲▼"
"""May stand around a label."""
NEIGHBOUR = re.compile(r"(?:上|下)一(?:篇|页|章|条|頁)\s*[:：].*|(?:previous|next)(?: post| article| page)?\s*[:：].*")
"""A label with the title of another page behind it."""

PHRASES = re.compile(
    "|".join(
        (
            # Rights.
            r"all rights reserved|copyright\s*(?:©|\(c\)|\d{4})|(?:©|\(c\))\s*(?:copyright\s*)?\d{4}",
            r"版权所有|版權所有|著作权所有|保留所有权利|保留所有權利|保留一切权利|未经(?:本站|本网|书面|许可|授权)[^。]{0,12}(?:转载|复制|使用)",
            # Numbers that pages in China have to show.
            r"[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新]\s?icp\s?[备证]|公网安备|经营许可证(?:编号|号)?\s*[:：]",
            r"互联网新闻信息服务许可|违法和不良信息举报|信息网络传播视听节目许可",
            # Cookies and scripts.
            r"(?:this|our) (?:web)?site uses cookies|we use cookies|use of cookies|accept (?:all )?cookies",
            r"(?:enable|turn on|requires?) javascript|javascript (?:is|must be) (?:disabled|enabled|required)",
            r"(?:我们|本网站|本站)(?:会)?使用\s?cookies?|(?:启用|开启|打开)\s?javascript|您的浏览器(?:版本)?(?:过低|不支持)",
            # Follow, share, subscribe.
            r"(?:follow|like) us on |share (?:this )?(?:on|via|to) |sign up for (?:our|the) [^.]{0,40}newsletter",
            r"subscribe to (?:our|the) |powered by (?:wordpress|discuz|dedecms|phpwind|hexo|hugo|drupal|joomla)",
            r"(?:扫描|扫一扫|长按|识别)[^。]{0,10}二维码|关注(?:我们的?)?(?:微信)?公众号|微信扫一扫|分享到(?:微信|微博|朋友圈|qq)",
            r"点击(?:下方|上方|这里|此处)?(?:蓝字|阅读原文|查看原文|阅读全文|查看全文)",
            # Who is responsible.
            r"^\s*[\[【（(]?责任编辑\s*[:：]|^\s*[\[【（(]?責任編輯\s*[:：]|本文来源于网络|声明[:：]本文|免责声明[:：]|文章来源[:：]",
        )
    )
)


TRIGGERS = re.compile(
    r"rights reserved|copyright|©|\(c\)|cookie|javascript|follow us|like us|share |sign up|subscribe|powered by|icp|"
    "版权所有|版權所有|著作权|保留|未经|公网安备|许可证|互联网新闻信息|违法和不良|信息网络传播|浏览器|"
    "二维码|公众号|微信|分享到|点击|责任编辑|責任編輯|本文|声明|文章来源"
)
"""One of these is in each phrase. Plain words are looked for faster, and few lines have one."""


def is_furniture(line: str) -> bool:
    """Whether a line, without white space around it, belongs to the page. An empty line does not."""
    if not line or len(line) > LONGEST_LINE:
        return False
    small = line.lower()
    label = small.strip(ORNAMENT)
    if label in LABELS or (TRIGGERS.search(small) and PHRASES.search(small)):
        return True
    return _is_row_of_labels(label) or (label[:1] in "上下pn" and NEIGHBOUR.fullmatch(label) is not None)


def _is_row_of_labels(line: str) -> bool:
    """Several labels with marks between them. One part in four may be something else, such as a name of the site."""
    parts = [part.strip(ORNAMENT) for part in SEPARATORS.split(line, LONGEST_PARTS)]
    num_labels = sum(part in LABELS for part in parts)
    return num_labels > 1 and num_labels * 4 >= len(parts) * 3
