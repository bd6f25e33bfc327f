"""Linking poses from files, of any program, into tracks."""
