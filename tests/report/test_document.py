"""What a report says, whatever it is laid out as."""

from __future__ import annotations

from radiolens.prediction import BundleIdentity
from radiolens.report.content import ReportedImage
from radiolens.report.document import Document, FindingBlock, Heading, Paragraph, Pictures, Table, Terms, compose
from tests.report.reported import DISCLAIMER, answered, reader, report, volume


def said(document: Document) -> str:
    """Return headings, paragraphs and terms as text."""
    lines: list[str] = []
    for block in document.blocks:
        if isinstance(block, Heading | Paragraph):
            lines.append(block.text)
        if isinstance(block, Terms):
            lines += [f"{term}: {text}" for term, text in block.rows]
    return "\n".join(lines)


def test_the_disclaimer_stands_before_any_answer() -> None:
    first = compose(report()).blocks[:2]
    assert [block.text for block in first if isinstance(block, Paragraph)] == [DISCLAIMER]


def test_a_single_image_is_not_counted() -> None:
    assert "Image 1 of 1" not in said(compose(report()))


def test_findings_are_those_of_the_prediction_in_its_order() -> None:
    found = [block.line for block in compose(report()).blocks if isinstance(block, FindingBlock)]
    assert found == list(answered().findings)


def test_a_prediction_set_is_told_where_there_is_one() -> None:
    assert "Prediction set: may be present: tuberculosis" in said(compose(report()))
    assert "Prediction set" not in said(compose(report(answered(prediction_set=""))))


def test_a_hidden_answer_is_not_spoken_of() -> None:
    image = ReportedImage(1, "hidden", "")
    text = said(compose(report(image, answers=(), diagnoses=(), hidden=True)))
    assert "The network's answer is held back until then." in text
    assert "The network's answer is shown once the reader has committed an answer" in text


def test_without_a_reader_it_says_that_the_network_stands_alone() -> None:
    assert "What follows is the network's answer alone." in said(compose(report(answers=())))


def test_images_that_wait_or_failed_say_so() -> None:
    text = said(compose(report(ReportedImage(1, "waiting", ""), ReportedImage(2, "failed", ""))))
    assert "Not analysed yet" in text
    assert "nothing is known of this image" in text


def test_an_erased_picture_is_told() -> None:
    document = compose(report(answered(pictures=(), picture_note="The working copy was erased.")))
    assert not any(isinstance(block, Pictures) for block in document.blocks)
    assert "The working copy was erased." in said(document)


def test_confirmed_and_overridden_answers_are_told_apart() -> None:
    assert "Network's answer: confirmed" in said(compose(report(answers=(reader(agreed=True),))))
    assert "Network's answer: " not in said(compose(report(answers=(reader(agreed=None),))))


def test_an_imported_network_is_called_that() -> None:
    model = BundleIdentity("site", "1", "ab" * 32, calibrated=False)
    assert "Calibration: imported network, not calibrated" in said(compose(report(answered(model=model))))


def test_slices_are_counted_from_one_and_joined_by_label() -> None:
    (table,) = (block for block in compose(report(volume(3))).blocks if isinstance(block, Table))
    assert table.rows == (("1", "0.0 %, absent"), ("2", "33.3 %, present"), ("3", "66.7 %, absent"))
