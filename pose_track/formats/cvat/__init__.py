"""CVAT: annotations of a video as XML, and the labels of a task."""
