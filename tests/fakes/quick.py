"""A kit whose decoder, recogniser and drafter take no time: chunks are numbers, and the summary holds all of them."""

import os
from dataclasses import replace

from smart_app import kit as kits
from smart_app.jobs.following import Ears, Follower
from smart_app.jobs.pipeline import Pipeline, Tools
from smart_app.jobs.resources import Models
from smart_app.ports import Drafter
from smart_app.summary_shape import to_json as summary_to_json
from smart_app.transcript import json_shape
from tests.jobs.ward import FakeGrowing, Numbers, spoken
from tests.jobs.workshop import merge


def chunk(number: int) -> bytes:
    """Return the chunk in which its number is said."""
    return str(number).encode()


def quick(kit: kits.Kit, drafter: Drafter, ear: Numbers | None = None) -> kits.Kit:
    """Return the kit with workers that hear by `ear` and draft by `drafter`; all else is as it was wired."""
    owner = f"quick-{os.getpid()}"
    ears = Ears(
        read=kit.sound.chunks,
        open=lambda mime, from_s: FakeGrowing(from_s=from_s),
        transcriber=ear or Numbers(),
        hints=lambda _: (),
        detect=spoken,
    )
    follower = Follower(db=kit.db, clock=kit.clock, vault=kit.vault, ears=ears, owner=owner)
    tools = Tools(
        drafter=drafter,
        hear_run=follower.finish,
        merge_runs=merge,
        transcript_to_json=lambda transcript: json_shape.to_json(transcript, duration_s=1.0),
        transcript_from_json=json_shape.from_json,
        summary_to_json=summary_to_json,
        models=lambda: Models(speech_model="numbers", drafter="fake", prompt_version="1"),
    )
    pipeline = Pipeline(
        db=kit.db,
        clock=kit.clock,
        vault=kit.vault,
        seal=kit.seal,
        settings=replace(kit.settings, speech_threads=1),
        retention=kit.retention,
        tools=tools,
        owner=owner,
    )
    return replace(kit, steps=replace(kit.steps, process=pipeline.run, follow=follower.step))
