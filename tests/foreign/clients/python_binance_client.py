"""What python-binance reads from the exchange at the URL given, as JSON."""

import json
import sys

from binance.client import Client

client = Client(ping=False)
client.API_URL = f"{sys.argv[1]}/api"
client.ping()
print(
    json.dumps(
        {
            "time": client.get_server_time()["serverTime"],
            "exchangeInfo": client.get_symbol_info("BTCUSDT")["symbol"],
            "klines": client.get_klines(
                symbol="BTCUSDT", interval="1m", limit=5, endTime=sys.argv[2]
            ),
            "aggTrades": client.get_aggregate_trades(
                symbol="BTCUSDT", endTime=sys.argv[2], limit=5
            ),
            "trades": len(client.get_recent_trades(symbol="BTCUSDT", limit=5)),
            "avgPrice": client.get_avg_price(symbol="BTCUSDT")["mins"],
        }
    )
)
