"""Where every particle is seen: rotations, deformation grids, trajectories, series geometry.

Everything that the optimiser moves is differentiable in torch; docs/math/geometry.md and
docs/math/grids.md have the equations. Nothing here reads files or knows the repository.
"""
