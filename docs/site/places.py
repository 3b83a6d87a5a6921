"""Where is what the site is made of, and where does it go?"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs"
EXAMPLES = ROOT / "examples"
CONFIG = ROOT / "mkdocs.yml"
SOURCE = ROOT / "build" / "site-source"
"""Pages as MkDocs reads them, written anew by each build; ``docs_dir`` of mkdocs.yml."""
SITE = ROOT / "build" / "site"
PLAYGROUND = ROOT / "src" / "gradless" / "pages" / "playground" / "static"
