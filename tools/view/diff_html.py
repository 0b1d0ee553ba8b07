"""Differences as one self-contained page: summary, filters by kind, search; light and dark."""

from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby

from ...ir.diff import Edit, Place
from .diff_facts import NOUNS, Compared, change_of, following, summary
from .diff_text import Entry, entries

_STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1b1f24; --quiet: #59636e; --line: #d8dee4;
  --old: #ffebe9; --new: #e6ffec; --old-text: #b42318; --new-text: #116329; --chip: #f3f5f7;
  --accent: #0757b8; }
@media (prefers-color-scheme: dark) { :root { --page: #0e1116; --text: #e2e8ef; --quiet: #93a1b0;
  --line: #2b333d; --old: #3a1a1d; --new: #12301d; --old-text: #ff9d94; --new-text: #7ee2a0;
  --chip: #1a2129; --accent: #7db6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .6rem; } h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
code, .line { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.files div { overflow-wrap: anywhere; } .files .old::before { content: "− "; }
.files .new::before { content: "+ "; } .files .old { color: var(--old-text); }
.files .new { color: var(--new-text); }
.summary { font-weight: 600; margin: .8rem 0; } .quiet { color: var(--quiet); }
nav { position: sticky; top: 0; display: flex; flex-wrap: wrap; gap: .4rem; padding: .6rem 0;
  background: var(--page); border-bottom: 1px solid var(--line); z-index: 1; }
nav button, nav input { font: inherit; color: inherit; background: var(--chip);
  border: 1px solid var(--line); border-radius: 1rem; padding: .15rem .8rem; }
nav button { cursor: pointer; } nav input { flex: 1; min-width: 10rem; }
nav button[aria-pressed=false] { opacity: .45; text-decoration: line-through; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
article { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; overflow: hidden;
  content-visibility: auto; contain-intrinsic-size: auto 5rem; }
header { display: flex; flex-wrap: wrap; gap: 0 .8rem; padding: .3rem .8rem; }
article header { background: var(--chip); }
header b { font-weight: 600; }
.line { padding: .1rem .8rem .1rem 2rem; text-indent: -1.2rem; white-space: pre-wrap; }
.line.old { background: var(--old); } .line.new { background: var(--new); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0;
  padding: .4rem .8rem; } dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
meter { width: 8rem; height: .7rem; margin-right: .6rem; }
@media (max-width: 40rem) { body { padding: .8rem; } dl { grid-template-columns: 1fr; } }
"""
_SCRIPT = """
const off = new Set(), search = document.querySelector("input");
function show() {
  const wanted = search.value.toLowerCase();
  for (const section of document.querySelectorAll("section")) {
    let some = false;
    for (const item of section.querySelectorAll("article")) {
      const kinds = item.dataset.kinds.split(" ");
      item.hidden = kinds.every(kind => off.has(kind))
        || !item.textContent.toLowerCase().includes(wanted);
      some ||= !item.hidden;
    }
    section.hidden = !some;
  }
}
for (const button of document.querySelectorAll("nav button"))
  button.onclick = () => {
    const kind = button.dataset.kind;
    if (!off.delete(kind)) off.add(kind);
    button.setAttribute("aria-pressed", String(!off.has(kind)));
    show();
  };
search.oninput = show;
"""


def page(compared: Compared) -> str:
    """The page as HTML, for a file; it loads nothing else."""
    found = compared.difference
    listed = entries(found.edits, fold=False)
    body = [
        "<h1>Differences</h1>",
        f'<div class="files"><div class="old"><code>{escape(compared.old)}</code></div>',
        f'<div class="new"><code>{escape(compared.new)}</code></div></div>',
        f'<p class="summary">{escape(summary(found))}</p>',
        *(f'<p class="quiet">→ {escape(sentence)}</p>' for sentence in following(found)),
        *([_filters(found.counts())] if listed else []),
        *_sections(listed),
    ]
    title = escape(f"{compared.old} → {compared.new}")
    script = f"<script>{_SCRIPT}</script>" if listed else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + f"\n{script}</body></html>\n"
    )


def _filters(counts: dict[str, int]) -> str:
    buttons = "".join(
        f'<button data-kind="{kind}" aria-pressed="true">{count:,} '
        f"{NOUNS[kind][0 if count == 1 else 1]}</button>"
        for kind, count in counts.items()
    )
    return f'<nav>{buttons}<input type="search" placeholder="op, layer, attribute …"></nav>'


def _sections(listed: list[Entry]) -> Iterator[str]:
    order = {heading: i for i, heading in enumerate(dict.fromkeys(e.heading for e in listed))}
    ordered = sorted(listed, key=lambda entry: order[entry.heading])
    for heading, group in groupby(ordered, key=lambda entry: entry.heading):
        yield f"<section><h2>{escape(heading)}</h2>"
        yield from map(_article, group)
        yield "</section>"


def _article(entry: Entry) -> str:
    first = entry.edits[0]
    kinds = " ".join(dict.fromkeys(edit.kind for edit in entry.edits))
    inside = [*_header(first, len(entry.edits)), *_lines(entry.edits), *_details(entry.edits)]
    return f'<article data-kinds="{kinds}">{"".join(inside)}</article>'


def _header(first: Edit, count: int) -> Iterator[str]:
    place = first.place
    if first.group >= 0:
        ops = "1 op" if count == 1 else f"{count:,} ops"
        yield f"<header><b>{ops} {first.kind}</b>"
        yield f'<span class="quiet">{escape(first.note)}</span></header>'
    elif place is not None and place.op != "func":
        yield f"<header><b>{escape(place.op)}</b><code>{escape(place.name)}</code>"
        yield f'<span class="quiet">{escape(place.layer)}</span></header>'


def _lines(edits: list[Edit]) -> Iterator[str]:
    """Ops that only one side has, and both texts of ops that differ."""
    for before, after in dict.fromkeys((edit.before, edit.after) for edit in edits):
        if before is not None and after is not None and before.line == after.line:
            continue
        if before is not None:
            yield _line("old", "−", before, alone=after is None)
        if after is not None and after.line:
            yield _line("new", "+", after, alone=before is None)


def _line(side: str, mark: str, place: Place, *, alone: bool) -> str:
    layer = f'   <span class="quiet">{escape(place.layer)}</span>' if alone and place.layer else ""
    return f'<div class="line {side}">{mark} {escape(place.line)}{layer}</div>'


def _details(edits: Iterable[Edit]) -> Iterator[str]:
    rows = [edit for edit in edits if edit.kind not in ("added", "removed", "replaced")]
    if rows:
        yield f"<dl>{''.join(map(_row, rows))}</dl>"


def _row(edit: Edit) -> str:
    what = "moved" if edit.kind == "moved" else edit.what or edit.kind
    meter = ""
    if edit.weight is not None and edit.weight.relative is not None:
        relative = min(edit.weight.relative, 1.0)
        meter = f'<meter value="{relative:.4f}" title="largest difference"></meter>'
    users = len(edit.weight.users) if edit.weight is not None else 0
    shared = f" (and {users - 1} other op{'s' if users > 2 else ''})" if users > 1 else ""
    return f"<dt>{escape(what)}</dt><dd>{meter}{escape(change_of(edit) + shared)}</dd>"
