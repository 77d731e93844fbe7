"""Hypothesis without its stopwatch: a busy machine must not fail a test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("http", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("http")
