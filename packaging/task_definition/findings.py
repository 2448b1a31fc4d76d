"""What is said of a task definition: mistakes, which fail, and notes, which do not."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    place: str  # a path in the definition, such as containerDefinitions[1].essential
    text: str  # what is wrong, what was expected, and the mend
    is_note: bool = False

    def __str__(self):
        return f"{self.place}: {'note: ' if self.is_note else ''}{self.text}"


class Findings:
    """Collects them in the order in which they are found, each once."""

    def __init__(self):
        self.all = []

    def mistake(self, place, text):
        self._add(Finding(place, text))

    def note(self, place, text):
        self._add(Finding(place, text, is_note=True))

    def followed_by(self, others):
        for finding in others.all:
            self._add(finding)
        return self

    def _add(self, finding):
        if finding not in self.all:
            self.all.append(finding)

    @property
    def mistakes(self):
        return [finding for finding in self.all if not finding.is_note]
