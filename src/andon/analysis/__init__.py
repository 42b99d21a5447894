"""Numbers: rates with their doubt, metrics, curves and the choice of cuts; arrays in, values out."""
