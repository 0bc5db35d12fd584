"""What a template does for each value that it shows. `_pages_py` is the reference twin."""


def escaping(escape_text, escape):
    def escaped(value):
        kind = type(value)
        if kind is str:
            return escape_text(value)
        if kind is int:
            return str(value)
        return escape(value)

    return escaped


def reading(frozenset plain, missing, waited):
    def read(environment, obj, attribute):
        try:
            value = getattr(obj, attribute)
        except AttributeError:
            value = missing(environment, obj, attribute)
        return value if type(value) in plain else waited(value)

    return read
