"""Readers and writers of MRC, STAR, RELION, Warp and M. Foreign conventions stop here."""
