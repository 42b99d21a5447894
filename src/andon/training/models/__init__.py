"""Model families, one file each: ``build`` makes the network, ``loss`` judges its outputs on a batch."""
