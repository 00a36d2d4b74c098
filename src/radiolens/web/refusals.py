"""Why an image or a request was refused, and what is odd about a file, in the language of the page.

What a refusal or a remark says comes in English from a child process, from a stored prediction, from the work list or
the storage: a finished text. Here its sentences are known again by their patterns and said in the language of the
request. `tests/web/test_refusals.py` looks up every refusal and every remark of the source.
"""

from __future__ import annotations

import re
from functools import cache

from radiolens.locale.languages import ENGLISH, current_language
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import listed, percent
from radiolens.quality import ADVICE
from radiolens.tasks import TASKS

__all__ = ["PHRASES", "SENTENCES", "told"]

SENTENCES = (
    # What the gate found.
    N_("The picture looks like %(kind)s; %(task)s expects %(expected)s."),
    N_("The picture is not clearly %(expected)s; it looks most like %(kind)s (%(percent)s)."),
    N_("The picture is coloured (mean saturation %(percent)s); films and slices are grey."),
    N_("No picture that the gate learnt from looks like this."),
    N_("No picture that the network learnt from looks like this."),
    N_("Black and white look exchanged (%(percent)s sure)."),
    N_("The picture does not look upright (%(percent)s sure)."),
    N_("A part of the lungs or of the head looks cut off (%(percent)s sure)."),
    N_("The picture uses only %(percent)s of the grey scale."),
    N_("All pixels have the same value."),
    N_("%(percent)s of the body are clipped to white."),
    N_("Only %(percent)s of the picture are white as bone is in a brain window, so blood would hardly be seen."),
    N_(
        "What lies around the film takes %(percent)s or more of each side, as in a photograph of a screen or of a "
        "light box."
    ),
    N_("The patient is %(age)s years old; %(findings)s is meant from %(youngest)s on."),
    N_("The image has %(columns)s x %(rows)s pixels; at least %(least)s on each side are needed."),
    N_("The file says modality %(modality)s; %(task)s expects %(expected)s."),
    N_("The file says body part %(part)s; %(task)s expects %(expected)s."),
    N_("The file says view %(view)s; %(task)s expects a frontal film."),
    N_("The file says that the series is %(sequence)s; %(task)s is meant for T1 after contrast."),
    N_("The file says in Contrast/Bolus Agent that contrast was given; %(task)s is meant for slices without it."),
    N_("The file says that it is a localizer; %(task)s expects slices."),
    N_(
        "The values reach from %(low)s to %(high)s and the file does not say that they are Hounsfield units; %(task)s "
        "needs these, or a picture in the brain window."
    ),
    N_("The file says FOR PROCESSING: it is the raw film, which nobody reads."),
    N_("The file says %(told)s, which fits no single study."),
    N_("The file does not say what kind of examination it is."),
    N_("No gate network looked at the picture itself."),
    N_("The picture looks like %(kind)s, for which there are several studies."),
    N_("The picture looks most like %(kind)s (%(percent)s)."),
    N_("The picture looks like %(kind)s."),
    N_("%(task)s has no released network."),
    N_("These answer it where they are named: %(names)s."),
    # What the readers found.
    N_("The zip archive has %(found)s members; at most %(most)s are read."),
    N_("The zip archive has %(found)s MB; at most %(most)s MB are read."),
    N_("The zip archive becomes larger than allowed; at most %(most)s MB with all that it holds are read."),
    N_("The zip archive is compressed more than any image; at most %(most)s times are read."),
    N_("The zip archive holds no file."),
    N_("The zip archive is damaged or incomplete."),
    N_("%(name)s in the zip archive is encrypted."),
    N_("%(name)s in the zip archive is compressed by method %(method)s; only deflate is read."),
    N_("The image holds values that are no numbers."),
    N_("The picture holds values that are no numbers."),
    N_("The series has %(found)s slices; at most %(most)s are read."),
    N_("The series has %(found)s files; at most %(most)s are read."),
    N_("The files differ in the unit of their values."),
    N_("The files differ in %(keyword)s: they are not one series."),
    N_("%(count)s slices of %(columns)s x %(rows)s pixels are too many to read at once."),
    N_("%(count)s pages of %(columns)s x %(rows)s pixels are too many to read at once."),
    N_("The transfer syntax %(name)s cannot be decoded."),
    N_("File %(number)s of %(count)s of the series cannot be read."),
    N_("One of the files is not DICOM, the others are."),
    N_("Sequences are nested more than %(most)s deep."),
    N_("The DICOM file is damaged or incomplete."),
    N_("The DICOM file does not state %(keyword)s."),
    N_("%(keyword)s in the DICOM file is not a usable number, so it cannot be decoded."),
    N_("The DICOM file holds no image (%(kind)s)."),
    N_("The image has %(columns)s x %(rows)s pixels: too small to be one."),
    N_(
        "The file declares %(found)s frames of %(columns)s x %(rows)s pixels; at most %(most)s frames of %(millions)s "
        "million values are read."
    ),
    N_(
        "The file is incomplete and its image cannot be decoded: the header declares %(expected)s bytes of pixels, "
        "%(found)s are there."
    ),
    N_("HighBit is %(high)s, with %(stored)s bits stored."),
    N_("The pixels cannot be decoded (%(syntax)s): they are damaged, or the header does not fit them."),
    N_("The colour palette is damaged."),
    N_("RescaleSlope is 0, which makes the image blank."),
    N_("A look-up table is not described."),
    N_("A look-up table has %(found)s of %(expected)s entries."),
    N_("The file could not be decoded (%(kind)s)."),
    N_("The file could not be decoded."),
    N_("The file is nested too deeply."),
    N_("The file needs more memory than one file may take."),
    N_("The file is %(kind)s."),
    N_("The file is empty."),
    N_("This is the header of a two-file NIfTI image."),
    N_("The file begins as %(kind)s and is not read as DICOM."),
    N_("The compressed file is incomplete."),
    N_("The compressed file is damaged."),
    N_("The compressed file becomes larger than %(most)s MB."),
    N_("The NIfTI file has the shape %(shape)s; expected a volume of slices."),
    N_("The NIfTI file holds values of type %(kind)s; expected numbers."),
    N_("The volume of %(shape)s voxels is too large."),
    N_(
        "The NIfTI file is damaged or incomplete: its header declares %(declared)s bytes of voxels, the file has "
        "%(found)s."
    ),
    N_("The NIfTI file is damaged or incomplete."),
    N_("The NIfTI file does not say how the patient lay."),
    N_("The NIfTI file holds no numbers."),
    N_("The slices have %(columns)s x %(rows)s pixels: too small to be images."),
    N_("The file has more than %(most)s pages, which is the most that is read."),
    N_("The pages of the TIFF file differ in size."),
    N_("The picture has %(columns)s x %(rows)s pixels, which is too small to be a medical image."),
    N_("The picture has far more than %(most)s million pixels."),
    N_("The picture has %(columns)s x %(rows)s pixels."),
    N_("At most %(most)s million pixels are read."),
    N_("The %(format)s file is damaged or incomplete."),
    N_("The %(format)s file is damaged, or of a kind that is not read."),
    N_("The TIFF file stores its planes apart in a way that is not read."),
    N_("The file is a %(format)s archive where an image was expected."),
    N_("The file made its decoder fail."),
    N_("Reading the file took longer than %(seconds)s s (%(computing)s s of computing), which no ordinary image does."),
    N_("The input has %(found)s MB; at most %(most)s MB are read."),
    N_("The input has more than %(most)s MB, which is the most that is read."),
    # What the readers remark on a file that they could read.
    N_("The slices are not parallel; they are in the order of InstanceNumber."),
    N_("Several slices lie at the same position, as in a perfusion series."),
    N_("A CT whose values are not stated to be Hounsfield units."),
    N_("A localizer of a CT, not a slice."),
    N_("The file says that text is burnt into the image."),
    N_("Raw detector data (FOR PROCESSING), not the processed film a radiologist sees; no window was applied."),
    N_("A window of width %(width)s was ignored."),
    N_("The window function is unknown; LINEAR was used."),
    N_("The header contradicts itself (MONOCHROME1, but IDENTITY); the image was inverted, as for MONOCHROME1."),
    N_("Of %(count)s volumes the first was read."),
    N_("Voxels that are no numbers were set to the lowest value."),
    N_("The NIfTI file says in two ways how the patient lay, and they differ; the sides are not shown."),
    # What pydicom remarks most often: values that the standard does not allow, of which none is quoted.
    N_("Invalid value for VR %(vr)s: (a value)."),
    N_("Please see <%(address)s> for allowed values for each VR."),
    N_("The value length (%(found)s) exceeds the maximum length of %(most)s allowed for VR %(vr)s."),
    # What the work list and the storage answer.
    N_("The case is closed."),
    N_("There is no case of this number."),
    N_("The case has no such image."),
    N_("The network's answer is not revealed yet."),
    N_("The network's answer is not revealed yet, so it can be neither confirmed nor overridden."),
    N_("The network's answer is overridden without a reason."),
    N_("The network has answered nothing of what is judged, so its answer can be neither confirmed nor overridden."),
    N_("The network's answer is confirmed, but not every finding is judged as the network does."),
    N_("The network's answer is overridden, but every finding is judged as the network does."),
    N_("The image was erased, as the site's rules have it."),
    N_("The image and its heat maps were erased, as the site's rules have it."),
    N_("Only its results are kept."),
    N_("The heat maps of this image cannot be opened; a power cut may have damaged them."),
    N_("The answer holds."),
    N_("Images of this case still wait to be judged."),
    N_("A reason or comment may have %(most)s characters."),
    N_("Name the test in 1 to %(most)s characters, for instance Xpert."),
    N_("Expected findings among %(known)s; found %(found)s."),
    N_("A working copy is damaged."),
    N_("A working copy cannot be read (%(reason)s)."),
    N_("A working copy cannot be erased (%(reason)s)."),
    N_("A file of the working store is no working copy."),
    N_("The heat maps of an image are damaged."),
    N_("The disk of the working store (%(folder)s) is full, so nothing was stored."),
    N_("The working store (%(folder)s) cannot be written (%(reason)s), so nothing was stored."),
    N_("The images of the site take %(taken)s MB, and this upload %(more)s MB more; the site allows %(most)s MB."),
    N_("%(place)s: too many requests use the database at once."),
    N_("%(place)s: another program holds the database (%(reason)s)."),
    N_("%(place)s: the disk is full."),
    N_("%(place)s: the server's disk is full (%(reason)s)."),
    N_("Nothing was changed."),
    N_("Go back to the work list."),
    N_("Send the image again to see where the network looked."),
    N_("Commit an answer of your own first."),
    N_("Say why."),
    N_("Leave agreed out."),
    N_("Correct agreed, or leave it out: it follows from presence."),
    N_("Shorten it."),
    N_("Wait for them, or erase them."),
    N_("Check the disk."),
    N_("Have the image sent again, and check the disk."),
    N_("Run: radiolens doctor"),
    N_("Close cases that are done, then send it again."),
    N_("Close cases that are done, or free some room, then try again."),
    N_("Free some space, then try again; `radiolens doctor` tells how much there is."),
    N_("Try again."),
    N_("Try again in a moment."),
    N_("Free some space there."),
    N_("Try again in a moment; if it stays, end the other program: a backup, a copy, or an open database browser."),
    # What to do, where it is not the advice of the code (quality.py).
    N_("Send the processed film (FOR PRESENTATION) of the same examination."),
    N_("Send the T1-weighted series after contrast, or have it read by a radiologist."),
    N_("Send the slices, without the overview."),
    N_("Send the series without contrast, or have it read by a radiologist."),
    N_("Cut away what lies around the film, or send the film itself as DICOM."),
    N_("Send the DICOM files, or a picture in the brain window (centre 40, width 80 to 140)."),
    N_("Send the original CT series with its rescale values (RescaleSlope and RescaleIntercept)."),
    N_("Send it in parts."),
    N_("Send a part of it."),
    N_("Send a part of them."),
    N_("Send a part."),
    N_("Send less, or uncompressed."),
    N_("Send the original."),
    N_("Send fewer slices, or export it compressed."),
    N_("Send fewer or smaller images."),
    N_("Send each kind of image by itself."),
    N_("Send each series by itself."),
    N_("Send pictures one by one."),
    N_("Send them as separate pictures."),
    N_("Send the image files, not reports or plans."),
    N_("Send DICOM, NIfTI, PNG, JPEG or TIFF."),
    N_("Pack the images again."),
    N_("Pack it again."),
    N_("Pack it again without a password."),
    N_("Pack it again as an ordinary zip."),
    N_("Unpack it first."),
    N_("Export it again, as PNG of 8 or 16 bits."),
    N_("Export it again from its source."),
    N_("Export it again from its source, or smaller."),
    N_("It is damaged: export it again from its source."),
    N_("Export it again from the PACS."),
    N_("Export it again as DICOM, PNG or JPEG."),
    N_("Export it smaller."),
    N_("Export it smaller, or as fewer images."),
    N_("Export or compress it again."),
    N_("Export the image again from the PACS."),
    N_("Export the image again from the PACS, uncompressed."),
    N_("Export the image again from its source."),
    N_("Export the image uncompressed or as JPEG 2000."),
    N_("Convert it again."),
    N_("Convert it again from DICOM."),
    N_("Convert it to grey values."),
    N_("Convert the pair to one .nii file."),
)
"""The sentences of which refusals and remarks are made, with a name for each value."""

