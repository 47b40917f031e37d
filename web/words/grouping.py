"""Words of causes and consequences."""

WORDS = {
    "title": ("因果归并", "Cause and consequence"),
    "beneath": ("归并在该事件之下:", "Listed beneath:"),
    "itself": ("单独列出, 没有归并在别的事件之下", "Stands for itself, beneath no other incident"),
    "calls_nobody": (
        "作为后果: 不鸣响、不呼叫 (一级除外)",
        "As a consequence it sounds nothing and calls nobody (level 1 always does)",
    ),
    "consequences": ("由此引起的事件 ({count})", "Its consequences ({count})"),
    "why": ("依据", "Why"),
    "merge": ("归并到另一事件", "Merge into another"),
    "split": ("拆分出来", "Split off"),
    "take_back": ("撤销人工归并", "Take back"),
    "into": ("归并到", "Into"),
    "words": ("理由", "Why"),
    "choose": ("请选择一个事件", "Choose an incident"),
    "fold": ("折叠后果", "Fold consequences"),
    "folded": ("另有 {count} 个后果", "{count} consequences"),
}
