"""Pictures and clips of a proposal. Each look is in the audit before it is shown; nothing is cached."""

import asyncio
from typing import Final
from uuid import UUID

from fastapi import Response
from nicegui import app

from domain.access import may
from domain.credit import ReviewItem
from domain.evidence import EvidenceFile, EvidenceKind
from domain.paperwork import User
from domain.ports import StorageUnavailable
from domain.requests import ViewEvidence
from service.evidence_files import EVIDENCE, blurred_faces
from service.local_socket import CoreUnreachable, RequestRefused
from storage.evidence import DamagedEvidence, EvidenceFiles, NoSuchEvidence
from web.console import Console
from web.shell import console, signed_in

_ANSWER_WITHIN_S: Final = 5.0


def address(review: ReviewItem, file: EvidenceFile, *, blurred: bool) -> str:
    return f"/evidence/{review.review_id}/{file.sha256}{'?blurred=1' if blurred else ''}"


@app.get("/evidence/{review_id}/{sha256}")
async def evidence(review_id: UUID, sha256: str, blurred: bool = False) -> Response:
    user = signed_in()
    if user is None:
        return Response(status_code=401)
    return await asyncio.to_thread(_answer, console(), user, review_id, sha256, blurred)


@app.get("/rectified/{rectification_id}/{sha256}")
async def rectified(rectification_id: UUID, sha256: str) -> Response:
    """A photo of afterwards; its looks are noted likewise."""
    user = signed_in()
    if user is None:
        return Response(status_code=401)
    return await asyncio.to_thread(_of_rectification, console(), user, rectification_id, sha256)


def _of_rectification(at: Console, user: User, rectification_id: UUID, sha256: str) -> Response:
    try:
        notice = at.review_reads.rectification(rectification_id)
    except StorageUnavailable as error:
        return Response(str(error), 503)
    file = next((each for each in notice.files if each.sha256 == sha256), None) if notice else None
    if notice is None or file is None:
        return Response("there is no such evidence", 404)
    return _shown(
        at,
        user,
        notice.station,
        ViewEvidence(review_id=notice.review_id, sha256=sha256),
        file,
        False,
    )


def _answer(at: Console, user: User, review_id: UUID, sha256: str, blurred: bool) -> Response:
    try:
        review = at.reads.review(review_id)
    except StorageUnavailable as error:
        return Response(str(error), 503)
    file = next((each for each in review.files if each.sha256 == sha256), None) if review else None
    if review is None or file is None:
        return Response("there is no such evidence", 404)
    station = at.asset(review.asset_id).station if review.asset_id else review.station
    looked = ViewEvidence(review_id=review_id, sha256=sha256)
    return _shown(at, user, station, looked, file, blurred)


def _shown(
    at: Console, user: User, station: str, looked: ViewEvidence, file: EvidenceFile, blurred: bool
) -> Response:
    """Once the look is noted; without core none is had."""
    if blurred and file.kind is EvidenceKind.CLIP:
        return Response("this clip shows faces: there is another file without them, or none", 404)
    if not may(user.roles, ViewEvidence) or not user.in_scope(station):
        return Response("this evidence is not yours to see", 403)
    try:
        if not at.core.ask(looked, user.name, timeout_s=_ANSWER_WITHIN_S).done:
            return Response("this evidence is not yours to see", 403)
        content = EvidenceFiles(at.data / EVIDENCE).get(file.sha256)
    except (CoreUnreachable, RequestRefused, TimeoutError):
        return Response("core does not answer: a look that cannot be noted is not had", 503)
    except NoSuchEvidence:
        return Response("its time was over, it was deleted", 410)
    except DamagedEvidence as error:
        return Response(str(error), 409)
    except StorageUnavailable as error:
        return Response(str(error), 503)
    if blurred and file.media_type == "image/jpeg":
        content = blurred_faces(content, file.boxes)
    return Response(content, media_type=file.media_type, headers={"Cache-Control": "no-store"})
