"""Rows to instances: the state of an instance, and the loop that makes many. `_hydration_py` is the reference twin."""

cimport cython
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM
from cpython.weakref cimport PyWeakref_NewRef

cdef extern from "Python.h":
    int PyGC_Disable()
    int PyGC_Enable()
    int PyObject_GenericSetAttr(object o, object name, object value) except -1
    object PyObject_GenericGetAttr(object o, object name)
    object PyObject_GenericGetDict(object o, void *context)

cdef extern from *:
    """
    /* object.__new__, not tp_alloc: only the first gives an instance room for its values without a dictionary. */
    static inline PyObject *covet_allocate(PyObject *cls, PyObject *nothing) {
        return PyBaseObject_Type.tp_new((PyTypeObject *)cls, nothing, NULL);
    }
    static inline PyObject *covet_item(PyObject *row, Py_ssize_t index) {
        return Py_TYPE(row)->tp_as_sequence->sq_item(row, index);
    }
    """
    object covet_allocate(object cls, tuple nothing)
    object covet_item(object row, Py_ssize_t index)

cdef str STATE = "_state"
cdef tuple NOTHING = ()
cdef Py_ssize_t MANY = 500


cdef list _references(list instances):
    cdef list made = []
    cdef object instance
    for instance in instances:
        made.append(PyWeakref_NewRef(instance, None))
    return made


@cython.freelist(64)
cdef class ModelState:
    cdef public object db
    cdef public bint adding
    cdef public object peers
    cdef dict _cache

    def __init__(self, db=None, *, bint adding=True, peers=None):
        self.db = db
        self.adding = adding
        self.peers = peers

    @property
    def fields_cache(self):
        if self._cache is None:
            self._cache = {}
        return self._cache

    @fields_cache.setter
    def fields_cache(self, dict cache):
        self._cache = cache

    @property
    def holds_related(self):
        return bool(self._cache)

    def __getstate__(self):
        return {"db": self.db, "adding": self.adding, "fields_cache": dict(self.fields_cache)}

    def __setstate__(self, state):
        self.db = state["db"]
        self.adding = state["adding"]
        self.peers = None
        self._cache = dict(state["fields_cache"])

    def __reduce__(self):
        return _restored_state, (self.__getstate__(),)

    def __copy__(self):
        cdef ModelState copied = ModelState.__new__(ModelState)
        copied.db = self.db
        copied.adding = self.adding
        copied.peers = self.peers
        copied._cache = None if self._cache is None else dict(self._cache)
        return copied


def _restored_state(state):
    cdef ModelState restored = ModelState.__new__(ModelState)
    restored.__setstate__(state)
    return restored


cdef dict _cache_of(object instance):
    cdef object state = PyObject_GenericGetAttr(instance, STATE)
    cdef ModelState own
    if type(state) is not ModelState:
        return state.fields_cache
    own = <ModelState>state
    if own._cache is None:
        own._cache = {}
    return own._cache


cdef bint _is_data_descriptor(object model, str name):
    cdef object cls
    for cls in model.__mro__:
        if name in cls.__dict__:
            return hasattr(type(cls.__dict__[name]), "__set__")
    return False


