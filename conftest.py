"""Makes the harness a pytest plug-in; every option is in the group ``codi-harness`` of ``pytest --help``."""

pytest_plugins = ("harness.plugin.options", "harness.plugin.session")
