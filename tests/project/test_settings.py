from __future__ import annotations

import re

from radiolens.settings import Settings
from tests.project.source_tree import ROOT


def test_every_setting_has_a_heading_in_the_docs() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(Settings.model_fields)