PHRASES = (
    # Kinds of picture (safety/appearance.py) and of MR series (safety/mr_sequence.py).
    N_("a frontal chest film"),
    N_("a lateral chest film"),
    N_("an MR of the head"),
    N_("a CT of the head"),
    N_("neither a frontal chest film nor an MR or CT of the head"),
    N_("T1-weighted without contrast"),
    N_("T2-weighted"),
    N_("proton density-weighted"),
    N_("susceptibility- or T2*-weighted"),
    N_("diffusion-weighted"),
    N_("a perfusion series"),
    N_("an angiography"),
    N_("a spectroscopy"),
    N_("a localizer"),
    # Kinds of file (imaging/formats.py).
    N_("a Windows program"),
    N_("a Linux program"),
    N_("a script"),
    N_("a zip archive"),
    N_("a PDF document"),
    N_("a GIF picture"),
    N_("a WebP picture or another RIFF file"),
    N_("a JPEG 2000 picture outside of DICOM"),
    N_("an HDF5 file, as networks are stored in"),
    N_("an NRRD volume"),
    N_("an SVG drawing"),
    N_("a text with markup, such as a web page"),
    N_("a text, such as JSON"),
    N_("a RAR archive"),
    N_("a 7-Zip archive"),
    N_("no known image"),
)
"""What stands in place of a value and is itself to be translated, besides the titles of the tasks."""

