import json

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from benchmarks.servers.django_site.models import Comment, Fortune, Post, User

counted = Coalesce(
    Subquery(Comment.objects.filter(post=OuterRef("pk")).order_by().values("post").annotate(n=Count("id")).values("n")),
    0,
)


def shown(user):
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "age": user.age,
        "is_active": user.is_active,
        "date_joined": user.date_joined,
    }


def plaintext(request):
    return HttpResponse("Hello, World!", content_type="text/plain")


def hello(request):
    return JsonResponse({"message": "Hello, World!"})


def row(request, pk):
    return JsonResponse(shown(User.objects.get(id=pk)))


def rows(request):
    age = 18 + int(request.GET["from"]) % 40
    return JsonResponse([shown(user) for user in User.objects.filter(age__gte=age).order_by("id")[:20]], safe=False)


def listed(posts):
    return JsonResponse(
        [
            {
                "id": post.id,
                "title": post.title,
                "created_at": post.created_at,
                "author": post.author.username,
                "comments": post.comment_count,
            }
            for post in posts
        ],
        safe=False,
    )


def complex_join(request):
    return listed(
        Post.objects.select_related("author")
        .annotate(comment_count=counted)
        .filter(is_published=True, views__gte=int(request.GET["from"]) % 3000)
        .order_by("-created_at")[:20]
    )


def natural(request):
    return listed(
        Post.objects.select_related("author")
        .annotate(comment_count=Count("comments"))
        .filter(is_published=True, views__gte=int(request.GET["from"]) % 3000)
        .order_by("-created_at")[:20]
    )


def m2m(request):
    posts = Post.objects.filter(id__gte=int(request.GET["from"])).order_by("id").prefetch_related("tags")[:20]
    return JsonResponse(
        [{"id": post.id, "title": post.title, "tags": [tag.name for tag in post.tags.all()]} for post in posts],
        safe=False,
    )


def queries(request, first):
    return JsonResponse([shown(User.objects.get(id=(first + step * 97) % 9000 + 1)) for step in range(20)], safe=False)


def fortunes(request):
    found = list(Fortune.objects.all())
    found.append(Fortune(id=0, message="Additional fortune added at request time."))
    found.sort(key=lambda fortune: fortune.message)
    return render(request, "fortunes.html", {"fortunes": found})


@csrf_exempt
def insert(request):
    data = json.loads(request.body)
    comment = Comment.objects.create(post_id=data["post"], author_id=data["author"], content=data["content"])
    return JsonResponse({"id": comment.id})


@csrf_exempt
def update(request, pk):
    user = User.objects.get(id=pk)
    user.age = user.age % 60 + 18
    user.save(update_fields=["age"])
    return JsonResponse({"id": user.id, "age": user.age})


urlpatterns = [
    path("plaintext", plaintext),
    path("json", hello),
    path("row/<int:pk>", row),
    path("rows", rows),
    path("complex", complex_join),
    path("natural", natural),
    path("m2m", m2m),
    path("queries/<int:first>", queries),
    path("fortunes", fortunes),
    path("insert", insert),
    path("update/<int:pk>", update),
]
