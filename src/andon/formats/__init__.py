"""Other people's forms on disk, in and out: image files, data set layouts, split files."""
