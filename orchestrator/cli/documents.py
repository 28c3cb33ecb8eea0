"""Documents of a server that may be newer: what it says beside what is known here is passed over."""

import copy
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.domain.errors import InvalidSpec

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], document: Any) -> M:
    """Return the document as `model`. Raises InvalidSpec for one that lacks or changes what is known."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        known = copy.deepcopy(document)
        for fault in error.errors():
            if fault["type"] == "extra_forbidden":
                _take_out(known, fault["loc"])
    try:
        return model.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidSpec(
            f"the server's answer is not understood ({'.'.join(map(str, first['loc']))}: {first['msg']}): bring this "
            "`sluice` to the server's version"
        ) from None


def _take_out(document: Any, place: tuple[int | str, ...]) -> None:
    *above, last = place
    for part in above:
        document = document[part]
    if isinstance(document, dict):
        document.pop(last, None)
