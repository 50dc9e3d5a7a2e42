import pytest


@pytest.fixture(autouse=True)
def quiet_svt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder of AV1 greets every film otherwise."""
    monkeypatch.setenv("SVT_LOG", "1")
