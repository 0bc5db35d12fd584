"""The style sheet of the error pages: light and dark, no file to fetch."""

from __future__ import annotations

from typing import Final

STYLES: Final = """
:root{--bg:#f6f7fb;--card:#fff;--ink:#1c2333;--soft:#5b6478;--line:#e3e6ef;--accent:#5b4bdb;--red:#c92a4b;
--code:#fbfbfe;--hit:#fff0f3;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--bg:#12141c;--card:#1b1f2b;--ink:#e8ebf4;--soft:#9aa4bb;--line:#2c3244;
--accent:#a99dff;--red:#ff8aa3;--code:#151925;--hit:#3a1e2a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:0 24px 64px}
header.top{border-top:4px solid var(--accent);background:var(--card);border-bottom:1px solid var(--line)}
header.top>div{max-width:1080px;margin:0 auto;padding:36px 24px 28px}
.kind{display:inline-block;font-size:13px;font-weight:650;letter-spacing:.04em;color:var(--red);margin:0 0 6px}
h1{font-size:26px;line-height:1.3;margin:0 0 10px;font-weight:680;overflow-wrap:anywhere;white-space:pre-wrap}
h2{font-size:17px;margin:36px 0 12px;font-weight:650}
.where{color:var(--soft);margin:0;overflow-wrap:anywhere}
code,pre,td.v,.path{font:13px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;overflow:hidden;margin:0 0 14px}
.card>summary,.frame{display:flex;gap:10px;align-items:baseline;padding:12px 16px;cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary .fn{font-weight:650}.path{color:var(--soft);overflow-wrap:anywhere}
.lib{opacity:.78}
pre.src{margin:0;background:var(--code);border-top:1px solid var(--line);padding:10px 0;overflow-x:auto;tab-size:4}
pre.src span{display:block;padding:0 16px;white-space:pre;min-width:max-content}
pre.src b{display:inline-block;width:46px;color:var(--soft);font-weight:400;user-select:none}
pre.src .hit{background:var(--hit);box-shadow:inset 3px 0 0 var(--red)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:14px}
td{padding:8px 16px;border-top:1px solid var(--line);vertical-align:top}
tr:first-child td{border-top:0}
td.n{width:220px;color:var(--soft);font-weight:550;overflow-wrap:anywhere}
td.m{width:150px;color:var(--accent);font-size:12px;font-weight:650;white-space:nowrap}.empty{padding:14px 16px}
td.v{white-space:pre-wrap;overflow-wrap:anywhere}
details.locals>summary{padding:9px 16px;border-top:1px solid var(--line);color:var(--accent);font-size:14px}
details.locals>summary,.card>summary{cursor:pointer}
details.locals table{border-top:1px solid var(--line)}
.note{color:var(--soft);font-size:14px;margin-top:36px}
.cause{padding:2px 0 10px;color:var(--soft);font-style:italic}
.plain{min-height:100vh;display:grid;place-items:center;padding:24px;text-align:center}
.plain .code{font-size:76px;font-weight:750;letter-spacing:-.03em;line-height:1;color:var(--accent);margin:0 0 10px}
.plain h1{font-size:24px}.plain p{color:var(--soft);max-width:46ch;margin:0 auto}
@media (max-width:640px){td.n{width:120px}main{padding:0 14px 40px}header.top>div{padding:26px 14px 20px}
h1{font-size:21px}}
"""
