"""What ccxt reads from the exchange at the URL given, as JSON; its own calls and the raw ones."""

import json
import sys

import ccxt

client = ccxt.binance({"options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}})
client.urls["api"]["public"] = f"{sys.argv[1]}/api/v3"
markets = client.load_markets()
symbol, end = "BTC/USDT", {"endTime": sys.argv[2]}
print(
    json.dumps(
        {
            "time": client.fetch_time(),
            "exchangeInfo": markets[symbol]["id"],
            "klines": client.public_get_klines(
                {"symbol": "BTCUSDT", "interval": "1m", "limit": 5, **end}
            ),
            "aggTrades": client.public_get_aggtrades({"symbol": "BTCUSDT", "limit": 5, **end}),
            "trades": len(
                client.fetch_trades(
                    symbol, limit=5, params={"fetchTradesMethod": "publicGetTrades"}
                )
            ),
            "avgPrice": int(client.public_get_avgprice({"symbol": "BTCUSDT"})["mins"]),
            "ohlcv": len(client.fetch_ohlcv(symbol, "1m", limit=5)),
            "ticker": client.fetch_ticker(symbol)["symbol"],
        }
    )
)
