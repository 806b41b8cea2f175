"""What the page is made of; ``template.html`` says how each looks."""

from dataclasses import dataclass, field


@dataclass
class Picture:
    """A figure as a data URI.

    Attributes
    ----------
    uri : str
        ``data:image/...``.
    alt : str
        What it shows, for those who do not see it.
    width : int
        Pixels that it was drawn for.
    caption : str
        Below it; may be empty.
    """

    uri: str
    alt: str
    width: int
    caption: str = ""
    kind = "picture"

    @property
    def least_width(self):
        """Pixels below which it cannot be read, and scrolls in its box."""
        return min(self.width, max(420, round(0.65 * self.width)))


@dataclass
class Table:
    """Rows of text, the first column their headings."""

    header: list
    rows: list
    caption: str = ""
    kind = "table"


@dataclass
class Snippet:
    """HTML that others made and escaped, such as the diagram of scikit-learn."""

    html: str
    name: str
    kind = "snippet"


@dataclass
class Paragraph:
    """A sentence or two."""

    text: str
    kind = "paragraph"


@dataclass
class Cell:
    """One cell of the caller's table, as the page shows it.

    Attributes
    ----------
    kind : {"image", "audio", "text", "series", "values", "missing", "broken"}
        How it is shown.
    content : object
        Of an image or sound the data URI, of a text the string, of a series one list
        of points ``"x,y x,y"`` for each stretch of a channel, of values
        (name, value) pairs, else why there is nothing.
    note : str
        Below it, such as the size of an image.
    """

    kind: str
    content: object = ""
    note: str = ""


@dataclass
class Example:
    """One row of the caller's table."""

    heading: str
    verdict: str
    cells: list  # of (modality, Cell)
    words: list = field(default_factory=list)  # of (modality, [(word, share), ...])
    picture: Picture | None = None


@dataclass
class Examples:
    """Rows of the caller's table, one below the other."""

    examples: list
    kind = "examples"


@dataclass
class Section:
    """A part of the page.

    Attributes
    ----------
    name : str
        As in the parameter ``sections`` of the report.
    title : str
        Its heading.
    lead : str
        What it shows; or, where it is left out, why.
    blocks : list
        Of the classes above. Empty where it is left out.
    is_half : bool
        Whether half the width of a large screen is enough.
    """

    name: str
    title: str
    lead: str
    blocks: list = field(default_factory=list)
    is_half: bool = False

    @property
    def is_left_out(self):
        """Whether there is nothing to show."""
        return not self.blocks
