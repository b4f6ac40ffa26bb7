"""The run folder's pictures, as PNG bytes: learning curves, confusion matrix, test images with their predictions.

Drawn with matplotlib's object interface alone: no pyplot and no change to a global setting; the same input gives the
same bytes, in any thread.
"""
