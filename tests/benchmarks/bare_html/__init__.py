"""The parts of pages that list what the log holds, written by f-strings: the floor below their templates.

Each function gives the HTML that the template of the same part gives, to the letter; `bare_pages` compares them.
"""
