"""What ``model.export`` asks of a back end."""


class GraphcExportArchive:
    """Functions of a model that are written to files."""
