"""Reads a page as a browser does: elements, their text, and what has been escaped."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "path", "rect", "circle", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parts: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything that is read here, spaces folded."""
        words = [part if isinstance(part, str) else part.text for part in self.parts]
        return " ".join(" ".join(words).split())

    def all(self, tag: str = "", **wished: str) -> list["Element"]:
        """Elements below this one, in order; `class_` asks for one of the classes."""
        inner = [part for part in self.parts if isinstance(part, Element)]
        return [found for part in inner for found in ([part] * part.fits(tag, wished) + part.all(tag, **wished))]

    def one(self, tag: str = "", **wished: str) -> "Element":
        (found,) = self.all(tag, **wished)
        return found

    def fits(self, tag: str, wished: dict[str, str]) -> bool:
        asked = {name.rstrip("_").replace("_", "-"): value for name, value in wished.items()}
        classes = self.attributes.get("class", "").split()
        return tag in ("", self.tag) and all(
            value in classes if name == "class" else self.attributes.get(name) == value for name, value in asked.items()
        )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].parts.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        while len(self.open) > 1 and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read(html: str) -> Element:
    """Return the document."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.root
