"""The addresses of the desk."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from . import acts, archive, case, complaints, documents, holding, notes, objections, preview, queue, rechecks, wording

app_name = "desk"


class Kind(StringConverter):
    """A kind of object at the desk."""

    regex = "application|objection|complaint|recheck|registration"


class Change(StringConverter):
    """A change of who holds a case."""

    regex = "claim|release|reassign"


register_converter(Kind, "desk_kind")
register_converter(Change, "desk_change")

urlpatterns = [
    path("", queue.queue, name="queue"),
    path("filters/", queue.keep_filter, name="filters"),
    path("batch/", queue.batch, name="batch"),
    path("cases/<uuid:pk>/", case.case, name="case"),
    path("cases/<uuid:pk>/objections/new/", objections.paper, name="paper"),
    path("objections/", objections.objections, name="objections"),
    path("objections/<uuid:pk>/", objections.objection, name="objection"),
    path("complaints/", complaints.complaints, name="complaints"),
    path("complaints/<uuid:pk>/", complaints.complaint, name="complaint"),
    path("rechecks/", rechecks.rechecks, name="rechecks"),
    path("rechecks/<uuid:pk>/", rechecks.recheck, name="recheck"),
    path("registrations/", case.registrations, name="registrations"),
    path("registrations/<uuid:pk>/", case.registration, name="registration"),
    path("registrations/<uuid:pk>/materials/", preview.attach, name="attach"),
    path("materials/<uuid:pk>/", preview.preview, name="preview"),
    path("materials/<uuid:pk>/download/", preview.download, name="download"),
    path("archive/", archive.archive, name="archive"),
    path("archive/make/", archive.make, name="make-packages"),
    path("archive/hand-over/", archive.hand_over, name="hand-over"),
    path("archive/transfers/", archive.transfers, name="transfers"),
    path("archive/transfers/<uuid:pk>/", archive.transfer, name="transfer"),
    path("archive/transfers/<uuid:pk>/list.xlsx", archive.transfer_sheet, name="transfer-sheet"),
    path("archive/<uuid:pk>/", archive.package, name="package"),
    path("archive/<uuid:pk>/file/", archive.package_file, name="package-file"),
    path("documents/", documents.documents, name="documents"),
    path("documents/<uuid:pk>/", documents.document, name="document"),
    path("documents/<uuid:pk>/file/", documents.document_file, name="document-file"),
    path("documents/<uuid:pk>/make/", documents.make, name="make-document"),
    path("documents/<uuid:pk>/seal/", documents.seal, name="seal"),
    path("documents/<uuid:pk>/scan/", documents.scan, name="scan"),
    path("documents/<uuid:pk>/service/", documents.serve, name="serve"),
    path("documents/proofs/<uuid:pk>/", documents.proof, name="proof"),
    path("wordings/", wording.wordings, name="wordings"),
    path("wordings/<uuid:pk>/drop/", wording.drop, name="drop-wording"),
    path("deputies/", holding.deputies, name="deputies"),
    path("deputies/<int:pk>/end/", holding.end_deputy, name="end-deputy"),
    path("<desk_kind:kind>/<uuid:pk>/acts/<slug:name>/", acts.act, name="act"),
    path("<desk_kind:kind>/<uuid:pk>/notes/", notes.add, name="note"),
    path("<desk_kind:kind>/<uuid:pk>/<desk_change:change>/", holding.hold, name="hold"),
]
