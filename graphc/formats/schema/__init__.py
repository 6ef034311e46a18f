"""The tables of TensorFlow's messages, as text.

A line says ``Message: field, field, ...`` and goes on where the next one is indented; a field is ``number type
name``. A type is a scalar type, another message or an enum; after it ``*`` means repeated, ``*!`` repeated and not
packed, ``?`` that a zero that was set differs from a field that was not; ``{key:value}`` is a map. ``(name)`` after a
field is the group of which one field is set at a time. ``enum Name:`` has ``number value`` instead. ``google.Any``
and the like are messages of protobuf itself.
"""
