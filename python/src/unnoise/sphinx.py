"""The directive ``unnoise``: the element in documentation built by Sphinx.

Its options are the attributes of the element; its content is the fallback, which is all there is in a
PDF. Options with files of the documentation: ``images``, addresses relative to the
document with spaces between, and ``model``.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from . import __version__
from .static import STATIC


class unnoise_figure(nodes.General, nodes.Element):
    """The element; its children are shown where it cannot be."""


class unnoise_fallback(nodes.General, nodes.Element):
    """The content: pictures in it are not those that are learnt."""


class _Attributes(dict):
    """Any attribute may be given."""

    def __missing__(self, name: str):
        if not re.fullmatch(r"[a-z][a-z-]*", name):
            raise KeyError(name)
        return lambda argument: (argument or "").strip()


class Unnoise(SphinxDirective):
    has_content = True
    option_spec = _Attributes({"name": directives.unchanged})

    def run(self) -> list[nodes.Node]:
        attributes = {key: value for key, value in self.options.items() if key != "name"}
        node = unnoise_figure()
        node["model"] = self._file(attributes.pop("model", ""))
        for path in attributes.pop("images", "").split():
            node += nodes.image(uri=path, alt=Path(path).stem)
        node["attributes"] = attributes
        self.set_source_info(node)
        self.add_name(node)
        content = self.parse_content_to_nodes()
        if content:
            node += unnoise_fallback("", *content)
        return [node]

    def _file(self, address: str) -> str:
        """A file of the documentation, to be copied; or an address elsewhere."""
        if not address or "://" in address:
            return address
        inside, path = self.env.relfn2path(address)
        if not Path(path).is_file():
            raise self.error(f"There is no model {address}.")
        self.env.note_dependency(inside)
        self.env.dlfiles.add_file(self.env.docname, inside)
        return inside


def visit_figure(translator, node: unnoise_figure) -> None:
    attributes = dict(node["attributes"])
    if model := node["model"]:
        copied = translator.builder.env.dlfiles.get(model)
        attributes["model"] = (
            posixpath.join(translator.builder.dlpath, copied[1]) if copied else model
        )
    text = "".join(
        f' {name}="{escape(value)}"' if value else f" {name}" for name, value in attributes.items()
    )
    ids = "".join(f' id="{escape(name)}"' for name in node["ids"][:1])
    translator.body.append(f"<unnoise-lab{ids}{text}>")


def depart_figure(translator, _node: unnoise_figure) -> None:
    translator.body.append("</unnoise-lab>\n")


def visit_fallback(translator, _node: unnoise_fallback) -> None:
    translator.body.append('<div slot="fallback">')


def depart_fallback(translator, _node: unnoise_fallback) -> None:
    translator.body.append("</div>\n")


def nothing(_translator, _node: nodes.Element) -> None:
    """Elsewhere the children are all there is."""


def add_script(app: Sphinx, _page, _template, _context, doctree) -> None:
    """Only to the pages that have a figure."""
    if doctree is None or next(doctree.findall(unnoise_figure), None) is None:
        return
    base = app.config.unnoise_base
    script = f"{base.rstrip('/')}/unnoise.js" if base else "unnoise/unnoise.js"
    app.add_js_file(script, type="module")


def copy_files(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html" or app.config.unnoise_base:
        return
    shutil.copytree(STATIC, Path(app.outdir) / "_static/unnoise", dirs_exist_ok=True)


def setup(app: Sphinx) -> dict:
    app.add_config_value("unnoise_base", "", "html", str)
    others = {builder: (nothing, nothing) for builder in ("latex", "text", "man", "texinfo")}
    app.add_node(unnoise_figure, html=(visit_figure, depart_figure), **others)
    app.add_node(unnoise_fallback, html=(visit_fallback, depart_fallback), **others)
    app.add_directive("unnoise", Unnoise)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", copy_files)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
