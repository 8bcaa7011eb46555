"""The style guide's address."""

from django.urls import path

from . import views

urlpatterns = [path("", views.styleguide, name="styleguide")]