_NAME = re.compile(r"%\\\((\w+)\\\)s")  # a value, in an escaped sentence
_PERCENT = re.compile(r"(?P<over>over )?(?P<number>\d+)%")


def told(message: str) -> str | None:
    """Return a refusal or a remark in the language of this request, None if a sentence of it is not known."""
    sentences, rest = [], message.strip()
    if current_language() == ENGLISH:
        return rest
    while rest:
        matches = ((sentence, pattern.match(rest)) for sentence, pattern in _patterns())
        found = next(((sentence, match) for sentence, match in matches if match), None)
        if found is None:
            return None
        sentence, match = found
        sentences.append(_(sentence, **{name: _value(name, text) for name, text in match.groupdict().items()}))
        rest = rest[match.end() :].lstrip()
    return " ".join(sentences)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each known sentence with the pattern that knows it, what is written out before what has values."""
    reasons = [label.why_unreleased for task in TASKS for label in task.labels if label.why_unreleased]
    known = sorted((*ADVICE.values(), *reasons, *SENTENCES), key=lambda sentence: "%(" in sentence)
    return tuple((sentence, _pattern(sentence)) for sentence in dict.fromkeys(known))


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(_NAME.sub(r"(?P<\1>.+?)", re.escape(sentence)) + r"(?=\s|$)", re.DOTALL)


def _value(name: str, text: str) -> str:
    """Return a value as the language writes it: a share, alternatives, a kind of picture; all else as it is."""
    if name == "percent" and (share := _PERCENT.fullmatch(text)):
        written = percent(int(share["number"]) / 100)
        return _("over %(percent)s", percent=written) if share["over"] else written
    if name == "expected":
        return listed([_(part) for part in text.split(" or ")], "or")
    if name == "findings":
        return listed([_(part).lower() for part in text.split(" and ")])
    return _(text)
