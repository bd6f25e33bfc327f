"""Where results go while a source runs: windows, lines, messages, cameras and streams."""
