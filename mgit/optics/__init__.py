"""How the microscope changes an image: CTF, aberrations, weights, curvature, and sizes that follow.

Functions of plain numbers, arrays and tensors; docs/math/ctf.md, docs/math/aberrations.md and
docs/math/alias_free_size.md have the equations. Nothing here knows the repository or the geometry.
"""
