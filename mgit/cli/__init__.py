"""The command line: one module per verb, thin: parse, call the library, render, return a code."""
