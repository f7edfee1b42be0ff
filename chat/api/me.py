"""The visitor: who that is, and the end of all that is theirs."""

from typing import Any

from django.middleware.csrf import get_token
from ninja import Router, Status

from chat import catalogue, history, threads
from chat.api.caller import Call
from chat.api.objects import PROBLEMS, Me, Visitor
from chat.api.sessions import forget

router = Router()


@router.get("/me", response=Me, summary="Who am I, and what is there?")
async def me(request: Call) -> Me:
    """Sets the CSRF cookie, and renews the visitor's."""
    get_token(request)
    caller = request.auth
    if caller.id is not None:
        request.session.modified = True
    visitor = Visitor(id=caller.id, name=caller.name) if caller.id else None
    return Me(visitor=visitor, models=catalogue.models(), limits=catalogue.limits())


@router.delete("/me", response={204: None, **PROBLEMS}, summary="Delete me and all that is mine")
async def delete_me(request: Call) -> Status[Any]:
    """Nothing is kept; replies in the making end silently."""
    if request.auth.id is not None:
        forget(await threads.write(history.delete_visitor, request.auth.id))
    await threads.write(request.session.flush)
    return Status(204, None)
