"""Data set layouts, one file each: ``NAME``, ``recognises(listing)`` and ``read(listing, options)``.

``read`` gives one entry per image, and every other file of the listing with the reason why it is left out.
To add a layout, add a file here and name it in ``formats/reading.py``.
"""
