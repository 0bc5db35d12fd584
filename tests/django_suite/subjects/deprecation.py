"""Django's deprecation categories as Python's own, which we raise."""

RemovedInDjango60Warning = DeprecationWarning
RemovedInDjango61Warning = PendingDeprecationWarning
