"""The simulator's own description of its API, made from the tables it serves from."""

from __future__ import annotations

from collections.abc import Iterable

from include.simulator.market.exchange import Exchange
from include.simulator.market.intervals import LONG_INTERVALS
from include.simulator.market.selection import STATUSES
from include.simulator.market.tickers import TYPES
from include.simulator.requests.parameters import PATTERNS
from include.simulator.serving.endpoints import ENDPOINTS, Endpoint
from include.simulator.tapes.klines import INTERVALS_MS

Schema = dict[str, object]

INTEGER: Schema = {"type": "integer", "minimum": 0}
DECIMAL: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
BOOLEAN: Schema = {"type": "boolean"}
ERROR: Schema = {
    "type": "object",
    "required": ["code", "msg"],
    "properties": {"code": {"type": "integer"}, "msg": {"type": "string"}},
    "additionalProperties": False,
}


def describe(exchange: Exchange) -> Schema:
    """Return the OpenAPI 3.1 description of an exchange."""
    symbols = sorted(exchange.listings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Exchange simulator",
            "version": "3",
            "description": "Binance's public spot market data, replayed.",
        },
        "paths": {
            f"/api/v3/{name}": {"get": _operation(name, endpoint, symbols)}
            for name, endpoint in ENDPOINTS.items()
        },
    }


def _operation(name: str, endpoint: Endpoint, symbols: list[str]) -> Schema:
    answers: dict[str, Schema] = {"200": _answer("As Binance answers.", ANSWERS[name])}
    answers |= {
        status: _answer(words, ERROR)
        for status, words in (
            ("400", "Refused, with Binance's code."),
            ("418", "Banned until the moment named."),
            ("429", "Over a limit; Retry-After says for how many seconds."),
        )
    }
    return {
        "operationId": name,
        "parameters": [
            {
                "name": parameter,
                "in": "query",
                "required": parameter in endpoint.required,
                "schema": _parameter(parameter, symbols),
            }
            for parameter in (*endpoint.required, *endpoint.optional)
        ],
        "responses": answers,
    }


def _answer(words: str, schema: Schema) -> Schema:
    media_type = "application/json;charset=UTF-8"
    return {"description": words, "content": {media_type: {"schema": schema}}}


def _parameter(name: str, symbols: list[str]) -> Schema:
    if name == "symbol":
        return _words(symbols)
    return PARAMETERS.get(name) or {"type": "string", "pattern": PATTERNS[name]}


def _words(words: Iterable[str]) -> Schema:
    return {"type": "string", "enum": sorted(words)}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _one_or_many(item: Schema) -> Schema:
    return {"anyOf": [item, _list(item)]}


PARAMETERS: dict[str, Schema] = {
    "interval": _words([*INTERVALS_MS, *LONG_INTERVALS]),
    "limit": {"type": "integer", "minimum": 1},
    "startTime": INTEGER,
    "endTime": INTEGER,
    "fromId": INTEGER,
    "showPermissionSets": _words(["true", "false"]),
    "symbolStatus": _words(STATUSES),
    "type": _words(TYPES),
    "windowSize": {
        "type": "string",
        "pattern": "^([1-9]|[1-5][0-9])m$|^([1-9]|1[0-9]|2[0-3])h$|^[1-7]d$",
    },
    "timeZone": {
        "type": "string",
        "pattern": "^[+-]?([0-9]|0[0-9]|1[01])(:[0-5][0-9])?$",
    },
}
_ROW: Schema = {
    "type": "array",
    "items": {"anyOf": [INTEGER, DECIMAL]},
    "minItems": 12,
    "maxItems": 12,
}
_TRADE = _object(
    id=INTEGER,
    price=DECIMAL,
    qty=DECIMAL,
    quoteQty=DECIMAL,
    time=INTEGER,
    isBuyerMaker=BOOLEAN,
    isBestMatch=BOOLEAN,
)
_AGG_TRADE = _object(
    a=INTEGER, p=DECIMAL, q=DECIMAL, f=INTEGER, l=INTEGER, T=INTEGER, m=BOOLEAN, M=BOOLEAN
)
_STATISTICS = _object(
    symbol={"type": "string"},
    openPrice=DECIMAL,
    highPrice=DECIMAL,
    lowPrice=DECIMAL,
    lastPrice=DECIMAL,
    volume=DECIMAL,
    quoteVolume=DECIMAL,
    openTime=INTEGER,
    closeTime=INTEGER,
    firstId=INTEGER,
    lastId=INTEGER,
    count=INTEGER,
)
ANSWERS: dict[str, Schema] = {
    "ping": {"type": "object", "additionalProperties": False},
    "time": _object(serverTime=INTEGER),
    "exchangeInfo": _object(
        timezone={"const": "UTC"},
        serverTime=INTEGER,
        rateLimits=_list(
            _object(
                rateLimitType={"type": "string"},
                interval={"enum": ["SECOND", "MINUTE", "DAY"]},
                intervalNum=INTEGER,
                limit=INTEGER,
            )
        ),
        exchangeFilters=_list({}),
        symbols=_list(
            _object(
                symbol={"type": "string"},
                status={"type": "string"},
                baseAsset={"type": "string"},
                quoteAsset={"type": "string"},
                filters=_list(_object(filterType={"type": "string"})),
            )
        ),
    ),
    "klines": _list(_ROW),
    "uiKlines": _list(_ROW),
    "avgPrice": _object(mins=INTEGER, price=DECIMAL, closeTime=INTEGER),
    "trades": _list(_TRADE),
    "historicalTrades": _list(_TRADE),
    "aggTrades": _list(_AGG_TRADE),
    "ticker/price": _one_or_many(_object(symbol={"type": "string"}, price=DECIMAL)),
    "ticker/bookTicker": _one_or_many(
        _object(
            symbol={"type": "string"},
            bidPrice=DECIMAL,
            bidQty=DECIMAL,
            askPrice=DECIMAL,
            askQty=DECIMAL,
        )
    ),
    "ticker/24hr": _one_or_many(_STATISTICS),
    "ticker": _one_or_many(_STATISTICS),
}
