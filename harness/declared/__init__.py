"""Criteria that users declare in files of their own: finding the files, reading them, trying their measures."""
