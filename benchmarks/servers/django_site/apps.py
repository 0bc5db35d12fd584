from django.apps import AppConfig


class BenchConfig(AppConfig):
    name = "benchmarks.servers.django_site"
    label = "bench"
