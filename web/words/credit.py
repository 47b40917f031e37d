"""Words of the accounts and the ledger."""

WORDS = {
    "title": ("积分", "Credit"),
    "safety": ("安全", "safety"),
    "party": ("党建", "party"),
    "team": ("班组", "team"),
    "person": ("姓名(岗位)", "Person"),
    "unit": ("责任区", "Zone"),
    "note": (
        "三个账户互不相通. 这里不排名: 按责任区列出.",
        "Three accounts that never mix. There is no ranking: people stand by their zone.",
    ),
    "mine": ("我的积分", "My credit"),
    "account": ("账户", "Account"),
    "when": ("时间", "Time"),
    "item": ("项目", "Item"),
    "points": ("分值", "Points"),
    "why": ("依据", "Why"),
    "confirmed_by": ("认定人", "Confirmed by"),
    "rule": ("规则版本", "Rules"),
    "seal": ("封存号", "Seal"),
    "unsealed": ("待封存", "not sealed yet"),
    "counts": ("计分", "counts"),
    "shadow": ("影子期, 不计分", "shadow, counts nothing"),
    "corrects": ("冲正", "correction"),
    "balance": ("{points} 分", "{points} points"),
    "shadow_balance": ("影子期 {points} 分", "{points} in shadow"),
    "empty": (
        "还没有积分记录. 提议经有名有姓的人认定后才会记入.",
        "No entry yet. A proposal becomes an entry when a named person confirms it.",
    ),
    "no_members": (
        "站点里没有人员, 请在 organisation/people.yaml 中添加.",
        "The site names no people: add them to organisation/people.yaml.",
    ),
    "reverse": ("提出冲正", "Propose a reversal"),
    "reverse_why": ("冲正理由", "Why it should be reversed"),
    "propose": ("手工提出积分", "Propose by hand"),
    "words": ("事由", "What happened"),
    "object": (
        "对记录有异议: 点该行的“提出冲正”并写明理由, 由原认定人以外的人复核;"
        " 复核通过后记一条相反的记录, 原记录保留.",
        "To object: propose a reversal and say why. Somebody else than who confirmed it decides;"
        " the entry stays, and an opposite one is added.",
    ),
}
