"""The run folder's pictures, as PNG bytes: learning curves, confusion matrix, test images with their predictions.

Drawn with matplotlib's object interface alone, without pyplot or global settings: the same input gives the
same bytes, in any thread.
"""
