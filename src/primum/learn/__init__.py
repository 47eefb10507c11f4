"""Risk scores: models trained here, out of fold and calibrated; and models that users bring along.

Nothing heavy is loaded by importing this room; scikit-learn, interpret, skops and onnxruntime wait until they
are used.
"""
