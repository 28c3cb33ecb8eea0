"""The embedded system: a Temporal server, a Lambda endpoint that runs code, functions and traffic, all on loopback.

Imported by the command line, the demo and the tests; nothing in a release's own path imports it.
"""
