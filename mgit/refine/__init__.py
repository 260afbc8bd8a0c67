"""The optimiser: images, poses, deformation and optics of one series in, better ones out.

Everything works on plain values (`mgit.refine.inputs`); nothing here knows the repository.
docs/math/target.md, docs/math/optimiser.md and docs/math/gauges.md have the equations.
"""
