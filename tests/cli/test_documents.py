"""A server may be newer than the command line."""

import pytest

from orchestrator.cli.documents import read
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.journal import ReleaseState


def test_what_is_new_is_passed_over(states):
    state = states.release()
    document = state.model_dump(mode="json")
    document["moon"] = "full"
    document["steps"][1]["colour"] = "green"
    document["target"]["planet"] = "earth"
    assert read(ReleaseState, document) == state
    assert document["moon"] == "full"


def test_what_is_not_understood_is_told(states):
    document = {**states.release().model_dump(mode="json"), "phase": "DREAMING"}
    with pytest.raises(InvalidSpec, match=r"not understood .phase.*bring this `sluice` to the server's version"):
        read(ReleaseState, document)
