"""Durable files, content-named chunks in sealed segments, and arrays made of chunks.

Nothing is imported here: `mgit.store.files` is on the start-up path of light verbs, while chunks
and arrays load numpy.
"""
