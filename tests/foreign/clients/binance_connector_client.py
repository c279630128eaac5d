"""What binance-connector reads from the exchange at the URL given, as JSON."""

import json
import sys

from binance.spot import Spot

client = Spot(base_url=sys.argv[1])
client.ping()
print(
    json.dumps(
        {
            "time": client.time()["serverTime"],
            "exchangeInfo": client.exchange_info(symbol="BTCUSDT")["symbols"][0]["symbol"],
            "klines": client.klines("BTCUSDT", "1m", limit=5, endTime=sys.argv[2]),
            "aggTrades": client.agg_trades("BTCUSDT", endTime=sys.argv[2], limit=5),
            "trades": len(client.trades("BTCUSDT", limit=5)),
            "avgPrice": client.avg_price("BTCUSDT")["mins"],
        }
    )
)
