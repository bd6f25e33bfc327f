"""Benchmarks: accuracy on PoseTrack and COCO, an ablation of the tracker, and speed."""
