"""Rows to plain values, and instances by key. `_rows_py` is the reference twin."""

from cpython.dict cimport PyDict_SetItem
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM

cdef extern from *:
    """
    static inline PyObject *covet_sized(PyObject *cls, Py_ssize_t size) {
        return ((PyTypeObject *)cls)->tp_alloc((PyTypeObject *)cls, size);
    }
    static inline PyObject *covet_item(PyObject *row, Py_ssize_t index) {
        return Py_TYPE(row)->tp_as_sequence->sq_item(row, index);
    }
    """
    object covet_sized(object cls, Py_ssize_t size)
    object covet_item(object row, Py_ssize_t index)


cdef list _made(object rows, object cls, Py_ssize_t width):
    cdef list source = rows if type(rows) is list else list(rows)
    cdef Py_ssize_t k, i
    cdef list made = []
    cdef object row, item, value
    for k in range(len(source)):
        row = source[k]
        item = covet_sized(cls, width)
        for i in range(width):
            value = covet_item(row, i)
            Py_INCREF(value)
            PyTuple_SET_ITEM(item, i, value)
        made.append(item)
    return made


def tuples(rows, Py_ssize_t width):
    return _made(rows, tuple, width)


def named(rows, cls, Py_ssize_t width):
    if not issubclass(cls, tuple):
        raise TypeError(f"a row class is a tuple, not {cls.__name__}")
    return _made(rows, cls, width)


def dicts(rows, tuple names):
    cdef list source = rows if type(rows) is list else list(rows)
    cdef Py_ssize_t k, i
    cdef Py_ssize_t width = len(names)
    cdef list made = []
    cdef dict item
    cdef object row
    for k in range(len(source)):
        row = source[k]
        item = {}
        for i in range(width):
            PyDict_SetItem(item, names[i], covet_item(row, i))
        made.append(item)
    return made


def firsts(rows):
    cdef list source = rows if type(rows) is list else list(rows)
    cdef Py_ssize_t k
    cdef Py_ssize_t count = len(source)
    cdef list made = PyList_New(count)
    cdef object value
    for k in range(count):
        value = covet_item(source[k], 0)
        Py_INCREF(value)
        PyList_SET_ITEM(made, k, value)
    return made


def by_key(instances, key):
    cdef dict found = {}
    cdef list group
    cdef object instance, value
    for instance in instances:
        value = key(instance)
        group = <list>found.get(value)
        if group is None:
            found[value] = [instance]
        else:
            group.append(instance)
    return found
