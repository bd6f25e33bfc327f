"""PoseTrack's benchmark: a data set is checked, tracked and measured."""
