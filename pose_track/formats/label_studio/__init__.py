"""Label Studio: tasks with key points of people in a video, and the labelling configuration of a project."""
