"""Write the CloudFormation templates to ``cdk.out``: ``python app.py``, or through CDK's CLI.

``-c stage=live`` chooses the stage (default paper); ``-c sentry_tag=<tag>`` and
``-c research_tag=<tag>`` name the images.
"""

from __future__ import annotations

from stacks import bundling
from stacks.build import build, make_app
from stacks.functions import Assets

if __name__ == "__main__":
    bundling.main()  # the sentry's folder too, which an image is built from
    app = make_app()
    build(app, Assets(function=bundling.STAGED.joinpath))
    app.synth()
