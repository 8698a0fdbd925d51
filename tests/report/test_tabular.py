"""Renderings of a table of text, and the names in it."""

import pytest

from bench.names import metric_name, ratio_name
from bench.report import tabular


def test_console_columns_line_up_for_wide_characters():
    wide = tabular.Table(("method", "10%"), (("検索なし", "1.0"), ("a", "–")))
    assert tabular.to_console(wide) == "method    10%\n--------  ---\n検索なし  1.0\na           –\n"


def test_latex_escapes_every_special_character():
    assert tabular.escape_latex(r"a_b & 5% | \ {x} ~^ $#") == (
        r"a\_b \& 5\% \textbar{} \textbackslash{} \{x\} \textasciitilde{}\textasciicircum{} \$\#"
    )


def test_markdown_escapes_what_would_break_a_table_or_start_markup():
    assert tabular.escape_markdown("a|b\nc & rag_text _x_ *y* `z` <b> [t](u) [1.0, 2.0]") == (
        r"a\|b c & rag_text \_x\_ \*y\* \`z\` \<b\> [t\](u) [1.0, 2.0]"
    )


@pytest.mark.parametrize(("ratio", "name"), [(0.01, "1%"), (0.005, "0.5%"), (0.07, "7%"), (1, "100%"), (0.29, "29%")])
def test_ratio_names(ratio, name):
    assert ratio_name(ratio) == name


def test_metric_names():
    assert [metric_name(key) for key in ("micro_f1", "macro_f1", "other", "")] == [
        "micro-F1", "macro-F1", "other", "F1",
    ]  # fmt: skip
