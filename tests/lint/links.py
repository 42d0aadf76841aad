"""Each relative link of a document leads to a file of the tree, and to a heading that is there."""
import os
import re
from pathlib import Path

import markdown
import tree


def check_link(path, target, paths):
    """What is wrong with a link, or None."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    name, _, anchor = target.partition("#")
    to = Path(os.path.normpath(path.parent / name)) if name else path
    if to not in paths and not any(to in other.parents for other in paths):
        return f"there is no {to} in the tree"
    if anchor and (to.suffix != ".md" or anchor not in markdown.anchors(tree.read(to))):
        return f"{to} has no heading #{anchor}"
    return None


paths = set(tree.files())
findings = []
for path in tree.files(".md"):
    for line, target in markdown.links(tree.read(path)):
        if wrong := check_link(path, target, paths):
            findings.append(f"{path}:{line}: {target}: {wrong}")
tree.report(findings)
