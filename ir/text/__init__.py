"""The text form of the IR: `parser.parse` and `printer.print_module` are inverse."""
