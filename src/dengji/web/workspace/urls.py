"""The addresses of the workspace, under /workspace/."""

from django.urls import path

from .views import case, documents, files, home, inbox, review, wizard

app_name = "workspace"
_FILE = "applications/<uuid:pk>/"
urlpatterns = [
    path("", home.home, name="home"),
    path("ended", home.ended, name="ended"),
    path("rectify", home.rectify, name="rectify"),
    path("messages/", inbox.inbox, name="messages"),
    path("messages/<uuid:pk>/read", inbox.read, name="message-read"),
    path("documents/", documents.documents, name="documents"),
    path("documents/<uuid:pk>/", documents.file, name="document"),
    path("applications/new", home.new, name="new"),
    path(_FILE, case.case, name="case"),
    path(_FILE + "sections/<slug:key>", wizard.section, name="section"),
    path(_FILE + "request", wizard.asked, name="request"),
    path(_FILE + "rebase", wizard.rebase, name="rebase"),
    path(_FILE + "materials", files.materials, name="materials"),
    path(_FILE + "materials/<uuid:material>/remove", files.remove, name="remove"),
    path(_FILE + "templates/<slug:kind>", files.template, name="template"),
    path(_FILE + "confirm", review.confirm, name="confirm"),
    path(_FILE + "review", review.review, name="review"),
    path(_FILE + "return", review.give_back, name="return"),
    path(_FILE + "submitted", review.submitted, name="submitted"),
    path(_FILE + "withdraw", review.withdraw, name="withdraw"),
    path(_FILE + "changes", case.changes, name="changes"),
    path(_FILE + "documents", documents.documents, name="documents-of"),
    path(_FILE + "joint", case.joint, name="joint"),
    path(_FILE + "copy", case.copy, name="copy"),
    path(_FILE + "receipts/<int:n>", case.receipt, name="receipt"),
    path("materials/<uuid:pk>", files.read, name="material"),
]
