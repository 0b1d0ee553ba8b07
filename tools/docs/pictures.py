"""`make pictures`: the pictures of the README, taken of what the commands write.

Needs Chromium, so it runs on request and not in CI. The model is MobileNetV2 of the benchmarks; its
weights are random numbers from a fixed seed, so a picture changes only if what it shows changes.
"""

import argparse
import io
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ...ir.diagnostics import usage_error
from ..cli import console

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "images"
LIMIT = 200_000  # bytes of a picture: a README should load at once
EXAMPLES = """\
  python -m cmlc.tools.docs.pictures
  python -m cmlc.tools.docs.pictures --browser /usr/bin/chromium
"""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OP = "convolution_46"  # after a residual sum; in the next rows ReLU6 is still four ops, then one
_CODE = ("def conv_bn", '    x = residual_block(x, name="inverted_residual_5")')
# No network, no profile of the user's, nothing that differs from one run to the next.
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--force-device-scale-factor=2"),
)
_LINE, _BORDER = 18, 16  # pixels
_PAGE = f"""\
<!doctype html><meta charset="utf-8"><style>
STYLE
body {{ margin: 0; background: #f6f8fa; }}
pre {{ margin: 0; padding: {_BORDER}px 20px; font: 13px/{_LINE}px "DejaVu Sans Mono", monospace;
  mask-image: linear-gradient(#000 90%, transparent); }}
</style><pre>CODE</pre>
"""


def make_parser() -> console.CommandParser:
    """The options of `pictures`."""
    parser = console.CommandParser("pictures", "", "Take the pictures of the README.", EXAMPLES)
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    parser.add_argument("--browser", default=found, help="Chromium (default: the one on the PATH)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> None:
    from .. import cmlc
    from ..bench import mobilenet

    if not given.browser:
        raise usage_error("Chromium is not installed", "install it, or give --browser PATH")
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = folder / "MobileNetV2.mlmodel"
        model.write_bytes(mobilenet.model().SerializeToString())
        graph, code = folder / "graph.html", folder / "keras"
        for written, form in ((graph, "html"), (code, "keras-code")):
            if status := cmlc.main([str(model), f"--emit={form}", "-o", str(written)]):
                sys.exit(status)
        excerpt = folder / "code.html"
        text = excerpt_of((code / "model.py").read_text(encoding="utf-8"))
        excerpt.write_text(code_page(text), encoding="utf-8")
        height = _LINE * text.count("\n") + _BORDER  # the last lines fade: the file goes on
        _take(given.browser, f"{graph.as_uri()}#{_OP}", (1240, 600), FOLDER / "graph.png")
        _take(given.browser, excerpt.as_uri(), (736, height), FOLDER / "keras.png")


def excerpt_of(code: str) -> str:
    """The lines that the picture shows: the blocks, and how the network begins."""
    first, last = _CODE
    lines = code.splitlines(keepends=True)
    begin = next(i for i, line in enumerate(lines) if line.startswith(first))
    end = next(i for i, line in enumerate(lines) if line.startswith(last))
    return "".join(lines[begin : end + 1])


def code_page(text: str) -> str:
    """Python code as an HTML page, highlighted by Pygments (which rich brings along)."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    formatter = HtmlFormatter(style="friendly", nobackground=True, nowrap=True)
    page = _PAGE.replace("STYLE", formatter.get_style_defs("pre"))
    return page.replace("CODE", highlight(text, PythonLexer(), formatter))


def _take(browser: str, address: str, size: tuple[int, int], path: Path) -> None:
    """Write a picture of a page, with as many colours as it needs to be crisp and small."""
    from PIL import Image

    with TemporaryDirectory() as scratch:
        taken = Path(scratch) / "taken.png"
        window = f"--window-size={size[0]},{size[1]}"
        profile = f"--user-data-dir={scratch}/profile"
        command = [browser, *_FLAGS, window, profile, f"--screenshot={taken}", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if not taken.exists():
            raise usage_error(f"{browser} took no picture", done.stderr.strip()[-500:])
        with Image.open(taken) as picture:
            few = picture.convert("RGB").quantize(96, dither=Image.Dither.NONE)
    data = io.BytesIO()
    few.save(data, "PNG", optimize=True)
    if data.tell() > LIMIT:
        raise usage_error(f"{path.name} takes {data.tell():,} bytes; take fewer colours")
    path.write_bytes(data.getvalue())
    print(f"wrote {path.relative_to(ROOT)} ({data.tell():,} bytes)")


if __name__ == "__main__":
    sys.exit(main())
