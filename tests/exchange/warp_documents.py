"""Small Warp documents for tests, self-made after the documented layout; no program wrote them."""

CTF_VALUES = {
    "PixelSize": "1.5",
    "ZernikeCoeffsOdd": "0;0;0.25;0;0;0;0;0;0;0;0;0",
    "ZernikeCoeffsEven": "",
    "BeamTilt2": "1,0,1",
    "BeamTilt": "0,0",
    "PhaseShift": "0.25",
    "Scale": "1.0",
    "BfactorAngle": "0",
    "BfactorDelta": "0",
    "Bfactor": "0",
    "Amplitude": "0.07",
    "DefocusDelta": "0.05",
    "Defocus": "2.5",
    "DefocusAngle": "30",
    "Voltage": "300.0",
    "Cc": "2.7",
    "Cs": "2.7",
    "Distortion": "1, 0, 0, 1",
    "PixelSizeAngle": "0",
    "PixelSizeDeltaPercent": "0",
    "Thickness": "0",
}


def params(values, indent="\t\t"):
    return "".join(f'{indent}<Param Name="{n}" Value="{v}" />\n' for n, v in values.items())


def grid(tag, width, height, depth, values, duration=None):
    sizes = f'Width="{width}" Height="{height}" Depth="{depth}"'
    if duration is None:
        sizes += ' MarginX="0" MarginY="0" MarginZ="0"'
    else:
        sizes += f' Duration="{duration}"'
    nodes = []
    for place, value in enumerate(values):
        x, y, z = place % width, place // width % height, place // (width * height) % depth
        w = "" if duration is None else f' W="{place // (width * height * depth)}"'
        nodes.append(f'\t\t<Node X="{x}" Y="{y}" Z="{z}"{w} Value="{value}" />\n')
    return f"\t<{tag} {sizes}>\n{''.join(nodes)}\t</{tag}>\n"


TRIVIAL_TILT_GRIDS = {
    "GridAngleX": 0, "GridAngleY": 0, "GridAngleZ": 0, "GridDoseBfacs": 0,
    "GridDoseBfacsDelta": 0, "GridDoseBfacsAngle": 0, "GridDoseWeights": 1,
    "GridLocationBfacs": 0, "GridLocationWeights": 1,
}  # fmt: skip


def tilt_series(**replaced):
    """A series of 3 tilts; keyword arguments replace or, if None, remove parts by name."""
    lists = {
        "Angles": "-3\n0\n3.5", "Dose": "6\n0\n3", "UseTilt": "True\nFalse\nTrue",
        "AxisAngle": "84.5\n84.5\n84.5", "AxisOffsetX": "1.5\n-2\n0", "AxisOffsetY": "0\n0.25\n1",
        "MoviePath": "../frames/a.tif\n../frames/b.tif\n../frames/c.tif",
    }  # fmt: skip
    parts = {name: f"\t<{name}>{text}</{name}>\n" for name, text in lists.items()}
    options = {"PixelSize": "1.5", "GainPath": "gain.mrc", "GainFlipY": "True"}
    parts["OptionsCTF"] = f"\t<OptionsCTF>\n{params(options)}\t</OptionsCTF>\n"
    parts["CTF"] = f"\t<CTF>\n{params(CTF_VALUES)}\t</CTF>\n"
    parts["GridCTF"] = grid("GridCTF", 1, 1, 3, [2.5, 2.25, 2.75])
    parts["GridCTFDefocusDelta"] = grid("GridCTFDefocusDelta", 1, 1, 3, [0.05, 0.05, 0.06])
    parts["GridCTFDefocusAngle"] = grid("GridCTFDefocusAngle", 1, 1, 1, [30])
    parts["GridCTFPhase"] = grid("GridCTFPhase", 1, 1, 1, [0.25])
    parts["GridMovementX"] = grid("GridMovementX", 2, 2, 3, range(12))
    parts["GridMovementY"] = grid("GridMovementY", 1, 1, 1, [0])
    for axis in "XYZ":
        values = [0.5 * k for k in range(8)] if axis == "X" else [0]
        sizes = (2, 1, 2, values, 2) if axis == "X" else (1, 1, 1, values, 1)
        parts[f"GridVolumeWarp{axis}"] = grid(f"GridVolumeWarp{axis}", *sizes)
    for tag, value in TRIVIAL_TILT_GRIDS.items():
        parts[tag] = grid(tag, 1, 1, 1, [value])
    attributes = {
        "DataDirectory": "d", "AreAnglesInverted": "True", "PlaneNormal": "0, 0, 1",
        "LevelAngleX": "1.25", "LevelAngleY": "-2", "Bfactor": "-16", "Weight": "0.5",
        "MagnificationCorrection": "1.01, 0.002, 0.003, 0.99", "UnselectFilter": "False",
        "UnselectManual": "", "CTFResolutionEstimate": "4.8",
    }  # fmt: skip
    return assemble("TiltSeries", attributes, parts, replaced)


def movie(**replaced):
    """A frame series with a pyramid of two levels."""
    parts = {"CTF": f"\t<CTF>\n{params(CTF_VALUES)}\t</CTF>\n"}
    parts["GridCTF"] = grid("GridCTF", 2, 1, 1, [1.5, 1.75])
    parts["GridCTFPhase"] = grid("GridCTFPhase", 1, 1, 1, [0.25])
    parts["GridCTFDoming"] = grid("GridCTFDoming", 1, 1, 2, [0, 0.01])
    parts["GridMovementX"] = grid("GridMovementX", 1, 1, 3, [0, 1, 2])
    parts["GridMovementY"] = grid("GridMovementY", 1, 1, 3, [0, -1, -2])
    parts["GridLocalMovementX"] = grid("GridLocalMovementX", 1, 1, 1, [0])
    parts["GridLocalMovementY"] = grid("GridLocalMovementY", 1, 1, 1, [0])
    for axis in "XY":
        levels = [grid(f"PyramidShift{axis}", 1, 1, 2, [1, 2])]
        levels.append(grid(f"PyramidShift{axis}", 2, 2, 1, [3, 4, 5, 6]))
        parts[f"PyramidShift{axis}"] = "".join(levels)
    parts["GridDoseWeights"] = grid("GridDoseWeights", 1, 1, 1, [1])
    attributes = {
        "UnselectFilter": "True", "UnselectManual": "null", "CTFResolutionEstimate": "3.1",
        "MeanFrameMovement": "1.2", "MaskPercentage": "0", "Bfactor": "0", "Weight": "1",
        "MagnificationCorrection": "1, 0, 0, 1",
    }  # fmt: skip
    return assemble("Movie", attributes, parts, replaced)


def assemble(root, attributes, parts, replaced):
    for name, value in replaced.items():
        target = attributes if name in attributes or name.endswith("Angstrom") else parts
        if value is None:
            del target[name]
        else:
            target[name] = value
    head = "".join(f' {name}="{value}"' for name, value in attributes.items())
    body = f"<{root}{head}>\n{''.join(parts.values())}</{root}>"
    return b"\xef\xbb\xbf" + f'<?xml version="1.0" encoding="utf-8"?>\n{body}'.encode()


def ctf(**values):
    """A CTF node with some parameters replaced or, if None, removed."""
    merged = {**CTF_VALUES, **values}
    return f"\t<CTF>\n{params({n: v for n, v in merged.items() if v is not None})}\t</CTF>\n"
