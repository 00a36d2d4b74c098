"""What the help says to each role, in the order in which things are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from radiolens.locale.translate import N_
from radiolens.web.accounts.principal import Role

__all__ = ["GUIDES", "Guide", "Step", "Topic"]


@dataclass(frozen=True)
class Step:
    """One thing to do or to know; `command` is what to type for it, `path` the page on which it is done."""

    text: str
    command: str = ""
    path: str = ""


@dataclass(frozen=True)
class Topic:
    """A question of a role, answered in steps; `numbered` where their order counts."""

    title: str
    steps: tuple[Step, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Guide:
    """The help of one role; its texts are said by `_`."""

    role: Role
    title: str
    summary: str
    topics: tuple[Topic, ...]


_CLINICIAN = Guide(
    Role.CLINICIAN,
    N_("Help for clinicians"),
    N_("You read the image. The network is a second reader: it may see what you missed, and miss what you see."),
    (
        Topic(
            N_("Read a case"),
            (
                Step(
                    N_("Add images on the work list: files, a folder or a zip. Files of one patient become one case."),
                    path="/cases",
                ),
                Step(N_("Open a case. The most urgent stand first.")),
                Step(N_("Read the image yourself, before you look at numbers and colours. Its keys stand below it.")),
                Step(N_("Compare with the network. Agree, or say what you see differently, and why.")),
                Step(N_("Make the report. Attach the final diagnosis once it is known, for instance by Xpert.")),
                Step(N_("Close the case. Its images are erased; answers and results stay.")),
            ),
            numbered=True,
        ),
        Topic(
            N_("What the words mean"),
            (
                Step(N_("Suspected: the threshold is reached, and the absence of the finding is no possible answer.")),
                Step(N_("Not found: what was looked for was not found. It never means that the patient is healthy.")),
                Step(N_("Undecided: the network cannot tell. Decide yourself, or refer the patient.")),
                Step(N_("Not analysed: the image was refused. Why, and what to do next, stands beside it.")),
            ),
        ),
        Topic(
            N_("Numbers and colours"),
            (
                Step(N_("A percentage is the network's estimate of how likely the finding is in this image.")),
                Step(N_("The mark on the bar is the threshold from which on the finding is called.")),
                Step(N_("Possible answers are those that cannot be ruled out. If there are several, none is chosen.")),
                Step(
                    N_("The heat map shows what raised the score, not where disease ends. It is off until you want it.")
                ),
            ),
        ),
        Topic(
            N_("When not to believe it"),
            (
                Step(N_("The limits beside each answer are those that concern this patient. Read them.")),
                Step(N_("Tuberculosis is not judged in patients younger than 15 years.")),
                Step(N_("Only what is named is looked for. A tumour, a fracture or an effusion is not told.")),
                Step(N_("It is not a medical device. Where patient and number disagree, believe the patient.")),
            ),
        ),
    ),
)

_RESEARCHER = Guide(
    Role.RESEARCHER,
    N_("Help for researchers"),
    N_("You find out how good readers and networks are on this site's patients, and plan its thresholds."),
    (
        Topic(
            N_("Compare readers and network"),
            (
                Step(N_("Ask for second-reader mode: readers answer first, or their answers are not their own.")),
                Step(N_("See that each case gets its final diagnosis, by a test that does not depend on the image.")),
                Step(
                    N_("The page shows sensitivity and specificity of reader, network and both, with their intervals."),
                    path="/comparison",
                ),
            ),
            numbered=True,
        ),
        Topic(
            N_("Plan a threshold"),
            (
                Step(N_("Collect cases with and without the finding as they come, not only the clear ones.")),
                Step(
                    N_("Move the slider, see what is found and what is called in vain, and save it for the site."),
                    path="/thresholds",
                ),
                Step(
                    N_("A threshold holds for one network only. A new version switches it off, and the page says so.")
                ),
            ),
            numbered=True,
        ),
        Topic(
            N_("Take data out"),
            (
                Step(N_("The table (CSV) on the work list has one line for each image and finding."), path="/cases"),
                Step(N_("A case can be had as JSON from its page. Neither holds names or file names.")),
                Step(N_("Programs use the interface with a token from the page of your account."), path="/account"),
            ),
        ),
        Topic(
            N_("Know the networks"),
            (
                Step(
                    N_("Each model has a card and evidence: on whom it was measured, and where it fails."),
                    path="/models",
                ),
            ),
        ),
    ),
)

_ADMINISTRATOR = Guide(
    Role.ADMINISTRATOR,
    N_("Help for administrators"),
    N_("You keep the accounts, the models and the computer. You need not see patients, and by this role you do not."),
    (
        Topic(
            N_("Before the first patient"),
            (
                Step(N_("Let the program look at its own installation."), "radiolens doctor"),
                Step(
                    N_("Make an account for each person. Nobody shares one: the audit log names who did what."),
                    path="/users",
                ),
                Step(N_("Decide about second-reader mode and how long images are kept."), path="/site"),
                Step(N_("Let other computers in over HTTPS only; docs/accounts.md of the program says how.")),
            ),
            numbered=True,
        ),
        Topic(
            N_("Every week"),
            (
                Step(N_("Make a backup, and keep it on another disk."), "radiolens db backup FILE"),
                Step(N_("Check that nobody changed the audit log."), "radiolens audit verify"),
                Step(N_("Look at who was locked out, and switch off accounts of people who left."), path="/users"),
            ),
        ),
        Topic(
            N_("A new model"),
            (
                Step(N_("Verify it, read its card, and let it run in the shadow beside the old one."), path="/models"),
                Step(N_("Compare the two, activate the better one, and roll back if it disappoints.")),
                Step(N_("Have the site's thresholds planned anew: those of the old model do not hold for it.")),
            ),
            numbered=True,
        ),
        Topic(
            N_("What is kept of patients"),
            (
                Step(
                    N_("Results, decisions and readers' answers under a random number. Never names, never file names.")
                ),
                Step(
                    N_("Images are encrypted while a case is open, and erased when it is closed or its time is over.")
                ),
                Step(
                    N_("De-identified copies, only if the site keeps them; text that is burnt in cannot be taken out."),
                    "radiolens kept list",
                    path="/site",
                ),
                Step(
                    N_("The key lies outside of the database and its backups. Without it open images cannot be read.")
                ),
            ),
        ),
        Topic(
            N_("When something fails"),
            (
                Step(N_("A locked name, or a forgotten password:"), "radiolens users unlock NAME"),
                Step(N_("The program does not start, or answers with an error:"), "radiolens doctor"),
                Step(N_("After an upgrade of the program:"), "radiolens db upgrade"),
            ),
        ),
    ),
)

GUIDES: Mapping[Role, Guide] = MappingProxyType(
    {guide.role: guide for guide in (_CLINICIAN, _RESEARCHER, _ADMINISTRATOR)}
)
