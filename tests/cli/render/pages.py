"""Reading a page as a browser would, with the standard library only."""

from html.parser import HTMLParser

VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Elements with their attributes and the text of a page; refuses what is not balanced."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self._open = [], "", []
        self.feed(text)
        self.close()
        assert self._open == [], self._open

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open, tag
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def tags(self):
        """Names of the elements that there are."""
        return {tag for tag, _ in self.elements}

    def addresses(self):
        """Everything that an attribute could make a browser ask for."""
        return [
            value
            for _, attributes in self.elements
            for name, value in attributes.items()
            if name in {"href", "src", "srcset", "action", "data", "poster", "xlink:href"}
        ]
