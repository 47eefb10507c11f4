import pytest

from primum.errors import PrimumError
from primum.report import language as languages
from primum.report.language import Language
from primum.report.say import say, speaking, spoken


@pytest.fixture
def two(monkeypatch):
    """Two languages with two texts, a third that has the pages only."""
    held = {
        "en": {"main.hello": "Hello, {who}", "common.none": "none"},
        "nl": {"main.hello": "Dag {who}", "common.none": "geen"},
        "de": {"common.none": "keine"},
    }
    monkeypatch.setattr("primum.report.say.language", lambda code: Language(code, held[code]))
    monkeypatch.setattr("primum.report.say.languages", lambda: tuple(held))


@pytest.mark.usefixtures("two")
def test_english_until_another_is_asked_for_and_english_again():
    assert say("hello", who="you") == "Hello, you"
    with speaking("nl") as own:
        assert (say("hello", who="u"), spoken().code, own.code) == ("Dag u", "nl", "nl")
        with speaking("en"):
            assert say("hello", who="you") == "Hello, you"
        assert say("hello", who="u") == "Dag u"
    assert spoken().code == "en"


@pytest.mark.usefixtures("two")
def test_a_language_with_the_pages_only_is_refused_for_the_report():
    with pytest.raises(PrimumError, match=r"not written in 'de': it lacks 1 of its texts") as told, speaking("de"):
        pytest.fail("it spoke")
    assert "en, nl" in str(told.value)
    assert "main.hello" in str(told.value)
    assert spoken().code == "en"


def test_an_unknown_language_is_refused():
    with pytest.raises(PrimumError, match="Nothing is written in 'xx'"), speaking("xx"):
        pytest.fail("it spoke")


def test_english_is_whole():
    with speaking("en") as own:
        assert sum(k.startswith("main.") for k in own.texts) > 1000
    assert "en" in languages.languages()
