"""Independent opinions on what we emit: pyrofile-validator with the R4 definitions, npm fhirpath with R4's invariants.

Their known false errors are listed here, each with the reason; everything else is an error of ours.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyrofile_validator.config import ValidatorConfig
from pyrofile_validator.core.engine import Validator

from tests.fhir_mappings import definitions

NODE = Path(__file__).parents[2] / ".venv" / "bin" / "node"
INVARIANTS = Path(__file__).with_name("invariants.mjs")

FALSE_ERRORS = (
    # The definitions hold the code systems of 2019; HL7 terminology has these codes today.
    r"terminology\.code-system .* Code '(MLTRAINING|AIAST|DICTAST)' is not valid in code system \S+",
    # pyrofile looks for an element that is literally called "content[x]" or "value[x]" below the first level ...
    r"cardinality\.min (Communication\.payload|AuditEvent\.entity\[0\]\.detail|Questionnaire\.item\[\d+\]\.answer\w+)"
    r"\[\d+\]\.(content|value)\[x\] .* is required",
    # ... and counts the values of all items together where each item may have one.
    r"profile\.element\.cardinality\.max (Questionnaire\.item\.answerOption|QuestionnaireResponse\.item\.answer)"
    r"\.value\[x\] Profile allows at most 1 .*",
    # The Questionnaire is not in the same file; a server may hold it.
    r"questionnaire\.unresolved QuestionnaireResponse\.questionnaire .* could not be resolved",
)
"""What pyrofile-validator 0.3.0 says wrongly, each as a pattern of "code path message"."""


@cache
def _validator() -> Validator:
    with TemporaryDirectory() as folder:
        definitions.write_package(Path(folder))
        return Validator(ValidatorConfig(local_package_paths=[folder]))


def pyrofile_errors(resource: dict[str, Any]) -> list[str]:
    """List what pyrofile-validator calls an error, but for its known false ones: "code path message"."""
    said = [f"{issue.code} {issue.path} {issue.message}" for issue in _validator().validate_resource(resource).errors]
    return [each for each in said if not any(re.fullmatch(pattern, each) for pattern in FALSE_ERRORS)]


def broken_invariants(resources: Mapping[str, dict[str, Any]]) -> list[str]:
    """List the invariants of R4 that resources break, as "name path key"; one node process for all.

    Raises AssertionError if an invariant could not be evaluated, or none was.
    """
    told = json.dumps({"definitions": definitions.invariants(), "resources": resources})
    answer = subprocess.run([NODE, INVARIANTS], input=told, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(answer.stdout)
    assert found["unable"] == []
    assert found["checked"] > 10 * len(resources)
    return [f"{each['name']} {each['path']} {each['key']}" for each in found["broken"]]
