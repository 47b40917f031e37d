"""Violations on pictures: boxes, tracks, zones, distances, rules. Pictures are numpy arrays, BGR.

Only the vision process imports this room, since it needs cv2. The rules need no net and no picture.
"""
