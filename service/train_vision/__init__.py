"""Training of the recogniser's net: a COCO folder in, an ONNX file with decoding inside and its card out.

Needs the extra `train` (torch, onnx); nothing that runs a site imports this.
"""
