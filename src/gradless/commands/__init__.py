"""The commands of ``gradless``, one module each with a ``main(arguments) -> exit code``."""
