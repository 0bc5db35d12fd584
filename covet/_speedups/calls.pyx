"""A call of an async method that has not been awaited yet, and where it was made. `_calls_py` is the reference twin."""

cdef extern from "Python.h":
    ctypedef struct PyFrameObject:
        pass
    PyFrameObject *PyEval_GetFrame()

cdef extern from *:
    """
    static inline PyObject *covet_caller(PyObject *frame) {
        PyFrameObject *back = PyFrame_GetBack((PyFrameObject *)frame);
        if (back == NULL) {
            Py_INCREF(frame);
            return frame;
        }
        return (PyObject *)back;
    }
    static inline PyObject *covet_code(PyObject *frame) {
        return (PyObject *)PyFrame_GetCode((PyFrameObject *)frame);
    }
    static inline int covet_lasti(PyObject *frame) {
        return PyFrame_GetLasti((PyFrameObject *)frame);
    }
    """
    object covet_caller(object frame)
    object covet_code(object frame)
    int covet_lasti(object frame)

cdef set PASSED_ON = set()


def passes_on(function):
    PASSED_ON.add(function.__code__)


cdef class Call:
    # Private names: an attribute that somebody reads of a query he forgot to await must not be found.
    cdef readonly str _name
    cdef readonly object _code
    cdef readonly int _lasti
    cdef public object _method
    cdef public object _args
    cdef object __weakref__

    def __init__(self, str name, method, *args):
        cdef PyFrameObject *made = PyEval_GetFrame()
        cdef object frame
        if made is NULL:
            raise RuntimeError(f"{name}() is called by no Python code")
        frame = covet_caller(<object>made)
        self._code = covet_code(frame)
        if self._code in PASSED_ON:
            frame = covet_caller(frame)
            self._code = covet_code(frame)
        self._lasti = covet_lasti(frame)
        self._name = name
        self._method = method
        self._args = args

    def __await__(self):
        method = self._method
        if method is None:
            raise RuntimeError(f"cannot reuse already awaited {self._name}()")
        self._method = None
        return method(*self._args).__await__()

    def __del__(self):
        if self._method is not None:
            self._forgotten()
