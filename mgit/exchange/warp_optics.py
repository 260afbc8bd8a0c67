"""Fields of Warp's `<CTF>` node and of the 2 x 2 magnification."""

from collections.abc import Mapping

import numpy as np

from mgit.errors import InvalidState, Unsupported
from mgit.exchange.decimal_text import attribute_text, to_text
from mgit.exchange.records import GridValues
from mgit.exchange.warp_fields import Canonical, Field, Scope, number, vector
from mgit.exchange.xml_document import Edit, XmlDocument, XmlElement

__all__ = [
    "CtfCoefficients",
    "CtfConstant",
    "CtfNumber",
    "Magnification",
    "parameter",
    "parameters",
]


def parameters(document: XmlDocument, element: XmlElement) -> dict[str, XmlElement]:
    """The `<Param Name= Value= />` children by name. Raises InvalidInput for repeats."""
    found: dict[str, XmlElement] = {}
    for child in element.children:
        if child.tag != "Param":
            continue
        name = document.attribute(child, "Name")
        document.attribute(child, "Value")
        if name in found:
            raise document.fault(f"parameter '{name}' occurs twice", element)
        found[name] = child
    return found


def parameter(scope: Scope, label: str) -> XmlElement:
    """One parameter of the CTF node. Raises InvalidInput if it is absent."""
    document = scope.document
    element = document.child(document.root, "CTF")
    found = parameters(document, element).get(label)
    if found is None:
        raise document.fault(f"parameter '{label}' is missing", element)
    return found


class CtfNumber(Field):
    """A parameter of the CTF as a canonical decimal attribute."""

    place = "parameter"

    def __init__(self, label: str, name: str) -> None:
        self.label, self.names = label, (name,)

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: decimal string}`."""
        node = parameter(scope, self.label)
        return {
            self.names[0]: attribute_text(number(scope.document, node, node.attributes["Value"]))
        }

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Sets the parameter. Raises InvalidState when the value is gone."""
        value = wanted.get(self.names[0])
        if not isinstance(value, str):
            raise InvalidState("a parameter of the document has no value", field=self.names[0])
        return [
            scope.document.set_attribute(
                parameter(scope, self.label), "Value", to_text(float(value))
            )
        ]


class CtfConstant(Field):
    """A parameter of a movie's CTF as a canonical array of one value."""

    place = "parameter"

    def __init__(self, label: str, name: str, *, factor: int = 1) -> None:
        self.label, self.names, self.factor = label, (name,), factor

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: (1,) float64}`."""
        node = parameter(scope, self.label)
        value = number(scope.document, node, node.attributes["Value"], self.factor)
        return {self.names[0]: GridValues(values=np.array([value]))}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Sets the parameter."""
        value = vector(wanted.get(self.names[0]), self.label, 1)
        text = to_text(float(value[0]), self.factor)
        return [scope.document.set_attribute(parameter(scope, self.label), "Value", text)]


class CtfCoefficients(Field):
    """Zernike coefficients joined by ';'. An empty value means that all are zero."""

    place = "parameter"

    def __init__(self, label: str, name: str, *, length: int) -> None:
        self.label, self.names, self.length = label, (name,), length

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: (length,) float64}` in radians, or nothing when the list is empty.

        Raises InvalidInput for a shorter list, Unsupported for non-zero surplus in a longer one.
        """
        node = parameter(scope, self.label)
        text = node.attributes["Value"]
        if not text.strip():
            return {}
        values = [number(scope.document, node, part) for part in text.split(";")]
        if len(values) < self.length:
            raise scope.document.fault(
                f"{self.length} coefficients are needed", node, entries=len(values)
            )
        if any(values[self.length :]):
            raise Unsupported(
                "aberrations of a higher order cannot be applied",
                file=scope.document.file,
                node=self.label,
                coefficients=len(values),
            )
        return {self.names[0]: GridValues(values=np.array(values[: self.length]))}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Rewrites the coefficients that changed; the others keep their text."""
        node = parameter(scope, self.label)
        parts = [part for part in node.attributes["Value"].split(";") if part.strip()]
        parts = parts or ["0"] * self.length
        gone = GridValues(values=np.zeros(self.length))
        values = vector(wanted.get(self.names[0], gone), self.label, self.length)
        for place, value in enumerate(values):
            if np.float64(number(scope.document, node, parts[place])).tobytes() != value.tobytes():
                parts[place] = to_text(float(value))
        return [scope.document.set_attribute(node, "Value", ";".join(parts))]


class Magnification(Field):
    """`MagnificationCorrection`: M11, M21, M12, M22 there, `[[m11, m12], [m21, m22]]` here.

    Warp 1.0.9 wrote three numbers (scale x, scale y, angle); only the identity of these is read.
    """

    label = "MagnificationCorrection"
    place = "attribute"
    names = ("magnification",)

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{"magnification": (2, 2) float64}`."""
        values = self._numbers(scope)
        return {"magnification": GridValues(values=np.array(values).reshape(2, 2).T.copy())}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Rewrites the elements that changed; three numbers of an old file become four."""
        value = wanted.get("magnification", GridValues(values=np.eye(2)))
        if not isinstance(value, GridValues) or value.values.shape != (2, 2):
            raise InvalidState("the magnification is a 2 x 2 matrix", field=self.label)
        root = scope.document.root
        parts = root.attributes[self.label].split(",")
        old = self._numbers(scope)
        if len(parts) != 4:
            parts = ["1", " 0", " 0", " 1"]
        for place, number_ in enumerate(value.values.T.ravel()):
            if np.float64(old[place]).tobytes() != number_.tobytes():
                parts[place] = (" " if place else "") + to_text(float(number_))
        return [scope.document.set_attribute(root, self.label, ",".join(parts))]

    def _numbers(self, scope: Scope) -> list[float]:
        document = scope.document
        parts = document.attribute(document.root, self.label).split(",")
        values = [number(document, document.root, part) for part in parts]
        if len(values) == 3:
            if values != [1.0, 1.0, 0.0]:
                raise Unsupported(
                    "anisotropic magnification of Warp 1 cannot be applied",
                    hint="open the project in Warp 2 once, which converts it",
                    file=document.file,
                    node=self.label,
                )
            return [1.0, 0.0, 0.0, 1.0]
        if len(values) != 4:
            raise document.fault(f"attribute '{self.label}' needs 4 numbers", document.root)
        return values
