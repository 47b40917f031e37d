"""How the console looks: calm, dense, readable on a wall and on a telephone. One place for colours.

Red and green beside a switch mean closed and open and nothing else; priorities are chips with words.
"""

from typing import Final

CLOSED: Final = "#c62828"
OPEN: Final = "#2e7d32"
UNKNOWN: Final = "#78909c"

ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6"'
    ' fill="#123a5a"/><path d="M17 4 8 18h6l-2 10 11-15h-7z" fill="#ffd54f"/></svg>'
)

CSS: Final = """
:root { --gw-ink: #1c2b36; --gw-soft: #5b6b76; --gw-line: #d7dee3; --gw-ground: #f4f6f8; }
body, .nicegui-content, .q-field, .q-btn, .q-table {
  font-family: system-ui, "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif;
}
body { background: var(--gw-ground); color: var(--gw-ink); }
.nicegui-content { padding: 14px; max-width: 1500px; margin: 0 auto; gap: 12px; align-items: stretch; }
.gw-header { background: #123a5a; color: #fff; padding: 0 10px; min-height: 48px; gap: 8px; }
.gw-header .q-btn { color: #fff !important; white-space: nowrap; flex-wrap: nowrap; }
.gw-header .q-btn .q-btn__content { flex-wrap: nowrap; }
.gw-drawer { background: #fff; border-right: 1px solid var(--gw-line); padding: 8px 0; gap: 0; }
.gw-nav { display: flex; width: 100%; gap: 12px; align-items: center; padding: 7px 16px; color: var(--gw-ink);
  text-decoration: none; border-left: 3px solid transparent; }
.gw-nav-head { padding: 12px 16px 2px 19px; color: var(--gw-soft); font-size: 12px; }
.gw-nav:hover { background: #eef3f6; }
.gw-nav-here { border-left-color: #1565c0; background: #e8f1fa; font-weight: 600; }
.gw-title { font-size: 20px; font-weight: 600; }
.gw-soft { color: var(--gw-soft); font-size: 13px; }
.gw-card { background: #fff; border: 1px solid var(--gw-line); border-radius: 6px; padding: 14px;
  width: 100%; box-shadow: none; }
.gw-head { font-weight: 600; font-size: 15px; margin-bottom: 6px; }
.gw-away { background: #b71c1c; color: #fff; padding: 8px 14px; width: 100%; border-radius: 4px; }
.gw-banner { background: #fff3e0; border: 1px solid #ef6c00; color: #5d2f00 !important; padding: 8px 14px;
  width: 100%; border-radius: 4px; display: flex; flex-direction: column; gap: 4px; text-decoration: none;
  overflow-wrap: anywhere; }
.gw-note { background: #fff8e1; border: 1px solid #ffe082; padding: 8px 14px; border-radius: 4px;
  width: 100%; }
.gw-chip { display: inline-block; padding: 1px 8px; border-radius: 10px; font-size: 12.5px;
  white-space: nowrap; border: 1px solid transparent; }
.gw-p1 { background: #c62828; color: #fff; }
.gw-p2 { background: #ef6c00; color: #fff; }
.gw-p3 { background: #fff3cd; color: #6d4c00; border-color: #e0b400; }
.gw-p4 { background: #e3eaf0; color: #455a64; }
.gw-plain { background: #eceff1; color: #37474f; }
.gw-strong { background: #1c2b36; color: #fff; }
.gw-wait { background: #e8eaf6; color: #283593; border-color: #9fa8da; }
.gw-table { width: 100%; border: 1px solid var(--gw-line); border-radius: 6px; box-shadow: none; }
.gw-table .q-table td { white-space: normal; font-size: 14px; min-width: 84px; }
.gw-table .q-table th { font-size: 13px; color: var(--gw-soft); }
.gw-table .q-btn { white-space: nowrap; }
.gw-table .q-table td.gw-acts { white-space: nowrap; }
.gw-table .q-btn .q-btn__content { flex-wrap: nowrap; }
.gw-table tr.gw-urgent td:first-child { box-shadow: inset 4px 0 0 #c62828; }
.gw-table tr.gw-here td { background: #e8f1fa; }
.gw-tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 6px; }
.gw-tile { border: 1px solid var(--gw-line); border-radius: 3px; padding: 8px 6px; min-height: 44px;
  font-size: 13px; text-align: center; background: #fafafa; color: #78909c; text-decoration: none;
  overflow-wrap: anywhere; }
.gw-tile.gw-lit-1 { background: #c62828; color: #fff; }
.gw-tile.gw-lit-2 { background: #ef6c00; color: #fff; }
.gw-tile.gw-lit-3, .gw-tile.gw-lit-4 { background: #ffd54f; color: #3e2f00; }
.gw-tile.gw-kept { background: repeating-linear-gradient(45deg, #eceff1 0 6px, #cfd8dc 6px 12px);
  color: #37474f; }
.gw-tile.gw-flash { animation: gw-flash 1s steps(2, jump-none) infinite; }
@keyframes gw-flash { from { opacity: 1; } to { opacity: .45; } }
@media (prefers-reduced-motion: reduce) { .gw-tile.gw-flash { animation: none; outline: 3px solid #1c2b36; } }
.gw-facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 14px; }
.gw-facts > :nth-child(odd) { color: var(--gw-soft); }
.gw-figures { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 4px 14px; }
.gw-figures > :nth-child(odd) { color: var(--gw-soft); overflow-wrap: anywhere; }
.gw-figures > :nth-child(even) { text-align: right; white-space: nowrap; }
.gw-pictures { display:flex; flex-wrap:wrap; gap:12px; margin-top:8px }
.gw-picture { margin:0; flex:1 1 280px; max-width:640px }
.gw-naming { display:grid; grid-template-columns:minmax(0,1fr) minmax(130px,180px); gap:4px 10px;
  align-items:center; width:100% }
.gw-judging { width:560px; max-width:94vw }
.gw-sheet { background:#fff; border:1px solid var(--gw-line); padding:22px; width:100%; max-width:820px;
  margin:0 auto }
.gw-sheet h1 { font-size:22px; text-align:center; margin:0 0 4px; font-weight:600; line-height:1.3 }
.gw-sheet table { border-collapse:collapse; width:100%; table-layout:fixed }
.gw-sheet th, .gw-sheet td { border:1px solid #78909c; padding:6px 8px; text-align:left; vertical-align:top;
  overflow-wrap:anywhere; font-weight:400 }
.gw-sheet th { width:26%; background:#f4f6f8; color:var(--gw-soft) }
.gw-sheet .gw-sign { white-space:pre-wrap; height:46px; color:var(--gw-soft) }
.gw-sheet img { max-width:100%; max-height:280px }
.gw-boxed { position:relative; line-height:0 }
.gw-boxed img, .gw-picture video { width:100%; height:auto }
.gw-boxed svg { position:absolute; inset:0; width:100%; height:100% }
.gw-chain { margin: 0; padding-left: 22px; }
ol.gw-chain { list-style: decimal; }
ul.gw-chain { list-style: disc; }
.gw-card .q-timeline__title { font-size: 14px; font-weight: 500; line-height: 1.4; margin-bottom: 2px; }
.gw-card .q-timeline__subtitle { font-size: 12px; margin-bottom: 0; letter-spacing: 0; opacity: .75; }
.gw-card .q-timeline__content { padding-bottom: 10px; }
.gw-grid { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 12px; width: 100%; }
.gw-column { display: flex; flex-direction: column; gap: 12px; min-width: 0; }
.gw-oneline { overflow-x: auto; background: #fff; border: 1px solid var(--gw-line); border-radius: 6px;
  padding: 8px; width: 100%; }
.gw-oneline a { cursor: pointer; }
.gw-bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; width: 100%; }
.gw-month { overflow-x: auto; background: #fff; border: 1px solid var(--gw-line); border-radius: 6px; }
.gw-month table { border-collapse: separate; border-spacing: 2px; font-size: 12.5px; }
.gw-month th { font-weight: 500; padding: 2px 4px; white-space: nowrap; color: var(--gw-soft); }
.gw-month tr > th:first-child { position: sticky; left: 0; background: #fff; text-align: left; z-index: 1; }
.gw-month td { min-width: 40px; padding: 3px 4px; text-align: center; border-radius: 3px;
  white-space: pre; }
.gw-days .gw-chip { white-space: pre-line; }
.gw-rest { color: #90a4ae; }
.gw-rests { background: #f1f4f6; }
.gw-shift-0 { background: #dbeafe; color: #143a6b; }
.gw-shift-1 { background: #fdeccf; color: #6b4200; }
.gw-shift-2 { background: #d9d6f2; color: #2e2670; }
.gw-shift-3 { background: #d7eef0; color: #0d4a52; }
.gw-shift-4 { background: #f6dde6; color: #6d1f3f; }
.gw-shift-5 { background: #e8e4d5; color: #4b4320; }
.gw-away-day { background: repeating-linear-gradient(45deg, #eceff1 0 6px, #dde3e7 6px 12px);
  color: #455a64; }
.gw-month td.gw-today, .gw-month th.gw-today { box-shadow: inset 0 0 0 2px #1565c0; }
.gw-card.gw-today { border: 2px solid #1565c0; }
.gw-days { display: none; }
.gw-line { display: grid; grid-template-columns: 92px minmax(0, 1fr) minmax(0, 240px); gap: 2px 12px;
  padding: 3px 0; border-top: 1px solid var(--gw-line); }
.gw-line > * { overflow-wrap: anywhere; }
.gw-form { width: 520px; max-width: 100%; }
.gw-login { max-width: 380px; margin: 8vh auto 0; width: 100%; }
@media print {
  .gw-noprint, .gw-header, .gw-drawer, .gw-banner, .gw-acts, .q-drawer-container { display: none !important; }
  .q-page-container { padding: 0 !important; }
  body { background: #fff; }
  .gw-card, .gw-line, .gw-table tr { break-inside: avoid; }
}
@media (max-width: 760px) {
  .gw-sheet { padding: 10px 6px; }
  .gw-sheet th, .gw-sheet td { padding: 4px 5px; }
  .gw-sheet th { width: 36%; }
  .gw-line { grid-template-columns: minmax(0, 1fr); }
  .nicegui-content { padding: 8px; }
  .gw-grid { grid-template-columns: minmax(0, 1fr); }
  .gw-hide-small { display: none !important; }
  .gw-days { display: flex; }
  .gw-table thead { display: none; }
  .gw-table table, .gw-table tbody { display: block; width: 100%; }
  .gw-table tbody tr { display: block; height: auto !important; padding: 6px 4px;
    border-bottom: 6px solid var(--gw-ground); }
  .gw-table tbody td { display: flex; justify-content: space-between; gap: 12px; height: auto !important;
    border: 0 !important; padding: 3px 8px !important; text-align: right !important; }
  .gw-table tbody td::before { content: attr(data-label) !important; position: static !important;
    background: none !important; opacity: 1 !important; color: var(--gw-soft); font-size: 12.5px;
    white-space: nowrap; text-align: left; }
  .gw-table tbody td.gw-wide { display: block; text-align: left !important; }
  .gw-table tbody td.gw-wide::before { content: none !important; }
}
"""
