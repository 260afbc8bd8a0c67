"""Maps: sums into reconstructions, symmetry, FSC, masks, filters, references for alignment.

Functions of plain arrays; docs/math/reconstruction.md, docs/math/fsc.md, docs/math/symmetry.md and
docs/math/masks.md have the equations. Nothing here knows the repository, particles or images.
Maps are float32 (z, y, x) with the particle's centre at index n // 2; transforms are half-complex
(d, d, d // 2 + 1) with DC at index 0 and the centre shifted to index 0.
"""
