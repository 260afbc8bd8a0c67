"""Operators of the numerical rooms: references, CPU twins, CUDA kernels. Start at README.md."""
