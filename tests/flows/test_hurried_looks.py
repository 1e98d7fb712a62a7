"""Somebody who has a lost writeback looked for again and again proves nothing sooner."""

from __future__ import annotations

from tests.flows.practices import Practice

BOOK = "POST /appointment"


def test_looks_right_after_each_other_are_no_proof_that_the_pms_does_not_have_it(
    practice: Practice,
) -> None:
    practice.sandbox.control.fault(BOOK, "dropped_request")
    writeback = practice.book()
    for _ in range(4):
        answer = practice.client.post(f"/api/v1/writebacks/{writeback.pk}/reconcile")
        assert answer.status_code == 202
        practice.clock.advance(1)
    assert practice.see(writeback)["status"] == "unconfirmed"
    assert practice.calls().count("GET /writebacks") == 4
    assert practice.calls().count(BOOK) == 1, "nothing is sent again yet"
    practice.pass_time(180)
    assert practice.see(writeback)["status"] == "completed"
    assert practice.calls().count(BOOK) == 2
    assert len(practice.in_pms()) == 1