cdef class Hydrator:
    cdef readonly object model
    cdef readonly tuple names
    cdef readonly Py_ssize_t start
    cdef readonly Py_ssize_t key
    cdef readonly tuple related
    cdef readonly object forward
    cdef readonly object backward
    cdef readonly object setter
    cdef readonly tuple extras
    # Columns whose name is a data descriptor on the class go into __dict__ past it.
    cdef tuple _guarded
    cdef tuple _plain
    cdef tuple _plain_indexes
    cdef tuple _guarded_indexes
    cdef readonly dict converters
    # The functions of plain columns, of guarded ones and of extras; None for none.
    cdef tuple _plain_functions
    cdef tuple _guarded_functions
    cdef bint _consecutive

    def __init__(
        self, model, tuple names, Py_ssize_t start, Py_ssize_t key, tuple related=(), forward=None, backward=None,
        setter=None, tuple extras=(), dict converters=None,
    ):
        self.model = model
        self.names = names
        self.start = start
        self.key = key
        self.related = related
        self.forward = forward
        self.backward = backward
        self.setter = setter
        self.extras = extras
        plain = []
        guarded = []
        for index, name in enumerate(names, start):
            (guarded if _is_data_descriptor(model, name) else plain).append((name, index))
        self._plain = tuple([name for name, _ in plain])
        self._plain_indexes = tuple([index for _, index in plain])
        self._guarded = tuple([name for name, _ in guarded])
        self._guarded_indexes = tuple([index for _, index in guarded])
        self.converters = converters or {}
        self._plain_functions = tuple([self.converters.get(index) for _, index in plain])
        self._guarded_functions = tuple([self.converters.get(index) for _, index in guarded])
        self._consecutive = not guarded and not any(self._plain_functions)

    cdef object _one(self, object row, object db, object peers):
        cdef Py_ssize_t i
        cdef object instance = covet_allocate(self.model, NOTHING)
        cdef ModelState state = ModelState.__new__(ModelState)
        cdef dict values
        cdef object value, function
        state.db = db
        state.adding = False
        state.peers = peers
        PyObject_GenericSetAttr(instance, STATE, state)
        if self._consecutive:
            for i in range(len(self._plain)):
                PyObject_GenericSetAttr(
                    instance, <object>PyTuple_GET_ITEM(self._plain, i), covet_item(row, self.start + i)
                )
            return instance
        for i in range(len(self._plain)):
            value = covet_item(row, <Py_ssize_t><object>PyTuple_GET_ITEM(self._plain_indexes, i))
            function = <object>PyTuple_GET_ITEM(self._plain_functions, i)
            if function is not None:
                value = function(value)
            PyObject_GenericSetAttr(instance, <object>PyTuple_GET_ITEM(self._plain, i), value)
        if not self._guarded:
            return instance
        values = <dict>PyObject_GenericGetDict(instance, NULL)
        for i in range(len(self._guarded)):
            value = covet_item(row, <Py_ssize_t><object>PyTuple_GET_ITEM(self._guarded_indexes, i))
            function = <object>PyTuple_GET_ITEM(self._guarded_functions, i)
            if function is not None:
                value = function(value)
            values[<object>PyTuple_GET_ITEM(self._guarded, i)] = value
        return instance

    def one(self, row, db, peers):
        return self._one(row, db, peers)

    cdef list _many(self, list source, object db, object peers):
        cdef Py_ssize_t k
        cdef Py_ssize_t count = len(source)
        cdef list instances = PyList_New(count)
        cdef object instance
        # Nothing here becomes garbage, and the collector would go through all that was made, again and again.
        cdef bint collected = count > MANY and PyGC_Disable()
        try:
            for k in range(count):
                instance = self._one(source[k], db, peers)
                Py_INCREF(instance)
                PyList_SET_ITEM(instances, k, instance)
            if peers is not None:
                peers._references = _references(instances)
        finally:
            if collected:
                PyGC_Enable()
        return instances

    cdef int _annotate(self, list instances, list source, Py_ssize_t apart) except -1:
        cdef Py_ssize_t k, index
        cdef object function, name, value
        for name, index in self.extras:
            if index == apart:
                continue
            function = self.converters.get(index)
            for k in range(len(instances)):
                value = covet_item(source[k], index)
                setattr(instances[k], name, value if function is None else function(value))
        return 0

    def many(self, rows, db, peers):
        cdef list source = rows if type(rows) is list else list(rows)
        cdef list instances = self._many(source, db, peers)
        self._annotate(instances, source, -1)
        return instances

    def keyed(self, rows, db, peers, Py_ssize_t apart):
        cdef list source = rows if type(rows) is list else list(rows)
        cdef list instances = self._many(source, db, peers)
        cdef object function = self.converters.get(apart)
        cdef dict groups = {}
        cdef list group
        cdef object value
        cdef Py_ssize_t k
        self._annotate(instances, source, apart)
        for k in range(len(source)):
            value = covet_item(source[k], apart)
            if function is not None:
                value = function(value)
            group = <list>groups.get(value)
            if group is None:
                groups[value] = [instances[k]]
            else:
                group.append(instances[k])
        return instances, groups

    def attach(self, list parents, rows, db, peers):
        cdef list source = rows if type(rows) is list else list(rows)
        cdef list children = []
        cdef object parent, row, child
        cdef Py_ssize_t k
        for k in range(len(parents)):
            parent = parents[k]
            row = source[k]
            child = None
            if parent is not None and covet_item(row, self.key) is not None:
                child = self._one(row, db, peers)
                if self.backward is not None:
                    _cache_of(child)[self.backward] = parent
            children.append(child)
            if parent is None:
                continue
            if self.forward is not None:
                _cache_of(parent)[self.forward] = child
            elif self.setter is not None:
                self.setter(parent, child)
        if peers is not None:
            peers._references = _references([child for child in children if child is not None])
        return children


cdef class CachedRelation:
    cdef str _kept_as

    def __get__(self, instance, owner):
        cdef dict cache
        cdef object state, related
        if instance is None:
            return self
        if self._kept_as is None:
            self._kept_as = self._cache_name
        state = instance._state
        cache = (<ModelState>state)._cache if type(state) is ModelState else state.fields_cache
        if cache is not None:
            related = cache.get(self._kept_as)
            if related is not None:
                return related
        return self._looked_up(instance)
