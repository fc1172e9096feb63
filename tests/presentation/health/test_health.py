"""Probes, metrics and the pages of problems (docs/reference/http.md, Operation)."""

import re
from html import unescape

import pytest
from prometheus_client.parser import text_string_to_metric_families

from presentation.http.framework.problem_types import Problems
from tests.presentation.api import Api, document, slug, without_a_store


def test_the_health_probe_succeeds(api: Api) -> None:
    answer = api.client.get("/healthz")

    assert (answer.status_code, document(answer)) == (200, {"status": "ok"})


def test_health_is_another_name_of_healthz(api: Api) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE"):
        answer, other = (api.client.open(path, method=method) for path in ("/health", "/healthz"))
        assert (answer.status_code, answer.headers["Content-Type"], answer.headers.get("Allow")) == (
            other.status_code,
            other.headers["Content-Type"],
            other.headers.get("Allow"),
        )
        assert answer.data == other.data or answer.status_code == 405


def test_the_health_probe_succeeds_without_a_store() -> None:
    assert without_a_store().client.get("/healthz").status_code == 200


def test_the_health_probe_sends_no_command_to_redis(api_on_redis: Api) -> None:
    api_on_redis.redis.config_resetstat()
    api_on_redis.client.get("/healthz")

    assert set(api_on_redis.redis.info("commandstats")) <= {"cmdstat_config|resetstat", "cmdstat_info"}


def test_the_readiness_probe_succeeds_if_the_store_responds(api: Api) -> None:
    assert api.client.get("/readyz").status_code == 200


def test_the_readiness_probe_fails_without_a_store() -> None:
    answer = without_a_store().client.get("/readyz")

    assert (answer.status_code, slug(answer)) == (503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_without_a_store_no_code_is_accepted() -> None:
    answer = without_a_store().post("totp")

    assert (answer.status_code, slug(answer)) == (503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_the_metrics_are_prometheus_text(api: Api) -> None:
    api.verify("hotp", api.good_code("hotp", api.enrol("hotp")))

    answer = api.client.get("/metrics")
    families = {family.name for family in text_string_to_metric_families(answer.text)}

    assert answer.content_type.startswith("text/plain; version=")
    assert {"open_mfa_verdicts", "open_mfa_changes", "open_mfa_http_request_duration_seconds"} <= families


def test_no_label_of_the_metrics_contains_the_path_of_a_request(api: Api) -> None:
    for path in ["/api/v1/session/totp/verify/492039", "/492039", "/api/v1/session?code=492039", "/problems/492039"]:
        api.client.get(path)
    api.client.open("/api/v1/session", method="M492039")

    assert "492039" not in api.client.get("/metrics").text


def test_every_route_is_counted_under_its_own_name(api: Api) -> None:
    paths = {"/docs": "/docs", "/openapi.json": "/openapi.json", "/assets/docs.css": "/assets/<name>"}
    paths |= {"/problems/locked": "/problems/<slug>", "/healthz": "/healthz", "/nowhere": "(none)"}
    for path in paths:
        api.client.get(path)

    samples = [
        sample
        for family in text_string_to_metric_families(api.client.get("/metrics").text)
        for sample in family.samples
        if sample.name.endswith("_count")
    ]
    assert set(paths.values()) <= {sample.labels["route"] for sample in samples}


@pytest.mark.parametrize("kind", Problems)
def test_every_kind_of_problem_has_a_page_that_explains_it(api: Api, kind: Problems) -> None:
    page = api.client.get(f"/problems/{kind.value.slug}")

    assert page.mimetype == "text/html"
    assert kind.value.meaning in unescape(page.text)
    assert kind.value.remedy in unescape(page.text)
    # The page marks code, which the text has in backticks.
    assert kind.value.for_clients.replace("`", "") in unescape(re.sub("</?code>", "", page.text))
    # The texts for people do not mention parts that only programs see.
    assert [
        word for word in ("«", "Retry-After", "JSON", "header") if word in kind.value.meaning + kind.value.remedy
    ] == []
