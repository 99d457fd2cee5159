"""A folder and a context come in; what the validator of RO-Crate finds wrong with the folder goes out, as JSON, without a network.

Run with the packages of requirements-validators.lock: roc-validator. It fetches the context that the crate names, which is given
here instead; whatever else it asks for does not answer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rocrate_validator import services
from rocrate_validator.utils.http import HttpRequester

ADDRESS = "https://w3id.org/ro/crate/1.1/context"


def main(folder: str, context: str) -> None:
    """Print the checks that were made, and of what failed the check, the thing and the reason."""
    text = Path(context).read_text("utf-8")
    given = SimpleNamespace(
        status_code=200, text=text, headers={"Content-Type": "application/ld+json"}, json=lambda: json.loads(text)
    )

    def ask(_: HttpRequester, name: str) -> Any:
        def answer(url: str, *_: Any, **__: Any) -> SimpleNamespace:
            if url != ADDRESS:
                raise OSError(f"There is no network here: {name} {url}")
            return given

        return answer

    HttpRequester.__getattr__ = ask
    wanted = {"rocrate_uri": folder, "profile_identifier": "ro-crate-1.1", "requirement_severity": "RECOMMENDED", "no_cache": True}
    result = services.validate(wanted)
    found = [[issue.check.identifier, str(issue.violatingEntity), issue.message] for issue in result.get_issues()]
    print(json.dumps({"checks": len(result.executed_checks), "found": found}))


main(*sys.argv[1:])
