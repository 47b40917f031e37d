"""Words of the single lines."""

WORDS = {
    "title": ("接线图", "Single lines"),
    "empty": (
        "站点里没有接线图, 请添加 topology.yaml.",
        "The site has no single lines: add a topology.yaml.",
    ),
    "cells": ("{count} 个间隔", "{count} bays"),
    "standing": ("{count} 个未关闭事件", "{count} open incidents"),
    "closed": ("合", "closed"),
    "opened": ("分", "open"),
    "unknown": ("位置不明", "position unknown"),
    "legend": (
        "红色实心: 合; 绿色空心: 分; 灰色: 位置不明. 点击间隔查看事件.",
        "Red filled: closed; green hollow: open; grey: unknown. Click a bay for its incidents.",
    ),
}
