"""The helpers beside this file are found by the tests of the rooms below, too."""
