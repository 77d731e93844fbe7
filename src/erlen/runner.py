"""Runs one plan: the only code that exists in a sync and an async form.

``run`` and ``arun`` are the same statements, with and without ``await``; a
test strips the awaits and compares them. Everything they call is pure.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .ctx import Context
    from .plan import Plan


def run(plan: Plan, ctx: Context) -> t.Any:
    """Walk the steps of ``plan`` for the request of ``ctx``.

    Args:
        plan: What the matched endpoint really uses.
        ctx: The current context.

    Returns:
        A response object, or what the view returned if nothing needs one.

    Raises:
        Exception: What no error handler took, and what an after hook raised.
    """
    try:
        for processor in plan.processors:
            processor(plan.endpoint, ctx.view_args)
        for hook in plan.before:
            rv = hook()
            if rv is not None:
                break
        else:
            view, args = plan.view, ctx.view_args
            rv = view(**args) if args else view()
    except Exception as error:
        rv = plan.recover(error)
    if plan.light and not ctx.touched:
        return rv
    if plan.finalize is not None:
        return plan.finalize(rv)
    response = plan.respond(rv)
    for hook in ctx.after:
        response = hook(response)
    for hook in plan.after:
        response = hook(response)
    return plan.close(ctx, response)


async def arun(plan: Plan, ctx: Context) -> t.Any:
    """The same as :func:`run` for a plan whose steps are coroutine functions."""
    try:
        for processor in plan.processors:
            await processor(plan.endpoint, ctx.view_args)
        for hook in plan.before:
            rv = await hook()
            if rv is not None:
                break
        else:
            view, args = plan.view, ctx.view_args
            rv = await view(**args) if args else await view()
    except Exception as error:
        rv = await plan.recover(error)
    if plan.light and not ctx.touched:
        return rv
    if plan.finalize is not None:
        return await plan.finalize(rv)
    response = plan.respond(rv)
    for hook in ctx.after:
        response = await hook(response)
    for hook in plan.after:
        response = await hook(response)
    return plan.close(ctx, response)
