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
    static inline PyObject *covet_make(PyObject *cls, PyObject *nothing) {
        return ((PyTypeObject *)cls)->tp_new((PyTypeObject *)cls, nothing, NULL);
    }
    """
    object covet_caller(object frame)
    object covet_code(object frame)
    int covet_lasti(object frame)
    object covet_make(object cls, tuple nothing)

cdef extern from "Python.h":
    object PyObject_GenericGetDict(object o, void *context)

cdef set PASSED_ON = set()
cdef tuple NOTHING = ()


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
        if made is NULL:
            raise RuntimeError(f"{name}() is called by no Python code")
        self._place_of(covet_caller(<object>made))
        self._name = name
        self._method = method
        self._args = args

    cdef int _place_of(self, object frame) except -1:
        self._code = covet_code(frame)
        if self._code in PASSED_ON:
            frame = covet_caller(frame)
            self._code = covet_code(frame)
        self._lasti = covet_lasti(frame)
        return 0

    def __await__(self):
        method = self._method
        if method is None:
            raise RuntimeError(f"cannot reuse already awaited {self._name}()")
        self._method = None
        return method(*self._args).__await__()

    def __del__(self):
        if self._method is not None:
            self._forgotten()


def manager_get(call):
    if not issubclass(call, Call):
        raise TypeError(f"{call.__name__} is no Call")

    # A frame and a method less than one in Python: the commonest query of all comes this way.
    def get(self, *args, **kwargs):
        cdef PyFrameObject *caller = PyEval_GetFrame()
        cdef dict held = <dict>PyObject_GenericGetDict(self, NULL)
        cdef object rows = held.get("_root")
        cdef Call made
        if rows is None or held.get("_db") is not None or held.get("_hints") or rows.model is not held.get("model"):
            rows = self._rows()
        if caller is NULL:
            raise RuntimeError("get() is called by no Python code")
        made = <Call>covet_make(call, NOTHING)
        made._place_of(<object>caller)
        made._name = "get"
        made._method = rows._get
        made._args = (args, kwargs)
        return made

    return get
