"""The style sheet of the report: one column on a phone, light and dark, printable."""

from mgit.cli.render.markup import Markup

__all__ = ["STYLE"]

STYLE = Markup("""
:root{color-scheme:light dark;--page:#fbfbf9;--card:#fff;--ink:#1b1d21;--soft:#5c6270;
--line:#dcdee3;--fill:#2a62b8;--good:#1c7c4a;--bad:#b3322b;--warn:#8a5a00;--a:#1b1d21;--b:#2a62b8;
--c:#c2571a;--d:#8b8f99}
@media(prefers-color-scheme:dark){:root{--page:#14161a;--card:#1c1f25;--ink:#e7e9ee;--soft:#a2a8b5;
--line:#343944;--fill:#7db0ff;--good:#62cf95;--bad:#ff8a80;--warn:#ffc46b;--a:#f2f4f8;--b:#7db0ff;
--c:#ffa66b;--d:#878d9a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer{max-width:62rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.5rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:0 0 .75rem;overflow-wrap:anywhere}
h3{font-size:1rem;margin:1.6rem 0 .5rem}
p{margin:.35rem 0}
code{font:.9em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
a{color:var(--b)}
.soft{color:var(--soft)}
.small{font-size:.87rem}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:1.1rem 1.2rem;margin:1.2rem 0}
nav{display:flex;flex-wrap:wrap;gap:.3rem 1rem;margin-top:.6rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));
gap:.55rem 1.5rem;margin:0}
.facts div{min-width:0}
dt{color:var(--soft);font-size:.85rem}
dd{margin:0;overflow-wrap:anywhere}
.flag{border-left:4px solid var(--warn);padding:.2rem .7rem;margin:.8rem 0}
.slices{display:grid;grid-template-columns:repeat(3,1fr);gap:.8rem}
figure{margin:0;min-width:0}
figcaption{color:var(--soft);font-size:.87rem;margin-top:.3rem}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{fill:var(--soft);font:12px system-ui,sans-serif}
.slice{border-radius:6px;overflow:hidden;background:#000}
.contour{fill:none;stroke:#ffb000;stroke-width:1.3px;vector-effect:non-scaling-stroke}
.slice rect.scale{fill:#fff}
.slice text.scale{fill:#fff;paint-order:stroke;stroke:#000;stroke-width:.14em}
.plot text{font-size:14px}
.plot .grid{stroke:var(--line)}
.plot .axis{stroke:var(--soft)}
text.x{text-anchor:middle}
text.y{text-anchor:end}
text.end{text-anchor:end}
text.start{text-anchor:start}
.criterion{stroke:var(--bad);stroke-dasharray:2 3}
.mark{stroke:var(--soft);stroke-dasharray:4 3}
text.mark{stroke:none;fill:var(--ink)}
.curve{fill:none;stroke-width:1.8px;stroke-linejoin:round}
.corrected{stroke:var(--a);stroke-width:2.6px}
.masked{stroke:var(--b)}
.unmasked{stroke:var(--c)}
.phase_randomised{stroke:var(--d);stroke-dasharray:5 3}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.87rem;color:var(--soft)}
.legend svg{display:inline-block;width:26px;height:8px;vertical-align:middle;margin-right:.4rem}
.pair{display:grid;grid-template-columns:3fr 2fr;gap:0 1.6rem}
.sphere polygon{fill:var(--fill)}
.sphere .rim{fill:none;stroke:var(--line)}
.sphere text{font-size:10px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th{text-align:left;font-weight:600;color:var(--soft);font-size:.85rem}
th,td{padding:.28rem .9rem .28rem 0;border-bottom:1px solid var(--line);vertical-align:middle}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.name{overflow-wrap:anywhere;min-width:6rem}
.bar{width:22%;min-width:4.5rem}
.bar span{display:block;height:.6rem;border-radius:2px;background:var(--fill);min-width:1px}
.good{color:var(--good)}
.bad{color:var(--bad)}
ol.chain{list-style:none;margin:0;padding:0;border-left:2px solid var(--line)}
.chain li{padding:.1rem 0 .8rem 1rem;overflow-wrap:anywhere}
footer{padding-bottom:2rem}
@media(max-width:44rem){.slices,.pair{grid-template-columns:1fr}.slices figure{max-width:22rem}
section{padding:.9rem .9rem}}
@media print{section{break-inside:avoid;border:0;padding:0}}
""")
