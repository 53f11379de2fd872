"""The style sheet of the page: light and dark, desktop and phone."""

CSS = """
:root { color-scheme: light dark; --page: #fff; --ink: #1b1e23; --soft: #59616d; --line: #d8dce2; --panel: #f4f5f7;
  --s1: #0b62a8; --s2: #bf4a00; --s3: #00785a; --s4: #8a3d8a }
@media (prefers-color-scheme: dark) { :root { --page: #15171a; --ink: #e5e8ec; --soft: #a3abb6; --line: #353a42;
  --panel: #1e2126; --s1: #6cb4f5; --s2: #ff9a57; --s3: #4ecba4; --s4: #e29be2 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 3vw, 2.5rem) 4rem; max-width: 84rem; background: var(--page);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .5rem 0 1rem }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .75rem; padding-top: .9rem; border-top: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 0 0 .6rem; overflow-wrap: anywhere }
h3 span { margin-left: .75em; font-weight: 400 }
p, dl { max-width: 48rem; margin: .5rem 0 1rem }
h3 span, .note, figcaption, dd { color: var(--soft); font-size: .875rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .875rem }
dt { font-weight: 600 }
dd { margin: 0 }
.tables { columns: 2 30rem; column-gap: 3rem; margin: 1.25rem 0 }
.tables > * { break-inside: avoid; margin-bottom: 1.5rem }
.scroll { max-width: 100%; overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding-bottom: .35rem }
th, td { padding: .28rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }
td, thead th { white-space: nowrap }
th:first-child { padding-left: 0; text-align: left }
.text td { white-space: normal; text-align: left }
.text thead th { text-align: left }
thead th { color: var(--soft); font-weight: 600 }
tbody th { font-weight: 400 }
tbody tr.main > * { font-weight: 700 }
figure { margin: 0; min-width: 0 }
.charts { display: grid; gap: 1.5rem 2.5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)) }
.tables .chart { max-width: 26rem }
.chart > svg { display: block; width: 100%; height: auto }
.chart figcaption b { color: var(--ink); display: block }
.keys { display: flex; flex-wrap: wrap; gap: 0 1rem }
.keys svg { width: 22px; height: 8px; margin-right: .4rem; vertical-align: middle }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft) }
svg .grid { stroke: var(--line) }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.line .dot { stroke: none }
.s1 { stroke: var(--s1) } .s1 .dot { fill: var(--s1) }
.s2 { stroke: var(--s2); stroke-dasharray: 6 3 } .s2 .dot { fill: var(--s2) }
.s3 { stroke: var(--s3); stroke-dasharray: 2 2.5 } .s3 .dot { fill: var(--s3) }
.s4 { stroke: var(--s4); stroke-dasharray: 9 3 2 3 } .s4 .dot { fill: var(--s4) }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0; margin: .75rem 0; list-style: none;
  font-size: .875rem }
.swatch { display: inline-block; width: .95em; height: .95em; margin-right: .4em; vertical-align: -.12em;
  border: 1px solid var(--line); border-radius: 2px }
.ramp { width: 6em }
.case { margin: 1.25rem 0 0; padding: 1rem; background: var(--panel); border-radius: 6px }
.row { display: grid; gap: .75rem; grid-template-columns: repeat(8, 1fr) }
.row img { display: block; width: 100%; height: auto; border-radius: 2px }
.row figcaption { line-height: 1.35; margin-top: .3rem; font-size: .8125rem }
.row figcaption b { color: var(--ink); display: block }
.crisp { image-rendering: pixelated }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .8rem 1rem; background: var(--panel); border-radius: 6px;
  font-size: .8125rem }
@media (max-width: 70rem) { .row { grid-template-columns: repeat(4, 1fr) }
  .row figure:first-child, .row figure:last-child { order: -1 } } /* image and truth first: pairs stay side by side */
@media (max-width: 36rem) { .row { grid-template-columns: repeat(2, 1fr) }
  .case { margin-inline: -.5rem; padding: .75rem }
  dl { grid-template-columns: 1fr }
  dd { margin-bottom: .4rem }
  th, td { padding-inline: .35rem } }
@media print { .case { break-inside: avoid } }
"""
