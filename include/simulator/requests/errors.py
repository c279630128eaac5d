"""The exchange's refusals, in its own codes and words."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal with the exchange's code and message.

    Attributes:
        code: Negative number of the exchange's list of errors.
        message: The text that goes with it.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def too_much_weight(limit: int) -> ApiError:
    """More request weight in this minute than the limit."""
    return ApiError(
        -1003,
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
    )


def too_many_requests(limit: int, minutes: int) -> ApiError:
    """More requests in this span than the limit, whatever they weigh."""
    return ApiError(
        -1003,
        f"Too many requests; current limit is {limit} requests per {minutes} MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
    )


def banned(until_ms: int) -> ApiError:
    """A client address that went on after it was told to stop."""
    return ApiError(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
    )


def illegal_characters(name: str, legal: str) -> ApiError:
    """A value that does not match the pattern of its parameter."""
    return ApiError(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def too_many_parameters(expected: int, received: int) -> ApiError:
    """More parameters than the endpoint has."""
    return ApiError(-1101, f"Too many parameters; expected '{expected}' and received '{received}'.")


def duplicate_parameter() -> ApiError:
    """The same parameter twice."""
    return ApiError(-1101, "Duplicate values for a parameter detected.")


def too_many_values(name: str, most: int) -> ApiError:
    """A list with more entries than allowed."""
    return ApiError(
        -1101, f"Too many values sent for parameter '{name}', maximum allowed up to {most}."
    )


def missing_parameter(name: str) -> ApiError:
    """A mandatory parameter that was not sent."""
    return ApiError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def unread_parameters(read: int, sent: int) -> ApiError:
    """Parameters that the endpoint does not know."""
    return ApiError(
        -1104,
        f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.",
    )


def empty_parameter(name: str) -> ApiError:
    """A parameter with nothing after the equals sign."""
    return ApiError(-1105, f"Parameter '{name}' was empty.")


def invalid_interval() -> ApiError:
    """No such kline interval."""
    return ApiError(-1120, "Invalid interval.")


def invalid_symbol() -> ApiError:
    """A well-formed symbol that is not listed."""
    return ApiError(-1121, "Invalid symbol.")


def invalid_symbol_status() -> ApiError:
    """No such status of a symbol."""
    return ApiError(-1122, "Invalid symbolStatus.")


def invalid_combination() -> ApiError:
    """Optional parameters that exclude each other."""
    return ApiError(-1128, "Combination of optional parameters invalid.")


def invalid_value(name: str) -> ApiError:
    """A value that is well-formed and out of range."""
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


def invalid_ticker_type() -> ApiError:
    """Neither the full ticker nor the short one."""
    return ApiError(-1139, "Invalid ticker type.")


def repeated_symbol() -> ApiError:
    """The same symbol twice in a list."""
    return ApiError(-1151, "Symbol is present multiple times in the list.")


def invalid_time_unit() -> ApiError:
    """A header that names another unit of time."""
    return ApiError(
        -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
    )


def other_symbol_status() -> ApiError:
    """A single symbol that does not have the status asked for."""
    return ApiError(-1220, "The symbol's status does not match the requested symbolStatus.")
