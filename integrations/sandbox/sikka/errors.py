"""Sikka's answers by code. Codes and wording are from Sikka's public API documentation."""

import json
from dataclasses import asdict, dataclass

from werkzeug.wrappers import Response


@dataclass(frozen=True)
class Message:
    """The body of errors, and of some successes: six strings."""

    http_code: str
    http_code_desc: str
    error_code: str
    short_message: str
    long_message: str
    more_information: str = ""

    def response(self, content_type: str = "application/json") -> Response:
        body = json.dumps(asdict(self), indent=4)
        return Response(body, int(self.http_code), content_type=content_type)


def _message(code: str, http: str, desc: str, short: str, long: str, more: str = "") -> Message:
    return Message(http, desc, code, short, long, more)


_DENIED = "Authentication/Authorization Failed"

MESSAGES = {
    message.error_code: message
    for message in (
        _message(
            "API1001",
            "400",
            "BadRequest",
            "Missing Parameter",
            "ApplicationID is missing.",
            "Please provide the applicationid.",
        ),
        _message(
            "API1002",
            "400",
            "BadRequest",
            "Missing Parameter",
            "ApplicationKey is missing.",
            "Please provide the applicationkey.",
        ),
        _message(
            "API1004",
            "400",
            "BadRequest",
            "Missing Parameter",
            "Requestkey is missing/invalid",
            "Please provide correct requestkey",
        ),
        _message(
            "API1005",
            "400",
            "BadRequest",
            "Missing Parameter",
            "SecretKey is missing.",
            "Please provide the secretkey.",
        ),
        _message(
            "API1006",
            "415",
            "UnsupportedMediaType",
            "Sikka API supports json/xml",
            "Sikka API does not support response format.",
            "Please request with json/xml.",
        ),
        _message(
            "API1025",
            "400",
            "BadRequest",
            "Request key expired",
            "Request key is not valid, it is expired.",
            "Please generate new request key and make new request.",
        ),
        _message(
            "API1026",
            "400",
            "BadRequest",
            "Missing/Invalid Parameter",
            "One of the parameter is missing or invalid.",
        ),
        _message(
            "API2001",
            "500",
            "InternalServerError",
            "Internal Error",
            "Internal Error.",
            "Please contact Sikka API Support.",
        ),
        _message(
            "API2002",
            "503",
            "ServiceUnavailable",
            "Try again later.",
            "The Sikka APIs are up, but overloaded with requests. Try again later.",
        ),
        _message(
            "API2003",
            "401",
            "Unauthorized",
            _DENIED,
            "ID or key is incorrect.",
            "This error can be caused by an incorrect application id , application key.",
        ),
        _message(
            "API2004",
            "401",
            "Unauthorized",
            _DENIED,
            "You are not authorized to use this API.",
            "This error can be caused when you try to access API not accessible by you.",
        ),
        _message(
            "API2007",
            "401",
            "Unauthorized",
            _DENIED,
            "You are not authorized to access practice details with Sikka API.",
        ),
        _message(
            "API2009",
            "404",
            "NotFound",
            "Resource not found",
            "The resource you requested does not exist.",
            "The resource you requested does not exist.",
        ),
        _message(
            "API2012",
            "429",
            "Too Many Requests",
            "Request limit exceeded",
            "Requests per practice per day exceeded",
            "Please make request to the datalimit API for more information.",
        ),
        _message(
            "API2014",
            "405",
            "Method Not Allowed",
            "Method not allowed for the resource",
            "Requested method not allowed for the resource",
            "Please contact Sikka API support",
        ),
        # The documentation gives the number and the meaning of this one, not the wording.
        _message(
            "API2017",
            "412",
            "PreconditionFailed",
            "SPU is offline",
            "Sikka platform utility is not running at the practice.",
        ),
    )
}

# The body of the minute window's 429 is documented nowhere: unverified, and without a code.
THROTTLED = _message("", "429", "Too Many Requests", "Too many requests", "Rate limit exceeded.")

# Documented parameters that select or order rows and are not simulated.
NOT_SIMULATED = frozenset(
    {"find", "sort_by", "sortby", "sort_order", "additional_id", "payment_procedure_link_id"}
)


class Refused(Exception):
    """The call ends here, with this message as its answer."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.long_message)
        self.message = message


def refused(code: str, long_message: str = "") -> Refused:
    """Return the refusal with this code, in more precise words where they are given."""
    message = MESSAGES[code]
    return Refused(
        _message(
            code,
            message.http_code,
            message.http_code_desc,
            message.short_message,
            long_message or message.long_message,
            message.more_information,
        )
    )


def wrong(parameter: str, rule: str) -> Refused:
    """Return the refusal of a call whose parameter is missing or invalid."""
    return refused("API1026", f"Parameter {parameter} {rule}.")


def not_simulated(name: str) -> Refused:
    """Answer honestly: a parameter that is passed over in silence looks like one that worked."""
    text = f"The sandbox does not simulate the parameter {name}."
    return Refused(Message("501", "Not Implemented", "", "Not simulated", text))


def session_ended() -> Message:
    return _message("API0002", "200", "OK", "OK", "Request Session terminated successfully.")


def write_withdrawn() -> Message:
    return _message("API4006", "200", "OK", "", "Writeback request deleted successfully.")


def locations_updated() -> Message:
    return _message("API4006", "200", "OK", "", "Practice location(s) updated successfully")


def write_accepted(method: str, api: str, write_id: int, base: str) -> Message:
    """Return the receipt of a write. Its number stands in the sentence and the link only."""
    link = f"{base}/writeback_status?id={write_id}"
    if method == "POST":
        code, http, desc = "API2016", "201", "Created"
        short = "New resource created successfully"
    elif api == "patients":
        code, http, desc = "API0011", "200", "OK"
        short = "Patient update request logged successfully"
    else:
        code, http, desc = "API0007", "200", "OK"
        short = "Appointment status logged successfully"
    return _message(code, http, desc, short, f"Id:{write_id}", link)
