"""Readers and writers of foreign formats: MRC, STAR, RELION, Warp, M. Foreign conventions stop here."""
