"""What is done for each instance of a prefetched page. `_prefetched_py` is the reference twin."""

cdef extern from "Python.h":
    object PyObject_GenericGetDict(object o, void *context)

cdef extern from *:
    """
    static inline PyObject *covet_new(PyObject *cls, PyObject *nothing) {
        return PyBaseObject_Type.tp_new((PyTypeObject *)cls, nothing, NULL);
    }
    """
    object covet_new(object cls, tuple nothing)

CACHE = "_prefetched_objects_cache"
cdef str _CACHE = CACHE
cdef tuple NOTHING = ()


cdef class Prefetched:
    cdef public list rows
    cdef public object queryset

    def __init__(self, list rows, queryset=None):
        self.rows = rows
        self.queryset = queryset

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]

    def __reduce__(self):
        return Prefetched, (self.rows, self.queryset)


def hand_out(list instances, dict groups, key, str name, queryset):
    cdef object instance
    cdef object group
    cdef Prefetched held
    for instance in instances:
        group = groups.get(key(instance))
        held = Prefetched.__new__(Prefetched)
        held.rows = [] if group is None else <list>group
        held.queryset = queryset
        getattr(instance, _CACHE)[name] = held


def manager_for(cls, instance):
    cdef object manager = covet_new(cls, NOTHING)
    manager.instance = instance
    return manager


def held_by(manager):
    cdef object cache = (<dict>PyObject_GenericGetDict(manager.instance, NULL)).get(_CACHE)
    return cache.get(manager.cache_name) if cache else None


def holding(manager, cls, Prefetched held not None):
    cdef object rows = covet_new(cls, NOTHING)
    rows.model = manager.model
    rows._result_cache = held.rows
    rows._origin = (manager, held.queryset)
    return rows
